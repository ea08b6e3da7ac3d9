package server

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// administrator makes a person with a role in the site's organization.
func (s *site) administrator(roles ...role.Role) {
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		return s.app.Roles.Set(ctx, tx, role.Grantor{Actor: operator, Platform: true}, s.acme.ID, s.ada.ID, false, roles)
	})
}

// administratorsTokens are those of an application by which the site's person administers its organization.
func (s *site) administratorsTokens(b *browser) map[string]any {
	s.t.Helper()
	s.administrator(role.OrganizationAdministrator)
	s.inTx(func(ctx context.Context, tx *store.Tx) (err error) {
		changed := *s.web
		changed.Scopes = []string{"openid", "profile", "email", "admin:read", "admin:write"}
		s.web, _, err = s.app.Clients.Update(ctx, tx, operator, changed)
		return err
	})
	s.app.Clients.Forget(s.web)
	status, tokens := s.tokens(b.signIn("scope", "openid admin:read admin:write"))
	if status != http.StatusOK {
		s.t.Fatalf("%d %v", status, tokens)
	}
	return tokens
}

// call asks the Admin API.
func (s *site) call(method, path, bearer, body string) *answer {
	s.t.Helper()
	return s.browser().call(method, path, bearer, body)
}

func (b *browser) call(method, path, bearer, body string) *answer {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.server.URL+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+bearer)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return b.do(r)
}

// The console's client is public, has administrative scopes and asks for no consent. Whoever begins a
// sign-in for it in an administrator's browser gets nothing: the code leads to the console's callback only,
// which believes none that its own browser did not begin, in whatever way it arrives.
func TestTheConsolesClientIsOfNoUseToOthers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.administrator(role.OrganizationAdministrator)
	b := s.browser()
	b.submit(b.get("/acme/login"), "login-form", "username", s.ada.Username, "password", password)
	digest := sha256.Sum256([]byte(verifier))
	request := func(namesAndValues ...string) string {
		q := url.Values{"client_id": {client.ConsoleClientID}, "redirect_uri": {s.server.URL + "/console/callback"}, "response_type": {"code"},
			"scope": {"openid admin:read admin:write"}, "state": {strings.Repeat("s", 43)}, "code_challenge": {base64.RawURLEncoding.EncodeToString(digest[:])}, "code_challenge_method": {"S256"}}
		for i := 0; i+1 < len(namesAndValues); i += 2 {
			q.Set(namesAndValues[i], namesAndValues[i+1])
		}
		return "/acme/authorize?" + q.Encode()
	}
	for name, address := range map[string]string{
		"another host":             request("redirect_uri", "https://evil.example.test/console/callback"),
		"another path of the host": request("redirect_uri", s.server.URL+"/console/"),
		"the host's other scheme":  request("redirect_uri", strings.Replace(s.server.URL, "https", "http", 1)+"/console/callback"),
		"an added query":           request("redirect_uri", s.server.URL+"/console/callback?x=1"),
		"a loopback port":          request("redirect_uri", "http://127.0.0.1:1/console/callback"),
	} {
		if a := b.get(address); a.status != http.StatusBadRequest || a.header.Get("Location") != "" {
			t.Errorf("%s: %d, Location %q", name, a.status, a.header.Get("Location"))
		}
	}
	for _, mode := range []string{"query", "fragment"} {
		a := b.get(request("response_mode", mode))
		if a.url.Path != "/console/callback" || a.status == http.StatusOK || a.header.Get("Location") != "" || a.header.Get("Referrer-Policy") == "" {
			t.Errorf("%s: the callback answered %d at %s", mode, a.status, a.url)
		}
		for _, cookie := range a.header.Values("Set-Cookie") {
			if strings.Contains(cookie, "clavex-console=") {
				t.Errorf("%s: a console session began", mode)
			}
		}
	}
	if a := b.post("/console/callback", url.Values{"code": {"x"}, "state": {strings.Repeat("s", 43)}}, "Origin", "https://evil.example.test"); a.status != http.StatusMethodNotAllowed {
		t.Errorf("form_post: %d", a.status)
	}
	// Scopes that the client does not have are not granted: no token outlives the session.
	if a := b.get(request("scope", "openid admin:write offline_access", "prompt", "none", "redirect_uri", s.server.URL+"/console/callback")); strings.Contains(a.url.String(), "offline") {
		t.Errorf("got %s", a.url)
	}
}

