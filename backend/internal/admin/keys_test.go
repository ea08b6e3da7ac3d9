package admin_test

import (
	"slices"
	"testing"

	"github.com/clavex/clavex/backend/internal/jose"
)

// Core §10.1: a key is published before the first token that it signs.
func TestAKeyIsPublishedWhenAClientIsGivenItsAlgorithm(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	published := func(algorithm jose.Algorithm) bool {
		t.Helper()
		algorithms, err := s.Keys.Algorithms(t.Context(), s.acme.ID)
		check(t, err)
		return slices.Contains(algorithms, algorithm)
	}
	made := grace.do("POST", "/orgs/acme/clients", fields{"client_name": "Payroll", "redirect_uris": []string{"https://app.example.test/"},
		"id_token_signed_response_alg": "ES384"}).must(201)
	if !published(jose.ES384) || published(jose.ES512) {
		t.Error("after the creation")
	}
	grace.do("PATCH", "/orgs/acme/clients/"+made.text("client.id"), fields{"userinfo_signed_response_alg": "ES512"}, "If-Match", made.etag()).must(200)
	if !published(jose.ES512) {
		t.Error("after the update")
	}
}
