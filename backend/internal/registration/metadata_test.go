package registration_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
)

// everything is a registration with every member that has no algorithm in it.
const everything = `{"redirect_uris":["https://app.example.test/callback","https://app.example.test/other"],"token_endpoint_auth_method":"client_secret_post",
	"grant_types":["authorization_code","refresh_token"],"response_types":["code"],"client_name":"Application","client_name#it":"Applicazione",
	"client_uri":"https://app.example.test/","client_uri#it":"https://app.example.test/it","logo_uri":"https://app.example.test/logo.png",
	"policy_uri":"https://app.example.test/policy","tos_uri":"https://app.example.test/terms","contacts":["ada@example.test"],"scope":"openid email",
	"jwks":{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","kid":"1"}]},
	"software_id":"4NRB1-0XZABZI9E6-5SM3R","software_version":"2.1","application_type":"web","subject_type":"pairwise",
	"id_token_signed_response_alg":"ES256","userinfo_signed_response_alg":"ES256","authorization_signed_response_alg":"PS256","authorization_encrypted_response_alg":"ECDH-ES",
	"authorization_encrypted_response_enc":"A128GCM","introspection_signed_response_alg":"ES256","introspection_encrypted_response_alg":"ECDH-ES",
	"introspection_encrypted_response_enc":"A128GCM","request_object_signing_alg":"RS256","default_max_age":3600,
	"require_auth_time":true,"require_pushed_authorization_requests":true,"require_signed_request_object":true,"authorization_details_types":["payment"],"default_acr_values":["urn:example:loa2"],"initiate_login_uri":"https://app.example.test/start",
	"request_uris":["https://app.example.test/request#hash"],"post_logout_redirect_uris":["https://app.example.test/bye"],
	"frontchannel_logout_uri":"https://app.example.test/front","frontchannel_logout_session_required":true,
	"backchannel_logout_uri":"https://app.example.test/back","backchannel_logout_session_required":true}`

func TestEveryMemberIsRegisteredAndReturned(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	open := p.Organization(t, "open", org.Policies{Registration: org.RegistrationOpen})
	answer := p.PostBody(open, "register", jsonType, everything)
	if answer.Status != 201 {
		t.Fatalf("%d %s", answer.Status, answer.Body)
	}
	var wanted map[string]any
	if err := json.Unmarshal([]byte(everything), &wanted); err != nil {
		t.Fatal(err)
	}
	read := manage(p, http.MethodGet, answer, "")
	for name, value := range wanted {
		if !reflect.DeepEqual(answer.JSON[name], value) {
			t.Errorf("RFC 7591 §3.2.1: %s is %v, want %v", name, answer.JSON[name], value)
		}
		if !reflect.DeepEqual(read.JSON[name], value) {
			t.Errorf("RFC 7592 §2.1: %s is %v, want %v", name, read.JSON[name], value)
		}
	}
	t.Run("members with null are as if left out (RFC 7592 §2.2)", func(t *testing.T) {
		answer := p.PostBody(open, "register", jsonType, `{"redirect_uris":["https://app.example.test/"],"scope":null,"jwks":null,"client_name#it":null,"default_max_age":null,"subject_type":null}`)
		if answer.Status != 201 || answer.Text("scope") == "" || answer.JSON["jwks"] != nil || answer.JSON["client_name#it"] != nil || answer.Text("subject_type") != "public" ||
			answer.Text("authorization_signed_response_alg") != "RS256" {
			t.Errorf("%d %s", answer.Status, answer.Body)
		}
	})
	t.Run("a secret that signs is kept readable, sealed (Registration §2)", func(t *testing.T) {
		answer := p.PostBody(open, "register", jsonType, `{"redirect_uris":["https://app.example.test/"],"id_token_signed_response_alg":"HS256"}`)
		registered, err := p.Clients.ByClientID(t.Context(), open.ID, answer.Text("client_id"))
		if err != nil {
			t.Fatal(err)
		}
		if kept, err := p.Clients.SymmetricSecret(registered); err != nil || string(kept) != answer.Text("client_secret") {
			t.Errorf("%v", err)
		}
	})
}

// OpenID Connect Registration 1.0 §5, Core 1.0 §8.1.
func TestSectorIdentifier(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	open := p.Organization(t, "open", org.Policies{Registration: org.RegistrationOpen})
	register := func(sector string, more ...string) oidctest.Answer {
		body := map[string]any{"redirect_uris": append([]string{"https://a.example.test/callback"}, more...), "subject_type": "pairwise", "sector_identifier_uri": sector}
		encoded, _ := json.Marshal(body)
		p.ForgetRates(t)
		return p.PostBody(open, "register", jsonType, string(encoded))
	}
	good := p.Web.Document("/sector", jsonType, `["https://a.example.test/callback","https://b.example.test/callback"]`)
	answer := register(good, "https://b.example.test/callback")
	if answer.Status != 201 || answer.Text("sector_identifier_uri") != good || answer.Text("subject_type") != "pairwise" {
		t.Fatalf("%d %s", answer.Status, answer.Body)
	}
	t.Run("fetched anew for every registration, so that a mended document counts at once", func(t *testing.T) {
		before := p.Web.Requests("/sector")
		if answer := register(good); answer.Status != 201 || p.Web.Requests("/sector") != before+1 {
			t.Errorf("%d %s", answer.Status, answer.Body)
		}
	})
	for name, sector := range map[string]string{
		"a redirect URI is missing":       p.Web.Document("/other", jsonType, `["https://other.example.test/callback"]`),
		"an array of something else":      p.Web.Document("/numbers", jsonType, `[1]`),
		"an object":                       p.Web.Document("/object", jsonType, `{"redirect_uris":["https://a.example.test/callback"]}`),
		"no JSON":                         p.Web.Document("/text", jsonType, `https://a.example.test/callback`),
		"too large":                       p.Web.Document("/large", jsonType, `["https://a.example.test/callback","`+strings.Repeat("x", 70<<10)+`"]`),
		"a redirect":                      p.Web.Handle("/redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/sector", http.StatusFound) }),
		"not found":                       p.Web.URL + "/nothing",
		"this machine, without TLS there": "https://127.0.0.1:1/sector",
		"a network that is not public":    "https://10.1.2.3/sector",
		"metadata of a cloud":             "https://169.254.169.254/latest/meta-data",
	} {
		if answer := register(sector); answer.Status != 400 || answer.ErrorCode() != "invalid_client_metadata" {
			t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
		}
	}
	t.Run("nothing is fetched for what is refused anyhow", func(t *testing.T) {
		unused := p.Web.Document("/unused", jsonType, `[]`)
		answer := p.PostBody(open, "register", jsonType, `{"redirect_uris":["http://a.example.test/"],"sector_identifier_uri":"`+unused+`"}`)
		if answer.Status != 400 || answer.ErrorCode() != "invalid_redirect_uri" || p.Web.Requests("/unused") != 0 {
			t.Errorf("%d %s", answer.Status, answer.Body)
		}
	})
	t.Run("an update cannot leave the sector", func(t *testing.T) {
		body, _ := json.Marshal(map[string]any{"client_id": answer.Text("client_id"), "redirect_uris": []string{"https://c.example.test/callback"},
			"subject_type": "pairwise", "sector_identifier_uri": good})
		if got := manage(p, http.MethodPut, answer, string(body)); got.Status != 400 || got.ErrorCode() != "invalid_client_metadata" {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	})
}
