package registration_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
)

// Core §10.1: a key is published before the first token that it signs, so that nobody meets it with an older key set.
func TestAKeyIsPublishedWhenAClientRegistersItsAlgorithm(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	open := p.Organization(t, "open", org.Policies{Registration: org.RegistrationOpen})
	published := func(algorithm jose.Algorithm) bool {
		t.Helper()
		algorithms, err := p.Keys.Algorithms(t.Context(), open.ID)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Contains(algorithms, algorithm)
	}
	for _, algorithm := range []jose.Algorithm{jose.ES384, jose.ES512, jose.EdDSA} {
		if published(algorithm) {
			t.Fatalf("%s is there before anybody needs it", algorithm)
		}
	}
	registered := p.PostBody(open, "register", jsonType, `{"redirect_uris":["https://app.example.test/"],"id_token_signed_response_alg":"ES384","userinfo_signed_response_alg":"ES512"}`)
	if registered.Status != 201 || !published(jose.ES384) || !published(jose.ES512) {
		t.Errorf("registered: %d %s", registered.Status, registered.Body)
	}
	updated := manage(p, http.MethodPut, registered, `{"client_id":"`+registered.Text("client_id")+`","redirect_uris":["https://app.example.test/"],"id_token_signed_response_alg":"EdDSA"}`)
	if updated.Status != 200 || !published(jose.EdDSA) {
		t.Errorf("updated: %d %s", updated.Status, updated.Body)
	}
}