// Fault 6: the console is entered by the pages by which everybody signs in, with what is demanded of administrators and with their
// waits after wrong passwords, at the organization of the platform's administrators too.
func TestAdministratorsSignInToTheConsoleLikeEverybodyElse(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	system, err := s.app.Organizations.BySlug(t.Context(), org.SystemSlug)
	if err != nil {
		t.Fatal(err)
	}
	s.administrator(role.OrganizationAdministrator)
	root := s.person(system, "root@system.test")
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		return s.app.Roles.Set(ctx, tx, role.Grantor{Actor: operator, Platform: true}, system.ID, root.ID, true, []role.Role{role.PlatformAdministrator})
	})
	for _, c := range []struct {
		organization *org.Organization
		person       *user.User
		role         role.Role
	}{{s.acme, s.ada, role.OrganizationAdministrator}, {system, root, role.PlatformAdministrator}} {
		t.Run(c.organization.Slug, func(t *testing.T) {
			login, within := "/console/login?organization="+c.organization.Slug, "/"+c.organization.Slug
			entered := func(b *browser) bool {
				return strings.Contains(b.get("/console/api/session").body, `"authenticated":true`)
			}
			attempt := func(b *browser, with string) *answer {
				return b.submit(b.get(login), "login-form", "username", c.person.Username, "password", with)
			}
			first := s.browser()
			if a := attempt(first, password); a.url.Path != "/console/callback" || !entered(first) {
				t.Fatalf("where none is demanded: %d at %s", a.status, a.url)
			}
			s.changePolicies(c.organization, func(p *org.Policies) {
				p.SecondFactorRoles = map[string]org.SecondFactor{string(c.role): org.SecondFactorRequired}
			})
			b := s.browser()
			page := attempt(b, password)
			if page.url.Path != within+"/login/second-factor/add" || entered(b) {
				t.Fatalf("a password alone: %d at %s", page.status, page.url)
			}
			if a := b.get(login); a.url.Path == "/console/callback" || entered(b) {
				t.Errorf("a password alone, begun anew: %d at %s", a.status, a.url)
			}
			app := &codeApp{site: s, person: c.person, secret: page.text("otp-secret")}
			if a := b.submit(page, "otp-form", "code", app.code()); len(a.recoveryCodes()) != 10 {
				t.Fatalf("%d at %s", a.status, a.url)
			}
			b = s.browser()
			if page = attempt(b, password); page.url.Path != within+"/login/second-factor" || entered(b) {
				t.Fatalf("a password of somebody who has an app: %d at %s", page.status, page.url)
			}
			if a := b.submit(page, "otp-form", "code", app.wrong()); a.status != http.StatusUnprocessableEntity || entered(b) {
				t.Errorf("a wrong code: %d at %s", a.status, a.url)
			}
			if a := b.submit(page, "otp-form", "code", app.code()); a.url.Path != "/console/callback" || !entered(b) {
				t.Errorf("password and code: %d at %s", a.status, a.url)
			}
			stranger, refused := s.browser(), false
			page = stranger.get(login)
			for range 10 {
				a := stranger.submit(page, "login-form", "username", c.person.Username, "password", "guess")
				refused = refused || a.status == http.StatusTooManyRequests && a.header.Get("Retry-After") != ""
			}
			if !refused || entered(stranger) {
				t.Error("guesses are not slowed down")
			}
		})
	}
}

// Fault 20: an administrator of an organization reaches neither another one nor system, with a token or an
// id in the address or body.
func TestAnAdministratorsTokenReachesOneOrganization(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	rival := s.organization("rival")
	bob := s.person(rival, "bob@rival.test")
	tokens := s.administratorsTokens(s.browser())
	access, _ := tokens["access_token"].(string)
	idToken, _ := tokens["id_token"].(string)
	call := func(method, path, bearer, body string) int { return s.call(method, path, bearer, body).status }
	if got := call(http.MethodGet, "/orgs/acme/users", access, ""); got != http.StatusOK {
		t.Fatalf("its own organization: %d", got)
	}
	for name, c := range map[string]struct {
		method, path, bearer, body string
		want                       int
	}{
		"another organization":             {http.MethodGet, "/orgs/rival/users", access, "", 404},
		"system":                           {http.MethodGet, "/orgs/system/users", access, "", 404},
		"all organizations":                {http.MethodGet, "/orgs", access, "", 403},
		"a new organization":               {http.MethodPost, "/orgs", access, `{"slug":"mine","display_name":"Mine"}`, 403},
		"another's person under its own":   {http.MethodGet, "/orgs/acme/users/" + bob.ID.String(), access, "", 404},
		"another's person's link":          {http.MethodPost, "/orgs/acme/users/" + bob.ID.String() + "/one-time-link", access, "{}", 404},
		"an ID token (fault 11)":           {http.MethodGet, "/orgs/acme/users", idToken, "", 401},
		"a token without a signature":      {http.MethodGet, "/orgs/acme/users", access[:strings.LastIndexByte(access, '.')+1], "", 401},
		"suspending its own organization":  {http.MethodPost, "/orgs/acme/suspend", access, "{}", 403},
		"a client that crosses (fault 20)": {http.MethodPost, "/orgs/system/clients", access, `{"client_name":"x","grant_types":["client_credentials"],"scopes":["admin:write"]}`, 404},
	} {
		if got := call(c.method, c.path, c.bearer, c.body); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	// Taking the role away, or the scope from the client, takes effect on tokens that are out.
	s.administrator()
	if got := call(http.MethodGet, "/orgs/acme/users", access, ""); got != http.StatusForbidden {
		t.Errorf("after the role is gone: %d", got)
	}
}
