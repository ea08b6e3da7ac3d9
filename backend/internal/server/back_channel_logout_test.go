package server

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
)

// A whole server with its jobs: what a browser that signs out does not tell an application, the server does
// (Back-Channel Logout 1.0 §2.5).
func TestAnApplicationHearsOfASignOutThroughTheBackChannel(t *testing.T) {
	t.Parallel()
	s := newSiteOn(t, dbtest.URL(t), "fetch_allowed_networks", "127.0.0.0/8", "workers", "1")
	heard := make(chan string, 10)
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { heard <- r.PostFormValue("logout_token") }))
	t.Cleanup(listener.Close)
	s.web, s.secret = s.client(s.acme, client.Client{Name: "Back", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback},
		PostLogoutRedirectURIs: []string{afterLogout}, GrantTypes: []string{client.AuthorizationCode, client.RefreshToken},
		Metadata: client.Metadata{BackchannelLogoutURI: listener.URL + "/back"}})
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	if err := s.app.Jobs.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		done, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := s.app.Jobs.Stop(done); err != nil {
			t.Error(err)
		}
	})
	b := s.browser()
	_, tokens := s.tokens(b.signIn())
	sid := claims(t, tokens["id_token"].(string))["sid"]
	a := b.get("/acme/logout?" + url.Values{"id_token_hint": {tokens["id_token"].(string)}, "post_logout_redirect_uri": {afterLogout}}.Encode())
	if a.url.String() != afterLogout {
		t.Fatalf("%d at %s", a.status, a.url)
	}
	select {
	case token := <-heard:
		if said := claims(t, token); said["sid"] != sid || said["aud"] != s.web.ClientID || said["iss"] != s.server.URL+"/acme" {
			t.Errorf("%v", said)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the application heard nothing")
	}
	for deadline := time.Now().Add(30 * time.Second); ; {
		listed, err := s.app.Sessions.Deliveries(t.Context(), s.app.Store, s.acme.ID, session.DeliveryFilter{SessionID: uuid.MustParse(sid.(string)), Limit: 10})
		if err != nil || len(listed) != 1 {
			t.Fatalf("%v %v", listed, err)
		}
		if listed[0].State == session.Delivered {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v", listed[0])
		}
		time.Sleep(10 * time.Millisecond) // the answer is written down after it was heard
	}
	// Of a transaction that fails nothing is told.
	live := s.sessionOf(t, b)
	_ = s.app.Store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		if err := s.app.Sessions.End(ctx, tx, operator, s.acme.ID, live, "test"); err != nil {
			t.Error(err)
		}
		return context.Canceled
	})
	if listed, err := s.app.Sessions.Deliveries(t.Context(), s.app.Store, s.acme.ID, session.DeliveryFilter{SessionID: live, Limit: 10}); err != nil || len(listed) != 0 {
		t.Errorf("%v %v", listed, err)
	}
}

// sessionOf signs in once more and returns the id of the session.
func (s *site) sessionOf(t *testing.T, b *browser) uuid.UUID {
	t.Helper()
	_, tokens := s.tokens(b.signIn())
	return uuid.MustParse(claims(t, tokens["id_token"].(string))["sid"].(string))
}
