package server

import (
	"net/http"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/jose"
)

// RFC 9101 §10.5.
func TestAClientThatMustSignIsHeldToIt(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.signIn()
	of := s.signing(t, jose.ES256, client.Metadata{RequireSignedRequestObject: true})
	signed := of.object(t, "oauth-authz-req+jwt", nil)
	if got := b.get(s.authorizeURL()).url.Query(); got.Get("error") != "invalid_request" || got.Get("code") != "" {
		t.Errorf("a plain request: %v", got)
	}
	if got := b.get(s.authorizeURL("request", signed)).url.Query(); got.Get("code") == "" {
		t.Errorf("a signed request: %v", got)
	}
	if status, _, body := s.pushing(s.parameters().Encode(), nil); status != http.StatusBadRequest || body["error"] != "invalid_request" {
		t.Errorf("a plain request that is pushed: %d %v", status, body)
	}
	if got := b.get(s.push("request", signed)).url.Query(); got.Get("code") == "" || got.Get("state") != "inside" {
		t.Errorf("a signed request that is pushed: %v", got)
	}
	t.Run("also after a sign-in", func(t *testing.T) {
		fresh := s.browser()
		a := fresh.get(s.push("request", signed))
		a = fresh.submit(a, "login-form", "username", s.ada.Username, "password", password)
		if a.url.Query().Get("code") == "" {
			t.Errorf("%s", a.url)
		}
	})
	t.Run("another client's object is none of this one", func(t *testing.T) {
		other := s.signing(t, jose.ES256, client.Metadata{RequireSignedRequestObject: true}) // s.web is now this one
		if got := b.get(s.authorizeURL("request", signed)).url.Query(); got.Get("error") != "invalid_request_object" {
			t.Errorf("%v", got)
		}
		_ = other
	})
}
