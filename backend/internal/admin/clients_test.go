package admin_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
)

func TestAClientsLife(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	created := grace.do("POST", "/orgs/acme/clients", fields{"client_name": "Payroll", "client_id": "payroll", "redirect_uris": []string{"https://payroll.test/cb"}}).must(201)
	at := "/orgs/acme/clients/" + created.text("client.id")
	secret := created.text("client_secret")
	if len(secret) != 43 || created.text("client.id_token_signed_response_alg") != "ES256" || created.text("client.token_endpoint_auth_method") != "client_secret_basic" ||
		fmt.Sprint(created.at("client.scopes")) != "[openid profile email]" || created.header.Get("Location") != "/api/v1"+at || created.text("client.origin") != "administrator" {
		t.Errorf("created: %s", created.body)
	}
	works := func(secret string) bool {
		found, err := s.Clients.ByClientID(t.Context(), s.acme.ID, "payroll")
		check(t, err)
		return found.SecretMatches(secret)
	}
	read := grace.get(at).must(200)
	if strings.Contains(string(read.body), secret) || !works(secret) {
		t.Errorf("the secret is read again, or does not work")
	}
	rotated := grace.do("POST", at+"/secret", nil).must(201).text("client_secret")
	if works(secret) || !works(rotated) {
		t.Error("rotating the secret did not replace it at once")
	}
	etag := grace.get(at).etag()
	public := grace.do("PATCH", at, fields{"token_endpoint_auth_method": "none", "tos_uri": "https://payroll.test/tos", "access_token_lifetime_seconds": 60}, "If-Match", etag).must(200)
	if public.at("client_secret") != nil || works(rotated) || public.at("client.access_token_lifetime_seconds") != 60.0 {
		t.Errorf("made public: %s", public.body)
	}
	grace.do("POST", at+"/secret", nil).refuses(409, "client_public")
	confidential := grace.do("PATCH", at, fields{"token_endpoint_auth_method": "client_secret_post", "tos_uri": nil, "access_token_lifetime_seconds": nil}, "If-Match", public.etag()).must(200)
	if !works(confidential.text("client_secret")) || confidential.at("client.tos_uri") != nil || confidential.at("client.access_token_lifetime_seconds") != nil {
		t.Errorf("made confidential: %s", confidential.body)
	}
	service := grace.do("PATCH", at, fields{"grant_types": []string{"client_credentials"}, "redirect_uris": []string{}, "scopes": []string{}}, "If-Match", confidential.etag()).must(200)
	if fmt.Sprint(service.at("client.response_types")) != "[]" {
		t.Errorf("response types follow the grant types: %s", service.body)
	}
	grace.do("POST", "/orgs/acme/clients", fields{"client_name": "Again", "client_id": "payroll", "redirect_uris": []string{"https://a.test/"}}).refuses(409, "client_id_taken")
	grace.do("DELETE", at, nil, "If-Match", service.etag()).must(204)
	grace.get(at).refuses(404, "client_not_found")
	for _, event := range or(grace.get("/orgs/acme/audit-events?target=" + created.text("client.id")).must(200).json["items"]) {
		if text := fmt.Sprint(event); strings.Contains(text, secret) || strings.Contains(text, rotated) {
			t.Errorf("a secret in the audit log: %s", text)
		}
	}
}

func TestTheBuiltInClientStays(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	console, _ := s.Application(t, s.acme, client.BuiltInConsole(s.acme.ID, s.URL))
	at := "/orgs/acme/clients/" + console.ID.String()
	read := grace.get(at).must(200)
	if read.at("built_in") != true {
		t.Errorf("built in: %s", read.body)
	}
	grace.do("PATCH", at, fields{"redirect_uris": []string{"https://evil.test/"}}, "If-Match", read.etag()).refuses(409, "client_built_in")
	grace.do("DELETE", at, nil, "If-Match", read.etag()).refuses(409, "client_built_in")
	grace.do("POST", at+"/secret", nil).refuses(409, "client_built_in")
}
