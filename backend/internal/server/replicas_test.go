package server

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// replica is another server on the database of the site, behind the same address. Its caches hear of changes as those of
// a server that runs do.
func (s *site) replica() *httptest.Server {
	s.t.Helper()
	config := *s.app.Config
	app, err := Open(s.t.Context(), &config, slog.New(slog.DiscardHandler), Options{Workers: config.Workers})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(app.Close)
	listening, stop := context.WithCancel(context.Background())
	s.t.Cleanup(stop)
	go app.Invalidations.Listen(listening, config.DatabaseDirectURL, slog.New(slog.DiscardHandler))
	handler, err := app.handler(newMetrics(app.Store, app.Hashes, app.Fetch, app.BackChannel), &health{app: app})
	if err != nil {
		s.t.Fatal(err)
	}
	server := httptest.NewTLSServer(handler)
	s.t.Cleanup(server.Close)
	return server
}

// TestWhatIsRevokedOnOneReplicaIsWorthNothingOnAnother: what dies with a grant, a session or a person is looked up at each
// use, so the very next request finds it. Clients and organizations are cached, and their changes announced.
func TestWhatIsRevokedOnOneReplicaIsWorthNothingOnAnother(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	other := s.replica()
	ask := func(path string, form url.Values, authorization string) (int, string) {
		method, body := http.MethodGet, ""
		if form != nil {
			method, body = http.MethodPost, form.Encode()
		}
		request, err := http.NewRequestWithContext(t.Context(), method, other.URL+"/acme/"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", authorization)
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		response, err := other.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		read, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(read)
	}
	basic := func(c *client.Client, secret string) string {
		request := &http.Request{Header: http.Header{}}
		request.SetBasicAuth(url.QueryEscape(c.ClientID), url.QueryEscape(secret))
		return request.Header.Get("Authorization")
	}
	// works reports whether userinfo, introspection and refresh take the tokens on the other replica.
	works := func(access string) (userinfo bool, introspection bool) {
		status, _ := ask("userinfo", nil, "Bearer "+access)
		_, answer := ask("introspect", url.Values{"token": {access}}, basic(s.web, s.secret))
		return status == http.StatusOK, strings.Contains(answer, `"active":true`)
	}
	b := s.browser()
	a := b.get(s.authorizeURL("scope", "openid offline_access"))
	a = b.submit(a, "login-form", "username", s.ada.Username, "password", password)
	a = b.submit(a, "consent-form", "decision", "allow")
	tokensOf := func(a *answer) (access, refresh string) {
		t.Helper()
		status, tokens := s.tokenRequest(url.Values{"grant_type": {"authorization_code"}, "code": {a.url.Query().Get("code")}, "redirect_uri": {callback}, "code_verifier": {verifier}})
		if status != http.StatusOK {
			t.Fatalf("%d %v", status, tokens)
		}
		access, _ = tokens["access_token"].(string)
		refresh, _ = tokens["refresh_token"].(string)
		if userinfo, introspection := works(access); !userinfo || !introspection {
			t.Fatalf("a good token is worth nothing on the other replica: %v %v", userinfo, introspection)
		}
		return access, refresh
	}
	dead := func(name, access, refresh string) {
		t.Helper()
		if userinfo, introspection := works(access); userinfo || introspection {
			t.Errorf("%s: userinfo %v, introspection %v", name, userinfo, introspection)
		}
		if status, answer := ask("token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}, basic(s.web, s.secret)); refresh != "" && status == http.StatusOK {
			t.Errorf("%s: refreshed: %s", name, answer)
		}
	}
	revoke := func(token string) {
		t.Helper()
		if a := s.browser().post("/acme/revoke", url.Values{"token": {token}}, "Authorization", basic(s.web, s.secret)); a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	access, _ := tokensOf(a)
	revoke(access)
	dead("an access token", access, "")
	access, refresh := tokensOf(b.get(s.authorizeURL("scope", "openid offline_access")))
	revoke(refresh)
	dead("a refresh token", access, refresh)

	access, refresh = tokensOf(b.get(s.authorizeURL("scope", "openid offline_access")))
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		current, err := s.app.Users.ByID(ctx, tx, s.acme.ID, s.ada.ID)
		if err != nil {
			return err
		}
		current.Status = user.Disabled
		_, err = s.app.Users.Update(ctx, tx, operator, *current)
		return err
	})
	dead("a person", access, refresh)

	eventually := func(name string, holds func() bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: the other replica did not hear of it", name)
			}
		}
	}
	credentials := func() bool {
		status, _ := ask("introspect", url.Values{"token": {"x"}}, basic(s.web, s.secret))
		return status == http.StatusUnauthorized
	}
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		changed := *s.web
		changed.Status = client.Disabled
		_, _, err := s.app.Clients.Update(ctx, tx, operator, changed)
		return err
	})
	eventually("a client", credentials)
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		_, err := s.app.Organizations.SetStatus(ctx, tx, operator, s.acme.ID, org.Suspended, s.acme.Version)
		return err
	})
	eventually("an organization", func() bool {
		status, _ := ask("jwks", nil, "")
		return status == http.StatusForbidden
	})
}
