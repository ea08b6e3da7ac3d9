package registration_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
)

// RFC 7591 §2.3, §3.1.1, §3.2.2.
func TestSoftwareStatements(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	signer, stranger := newStatementSigner(t), newStatementSigner(t)
	set, err := json.Marshal(jose.NewKeySet(signer.Public()))
	if err != nil {
		t.Fatal(err)
	}
	remote := p.Web.Document("/jwks", "application/jwk-set+json", string(set))
	organization := p.Organization(t, "trusting", org.Policies{Registration: org.RegistrationOpen, RegistrationRules: org.RegistrationRules{
		SoftwareStatementIssuers: []org.SoftwareStatementIssuer{{Issuer: "https://trust.example.test", JWKS: set}, {Issuer: "https://remote.example.test", JWKSURI: remote}}}})
	register := func(statement string) oidctest.Answer {
		p.ForgetRates(t)
		body, _ := json.Marshal(map[string]any{"redirect_uris": []string{"https://app.example.test/"}, "client_name": "Mine", "client_name#en": "Your Bank", "logo_uri#de": "https://app.example.test/de.png", "software_id": "mine", "software_statement": statement})
		return p.PostBody(organization, "register", jsonType, string(body))
	}
	statement := func(by *jose.Signer, claims map[string]any) string {
		all := map[string]any{"iss": "https://trust.example.test", "exp": p.Clock.Now().Add(time.Hour).Unix(), "client_name": "Approved", "software_id": "4NRB1",
			"redirect_uris": []string{"https://approved.example.test/"}}
		for name, value := range claims {
			all[name] = value
		}
		signed, err := by.Sign(t.Context(), "JWT", all)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	good := statement(signer, nil)
	registered := register(good)
	if registered.Status != 201 || registered.Text("client_name") != "Approved" || registered.Text("software_id") != "4NRB1" || registered.Text("software_statement") != good ||
		registered.JSON["redirect_uris"].([]any)[0] != "https://approved.example.test/" {
		t.Fatalf("%d %s", registered.Status, registered.Body)
	}
	if registered.JSON["client_name#en"] != nil || registered.Text("logo_uri#de") == "" {
		t.Errorf("the name that the statement gives has another one in English, or what it does not speak of is lost: %s", registered.Body)
	}
	if got := register(statement(signer, map[string]any{"client_name#en": "Approved too"})); got.Text("client_name#en") != "Approved too" {
		t.Errorf("%s", got.Body)
	}
	if got := register(statement(signer, map[string]any{"iss": "https://remote.example.test"})); got.Status != 201 {
		t.Errorf("keys by address: %d %s", got.Status, got.Body)
	}
	unsigned := strings.Join(append(strings.Split(good, ".")[:2], ""), ".")
	for name, test := range map[string]struct{ statement, code string }{
		"unknown issuer":           {statement(signer, map[string]any{"iss": "https://other.example.test"}), "unapproved_software_statement"},
		"no issuer":                {statement(signer, map[string]any{"iss": ""}), "unapproved_software_statement"},
		"signed by another":        {statement(stranger, nil), "invalid_software_statement"},
		"expired":                  {statement(signer, map[string]any{"exp": p.Clock.Now().Add(-time.Hour).Unix()}), "invalid_software_statement"},
		"from the future":          {statement(signer, map[string]any{"nbf": p.Clock.Now().Add(time.Hour).Unix()}), "invalid_software_statement"},
		"not signed":               {unsigned, "invalid_software_statement"},
		"changed":                  {good[:len(good)-4] + "AAAA", "invalid_software_statement"},
		"no JWT":                   {"statement", "invalid_software_statement"},
		"a claim of a wrong type":  {statement(signer, map[string]any{"client_name": 1}), "invalid_client_metadata"},
		"more than may be granted": {statement(signer, map[string]any{"grant_types": []string{"client_credentials"}, "redirect_uris": nil}), "invalid_client_metadata"},
		"a scope of the Admin API": {statement(signer, map[string]any{"scope": "admin:write"}), "invalid_client_metadata"},
	} {
		if got := register(test.statement); got.Status != 400 || got.ErrorCode() != test.code {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	t.Run("an organization that trusts nobody", func(t *testing.T) {
		trusting := p.Organization(t, "alone", org.Policies{Registration: org.RegistrationOpen})
		body, _ := json.Marshal(map[string]any{"redirect_uris": []string{"https://app.example.test/"}, "software_statement": good})
		if got := p.PostBody(trusting, "register", jsonType, string(body)); got.Status != 400 || got.ErrorCode() != "unapproved_software_statement" {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	})
	t.Run("an update does not leave what the statement says, also when it expired since", func(t *testing.T) {
		p.Clock.Advance(2 * time.Hour)
		got := manage(p, http.MethodPut, registered, `{"client_id":"`+registered.Text("client_id")+`","client_name":"Mine","redirect_uris":["https://evil.example.test/"]}`)
		if got.Status != 200 || got.Text("client_name") != "Approved" || got.JSON["redirect_uris"].([]any)[0] != "https://approved.example.test/" || got.Text("software_statement") != good {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	})
}

func newStatementSigner(t *testing.T) *jose.Signer {
	t.Helper()
	signer, err := jose.GenerateSigner(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}
