package registration_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
)

func issue(t *testing.T, p *oidctest.Provider, organization *org.Organization, uses int) (plain string, id uuid.UUID) {
	t.Helper()
	p.InTx(t, func(ctx context.Context, tx *store.Tx) error {
		issued, value, err := p.Clients.CreateInitialAccessToken(ctx, tx, oidctest.Actor(), client.InitialAccessToken{OrgID: organization.ID, Name: "partners",
			MaxUses: uses, ExpiresAt: p.Clock.Now().Add(time.Hour)})
		if err == nil {
			plain, id = value, issued.ID
		}
		return err
	})
	return plain, id
}

func registerWith(p *oidctest.Provider, organization *org.Organization, token, body string) oidctest.Answer {
	if token == "" {
		return p.PostBody(organization, "register", jsonType, body)
	}
	return p.PostBody(organization, "register", jsonType, body, "Authorization", "Bearer "+token)
}

// RFC 7591 §3, §3.2.2; RFC 6750 §3.
func TestInitialAccessTokens(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	organization, other := p.Organization(t, "guarded", org.Policies{Registration: org.RegistrationByToken}), p.Organization(t, "other", org.Policies{Registration: org.RegistrationByToken})
	const body = `{"redirect_uris":["https://app.example.test/"]}`
	token, id := issue(t, p, organization, 2)
	foreign, _ := issue(t, p, other, 0)
	t.Run("without one: a bare challenge", func(t *testing.T) {
		got := registerWith(p, organization, "", body)
		if got.Status != 401 || got.Header.Get("WWW-Authenticate") != `Bearer realm="clavex"` {
			t.Errorf("%d %s %v", got.Status, got.Body, got.Header)
		}
	})
	for name, wrong := range map[string]string{"wrong": token + "x", "of another organization": foreign, "its id": id.String()} {
		if got := registerWith(p, organization, wrong, body); got.Status != 401 || got.ErrorCode() != "invalid_token" || !strings.HasPrefix(got.Header.Get("WWW-Authenticate"), "Bearer ") {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	if got := p.PostBody(organization, "register", jsonType, body, "Authorization", "Basic YTpi"); got.Status != 401 {
		t.Errorf("another scheme: %d %s", got.Status, got.Body)
	}
	t.Run("what is refused costs no use", func(t *testing.T) {
		if got := registerWith(p, organization, token, `{"redirect_uris":["https://app.example.test/#x"]}`); got.Status != 400 {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	})
	registered := registerWith(p, organization, token, body)
	if registered.Status != 201 {
		t.Fatalf("%d %s", registered.Status, registered.Body)
	}
	stored, err := p.Clients.ByClientID(t.Context(), organization.ID, registered.Text("client_id"))
	if err != nil || stored.InitialAccessTokenID == nil || *stored.InitialAccessTokenID != id || !stored.RequireConsent {
		t.Errorf("%v %+v", err, stored)
	}
	t.Run("two at once, one use left", func(t *testing.T) {
		var statuses [2]int
		var both sync.WaitGroup
		for i := range statuses {
			both.Go(func() { statuses[i] = registerWith(p, organization, token, body).Status })
		}
		both.Wait()
		if statuses != [2]int{201, 401} && statuses != [2]int{401, 201} {
			t.Errorf("%v", statuses)
		}
	})
	if got := registerWith(p, organization, token, body); got.Status != 401 {
		t.Errorf("used up: %d", got.Status)
	}
	t.Run("expired", func(t *testing.T) {
		endless, _ := issue(t, p, organization, 0)
		if got := registerWith(p, organization, endless, body); got.Status != 201 {
			t.Errorf("before: %d", got.Status)
		}
		p.Clock.Advance(time.Hour)
		if got := registerWith(p, organization, endless, body); got.Status != 401 {
			t.Errorf("after: %d", got.Status)
		}
	})
	t.Run("revoked; its clients stay", func(t *testing.T) {
		revoked, id := issue(t, p, organization, 0)
		made := registerWith(p, organization, revoked, body)
		for range 2 { // twice is harmless
			p.InTx(t, func(ctx context.Context, tx *store.Tx) error {
				_, err := p.Clients.RevokeInitialAccessToken(ctx, tx, oidctest.Actor(), organization.ID, id)
				return err
			})
		}
		if got := registerWith(p, organization, revoked, body); got.Status != 401 {
			t.Errorf("%d", got.Status)
		}
		if got := manage(p, http.MethodPut, made, `{"client_id":"`+made.Text("client_id")+`","redirect_uris":["https://other.example.test/"]}`); got.Status != 200 {
			t.Errorf("%d %s", got.Status, got.Body)
		}
		err := p.Store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			_, err := p.Clients.RevokeInitialAccessToken(ctx, tx, oidctest.Actor(), other.ID, id)
			return err
		})
		if err == nil {
			t.Error("another organization revoked it")
		}
	})
	t.Run("neither token nor digest is in the audit log", func(t *testing.T) {
		var count int
		if err := p.Store.QueryRow(t.Context(), "SELECT count(*) FROM audit_events WHERE after::text LIKE '%' || $1 || '%' OR after::text LIKE '%token_hash%'", token).Scan(&count); err != nil || count != 0 {
			t.Errorf("%v %d", err, count)
		}
	})
}

func TestAnInitialAccessTokenOpensWhatStrangersCannot(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	loopback := p.Organization(t, "loopback", org.Policies{Registration: org.RegistrationLoopback, RegistrationRules: org.RegistrationRules{
		GrantTypes: []string{"authorization_code", "client_credentials"}, Scopes: []string{"openid", "orders"}}})
	closed := p.Organization(t, "closed", org.Policies{})
	token, _ := issue(t, p, loopback, 0)
	const body = `{"redirect_uris":["https://app.example.test/"]}`
	if got := registerWith(p, loopback, "", body); got.Status != 400 {
		t.Errorf("without: %d %s", got.Status, got.Body)
	}
	if got := registerWith(p, loopback, token, body); got.Status != 201 || got.Text("scope") != "openid orders" {
		t.Errorf("with: %d %s", got.Status, got.Body)
	}
	if got := registerWith(p, loopback, token+"x", `{"redirect_uris":["http://localhost/"]}`); got.Status != 401 {
		t.Errorf("a wrong one where none is needed: %d %s", got.Status, got.Body)
	}
	const machine = `{"grant_types":["client_credentials"],"scope":"orders"}`
	if got := registerWith(p, loopback, "", machine); got.Status != 400 || got.ErrorCode() != "invalid_client_metadata" {
		t.Errorf("a machine without: %d %s", got.Status, got.Body)
	}
	if got := registerWith(p, loopback, token, machine); got.Status != 201 {
		t.Errorf("a machine with: %d %s", got.Status, got.Body)
	}
	if got := registerWith(p, loopback, token, `{"redirect_uris":["https://app.example.test/"],"scope":"openid admin:write"}`); got.Status != 400 {
		t.Errorf("scope of the Admin API: %d %s", got.Status, got.Body)
	}
	old, _ := issue(t, p, closed, 0)
	if got := registerWith(p, closed, old, body); got.Status != 403 {
		t.Errorf("closed: %d %s", got.Status, got.Body)
	}
}

// RFC 7591 §5.
func TestRegistrationRules(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	organization := p.Organization(t, "bounded", org.Policies{Registration: org.RegistrationOpen, RegistrationRules: org.RegistrationRules{
		RedirectHosts: []string{"app.example.test", "*.partners.example.test"}, GrantTypes: []string{"authorization_code"}, Scopes: []string{"openid", "email"}}})
	for body, want := range map[string]int{
		`{"redirect_uris":["https://app.example.test/"]}`:                                                      201,
		`{"redirect_uris":["https://APP.example.test/"]}`:                                                      201,
		`{"redirect_uris":["https://a.partners.example.test:8443/"]}`:                                          201,
		`{"redirect_uris":["https://partners.example.test/"]}`:                                                 400,
		`{"redirect_uris":["https://evilpartners.example.test/"]}`:                                             400,
		`{"redirect_uris":["https://app.example.test.evil.test/"]}`:                                            400,
		`{"redirect_uris":["https://app.example.test/","https://evil.test/"]}`:                                 400,
		`{"redirect_uris":["https://app.example.test/"],"post_logout_redirect_uris":["https://evil.test/"]}`:   400,
		`{"redirect_uris":["com.example.app:/callback"],"application_type":"native"}`:                          400,
		`{"redirect_uris":["https://app.example.test/"],"grant_types":["authorization_code","refresh_token"]}`: 400,
		`{"redirect_uris":["https://app.example.test/"],"scope":"openid profile"}`:                             400,
		`{"redirect_uris":["https://app.example.test/"],"scope":"openid"}`:                                     201,
		`{"redirect_uris":["https://app.example.test/"],"backchannel_logout_uri":"https://evil.test/"}`:        400,
		`{"redirect_uris":["https://app.example.test/"],"initiate_login_uri":"https://evil.test/"}`:            400,
		`{"redirect_uris":["https://app.example.test/"],"backchannel_logout_uri":"https://app.example.test/"}`: 201,
	} {
		p.ForgetRates(t)
		got := p.PostBody(organization, "register", jsonType, body)
		if got.Status != want {
			t.Errorf("%s: %d %s", body, got.Status, got.Body)
		}
	}
	legacy := p.Organization(t, "legacy", org.Policies{Registration: org.RegistrationOpen, Profile: org.ProfileOIDCLegacy,
		RegistrationRules: org.RegistrationRules{GrantTypes: []string{"authorization_code"}}})
	machines := p.Organization(t, "machines", org.Policies{Registration: org.RegistrationOpen, RegistrationRules: org.RegistrationRules{GrantTypes: []string{"client_credentials"}}})
	for body, at := range map[string]*org.Organization{
		`{"redirect_uris":["https://app.example.test/"],"grant_types":["implicit"],"response_types":["id_token token"]}`: legacy,
		`{"redirect_uris":["https://app.example.test/"],"response_types":["id_token token"]}`:                            legacy,
		`{"redirect_uris":["https://app.example.test/"],"response_types":["code"]}`:                                      machines,
		`{"redirect_uris":["https://app.example.test/"]}`:                                                                machines,
	} {
		if got := p.PostBody(at, "register", jsonType, body); got.Status != 400 || got.ErrorCode() != "invalid_client_metadata" {
			t.Errorf("grant types that are left out follow the response types and are judged: %s at %s: %d %s", body, at.Slug, got.Status, got.Body)
		}
	}
	if got := p.PostBody(organization, "register", jsonType, `{"redirect_uris":["https://app.example.test/"]}`); got.Text("scope") != "openid email" {
		t.Errorf("default scope: %s", got.Body)
	}
}
