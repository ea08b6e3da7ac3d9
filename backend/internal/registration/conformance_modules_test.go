package registration_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"testing"

	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
)

// The modules of the OpenID Foundation's conformance suite at the registration endpoint that could go wrong, each in a
// test of its name.
func TestModulesOfTheConformanceSuiteAtTheRegistrationEndpoint(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	open := p.Organization(t, "open", org.Policies{Registration: org.RegistrationOpen})
	register := func(t *testing.T, members map[string]any) oidctest.Answer {
		t.Helper()
		wanted := map[string]any{"redirect_uris": []string{"https://app.example.test/callback"}}
		maps.Copy(wanted, members)
		encoded, err := json.Marshal(wanted)
		if err != nil {
			t.Fatal(err)
		}
		return p.PostBody(open, "register", jsonType, string(encoded))
	}
	refused := func(t *testing.T, answer oidctest.Answer, code string) {
		t.Helper()
		if answer.Status != http.StatusBadRequest || answer.ErrorCode() != code || answer.JSON["client_id"] != nil {
			t.Errorf("%d %s", answer.Status, answer.Body)
		}
	}
	t.Run("oidcc-3rd_party-init-login", func(t *testing.T) {
		answer := register(t, map[string]any{"initiate_login_uri": "https://app.example.test/start"})
		if answer.Status != http.StatusCreated || answer.Text("initiate_login_uri") != "https://app.example.test/start" {
			t.Fatalf("%d %s", answer.Status, answer.Body)
		}
		if read := manage(p, http.MethodGet, answer, ""); read.Status != http.StatusOK || read.Text("initiate_login_uri") != "https://app.example.test/start" {
			t.Errorf("%d %s", read.Status, read.Body)
		}
	})
	t.Run("oidcc-3rd_party-init-login-nohttps", func(t *testing.T) {
		refused(t, register(t, map[string]any{"initiate_login_uri": "http://app.example.test/start"}), "invalid_client_metadata")
	})
	t.Run("oidcc-redirect-uri-regfrag", func(t *testing.T) {
		refused(t, register(t, map[string]any{"redirect_uris": []string{"https://app.example.test/callback#foobar"}}), "invalid_redirect_uri")
	})
	t.Run("oidcc-registration-sector-bad", func(t *testing.T) {
		sector := p.Web.Document("/sector-bad", jsonType, `["https://other.example.test/callback"]`)
		refused(t, register(t, map[string]any{"subject_type": "pairwise", "sector_identifier_uri": sector}), "invalid_client_metadata")
	})
	t.Run("oidcc-idtoken-unsigned", func(t *testing.T) {
		refused(t, register(t, map[string]any{"id_token_signed_response_alg": "none"}), "invalid_client_metadata")
	})
}
