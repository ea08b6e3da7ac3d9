package admin_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/admin"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// operation is one operation of the contract with a request that would succeed.

func TestEveryOperationWorksForWhomItIsMeant(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	root, grace := s.platform(), s.administrator(s.acme)
	mine := s.things(s.acme)
	for _, o := range operations {
		by := grace
		if o.platform {
			by = root
		}
		if got := by.try(o, mine, root); got.status != o.status {
			t.Errorf("%s: got %d, want %d: %s", o.name, got.status, o.status, got.body)
		}
	}
}

func TestAPlatformAdministratorCrossesOrganizations(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	root, service := s.platform(), s.service(s.system, bothScopes...)
	for _, by := range []*caller{root, service} {
		organization := s.Organization(t, "org-"+strings.ReplaceAll(uuid.NewString()[:8], "-", ""), org.Policies{})
		x := s.things(organization)
		for _, o := range operations {
			if o.name == "createOrganization" {
				continue
			}
			want := o.status
			if o.name == "testMailServer" && by == service {
				want = http.StatusConflict // the mail goes to the caller, and a client has no address
			}
			if got := by.try(o, x, root); got.status != want {
				t.Errorf("%s: got %d, want %d: %s", o.name, got.status, want, got.body)
			}
		}
	}
}

func TestNobodyWithoutAGoodTokenIsAnswered(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	root := s.platform()
	mine := s.things(s.acme)
	good := s.administrator(s.acme)
	stranger := oidctest.NewProvider(t)
	foreign := stranger.Organization(t, "acme", org.Policies{})
	foreignToken, _, err := stranger.Tokens.Mint(t.Context(), foreign, oauth.AccessTokenSpec{Subject: good.user.ID.String(), ClientID: "cli", Scopes: bothScopes,
		Lifetime: time.Hour, Audience: []string{s.Issuers.AdminAudience()}})
	check(t, err)
	forger := oauth.NewAccessTokens(s.Issuers, stranger.Keys, nil, nil, s.Clock.Now, zero{})
	forged, _, err := forger.Mint(t.Context(), foreign, oauth.AccessTokenSpec{Subject: good.user.ID.String(), ClientID: "cli", Scopes: bothScopes, Lifetime: time.Hour})
	check(t, err)
	noAudience := s.as(s.acme, good.user, "profile") // a token for userinfo only
	idToken := s.idToken(s.acme, good.user)
	expired := s.administrator(s.acme)
	metadata := `, resource_metadata="` + s.URL + `/.well-known/oauth-protected-resource/api/v1"` // RFC 9728 §5.1
	callers := map[string]struct {
		headers   []string
		challenge string
	}{
		"no token":                     {nil, `Bearer realm="clavex"`},
		"another scheme":               {[]string{"Authorization", "Basic Z3JhY2U6aG9wcGVy"}, `Bearer realm="clavex", error="invalid_token"`},
		"no token behind the scheme":   {[]string{"Authorization", "Bearer "}, `Bearer realm="clavex", error="invalid_token"`},
		"not a token":                  {[]string{"Authorization", "Bearer x.y.z"}, `Bearer realm="clavex", error="invalid_token"`},
		"a changed signature":          {[]string{"Authorization", "Bearer " + good.token[:len(good.token)-4] + "AAAA"}, `Bearer realm="clavex", error="invalid_token"`},
		"another server's token":       {[]string{"Authorization", "Bearer " + foreignToken}, `Bearer realm="clavex", error="invalid_token"`},
		"our issuer, another key":      {[]string{"Authorization", "Bearer " + forged}, `Bearer realm="clavex", error="invalid_token"`},
		"another audience":             {[]string{"Authorization", "Bearer " + noAudience.token}, `Bearer realm="clavex", error="invalid_token"`},
		"an ID token (RFC 9068 §4)":    {[]string{"Authorization", "Bearer " + idToken}, `Bearer realm="clavex", error="invalid_token"`},
		"a token of an earlier age":    {[]string{"Authorization", "Bearer " + expired.token}, `Bearer realm="clavex", error="invalid_token"`},
		"a token in the query instead": {nil, `Bearer realm="clavex"`},
	}
	s.Clock.Advance(10 * time.Minute)
	for name, c := range callers {
		t.Run(name, func(t *testing.T) {
			for _, o := range operations {
				if name != "a token of an earlier age" && o.reads() && o.name != "getUser" {
					continue // one reading operation stands for all that pass the same gate
				}
				path := o.at(mine)
				if name == "a token in the query instead" {
					path += "?access_token=" + good.token
				}
				got := s.anonymous().do(o.method, path, o.body, append(c.headers, "If-Match", `"1"`)...)
				if got.status != http.StatusUnauthorized || got.header.Get("WWW-Authenticate") != c.challenge+metadata {
					t.Errorf("%s: got %d %q: %s", o.name, got.status, got.header.Get("WWW-Authenticate"), got.body)
				}
			}
		})
	}
	root = s.as(s.system, root.user, bothScopes...)
	root.get("/orgs/acme/users/" + mine.user).must(200) // nothing above changed anything
}

type zero struct{}

func (zero) Read(p []byte) (int, error) { return len(p), nil }

func (s *site) idToken(organization *org.Organization, person *user.User) string {
	party := s.Party(s.t, organization, client.Client{ClientID: "rp-" + uuid.NewString()})
	return party.Redeem(s.Code(s.t, party.Client, s.SignIn(s.t, organization, person), "openid")).Text("id_token")
}

func TestWhatEndsAnAuthorityEndsItAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for name, end := range map[string]func(*caller){
		"person disabled": func(c *caller) { s.Disable(t, c.user) },
		"session ended":   func(c *caller) { s.EndSession(t, c.session) },
		"client disabled": func(c *caller) { disabled := *c.client; disabled.Status = client.Disabled; s.Change(t, disabled) },
		"client deleted": func(c *caller) {
			s.InTx(t, func(ctx context.Context, tx *store.Tx) error {
				return s.Clients.Delete(ctx, tx, oidctest.Actor(), c.client.OrgID, c.client.ID, c.client.Version)
			})
			s.Clients.Forget(c.client)
		},
		"organization suspended": func(c *caller) {
			organization := s.Organization(t, "brief", org.Policies{})
			*c = *s.administrator(organization)
			s.platform().do("POST", "/orgs/brief/suspend", nil).must(200)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := s.administrator(s.acme)
			c.get("/me").must(200)
			end(c)
			c.get("/me").refuses(401, "invalid_token")
		})
	}
	t.Run("the client's scope", func(t *testing.T) {
		c := s.administrator(s.acme)
		fewer := *c.client
		fewer.Scopes = []string{"openid", "admin:read"}
		s.Change(t, fewer)
		c.do("POST", "/orgs/acme/users", fields{"username": "x"}).refuses(403, "insufficient_scope")
	})
	t.Run("a client's own scope", func(t *testing.T) {
		c := s.service(s.acme, bothScopes...)
		c.get("/orgs/acme/users").must(200)
		none := *c.client
		none.Scopes = []string{}
		s.Change(t, none)
		c.get("/orgs/acme/users").refuses(403, "permission_denied")
	})
}

func TestWhoMayWhat(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	root := s.platform()
	grace := s.person(s.acme, "grace", role.OrganizationAdministrator)
	reduced := s.as(s.acme, s.person(s.acme, "reduced", role.OrganizationAdministrator), bothScopes...)
	s.setRoles(reduced.user)
	mine := s.things(s.acme)
	cases := []struct {
		name string
		by   *caller
		want func(operation) (status int, code string)
	}{
		{"an auditor reads and never writes", s.as(s.acme, s.person(s.acme, "auditor", role.OrganizationAuditor), bothScopes...), func(o operation) (int, string) {
			if o.platform || !o.reads() {
				return 403, "permission_denied"
			}
			return 200, ""
		}},
		{"a token that reads never writes", s.as(s.acme, grace, "admin:read"), func(o operation) (int, string) {
			if o.platform {
				return 403, "permission_denied"
			}
			if !o.reads() {
				return 403, "insufficient_scope"
			}
			return 200, ""
		}},
		{"a token that writes does not read", s.as(s.acme, grace, "admin:write"), func(o operation) (int, string) {
			if o.platform {
				return 403, "permission_denied"
			}
			if o.reads() {
				return 403, "insufficient_scope"
			}
			return 0, ""
		}},
		{"a role removed meanwhile", reduced, func(operation) (int, string) { return 403, "permission_denied" }},
		{"nobody special", s.as(s.acme, s.person(s.acme, "nobody"), bothScopes...), func(operation) (int, string) { return 403, "permission_denied" }},
		{"another organization's administrator", s.administrator(s.rival), func(o operation) (int, string) {
			if o.tenant() {
				return 404, "organization_not_found"
			}
			return 403, "permission_denied"
		}},
		{"another organization's service", s.service(s.rival, bothScopes...), func(o operation) (int, string) {
			if o.tenant() {
				return 404, "organization_not_found"
			}
			return 403, "permission_denied"
		}},
		{"an administrator of system who is not the platform's", s.administrator(s.system), func(o operation) (int, string) {
			if o.tenant() {
				return 404, "organization_not_found"
			}
			return 403, "permission_denied"
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, o := range operations {
				status, code := c.want(o)
				if status == 0 {
					continue
				}
				if got := c.by.try(o, mine, root); got.status != status || got.text("code") != code {
					t.Errorf("%s: got %d %s, want %d %s", o.name, got.status, got.text("code"), status, code)
				}
			}
		})
	}
	got := s.as(s.acme, grace, "admin:read").do("POST", "/orgs/acme/users", fields{"username": "x"})
	if want := `Bearer realm="clavex", error="insufficient_scope", scope="admin:write", resource_metadata="` + s.URL + `/.well-known/oauth-protected-resource/api/v1"`; got.header.Get("WWW-Authenticate") != want {
		t.Errorf("challenge %q, want %q (RFC 6750 §3.1)", got.header.Get("WWW-Authenticate"), want)
	}
}

// What belongs to another organization does not exist, also for somebody who may do everything in the

// organization of the path.

func TestIDsOfAnotherOrganizationDoNotExist(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace, root := s.administrator(s.acme), s.platform()
	theirs := s.things(s.rival)
	theirs.org = "acme"
	for _, by := range []*caller{grace, root} {
		for _, o := range operations {
			if !o.tenant() || !strings.Contains(o.path, "$org/") || strings.Count(o.path, "$") < 2 {
				continue
			}
			if got := by.do(o.method, o.at(theirs), o.content(theirs), "If-Match", `"1"`); got.status != http.StatusNotFound {
				t.Errorf("%s: got %d, want 404: %s", o.name, got.status, got.body)
			}
		}
	}
	page := grace.get("/orgs/acme/audit-events?target=" + theirs.user).must(200)
	if len(page.column("id")) != 0 {
		t.Errorf("a filter reached another organization's events: %s", page.body)
	}
}

func TestTheConsoleSession(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.person(s.acme, "grace", role.OrganizationAdministrator)
	s.console = func(r *http.Request) (*admin.ConsoleSession, error) {
		switch r.Header.Get("Cookie") {
		case "good":
			return &admin.ConsoleSession{Organization: s.acme, User: grace, Scopes: bothScopes}, nil
		case "forged":
			return nil, fault.New(fault.Forbidden, "csrf_token_invalid", "…")
		}
		return nil, nil
	}
	anybody := s.anonymous()
	me := anybody.get("/me", "Cookie", "good").must(200)
	if me.text("user.username") != "grace" || me.at("client_id") != nil || me.text("issuer") != s.URL+"/acme" {
		t.Errorf("me: %s", me.body)
	}
	anybody.do("POST", "/orgs/acme/users", fields{"username": "x"}, "Cookie", "good").must(201)
	anybody.do("POST", "/orgs/acme/users", fields{"username": "y"}, "Cookie", "forged").refuses(403, "csrf_token_invalid")
	anybody.get("/me").refuses(401, "unauthenticated")
	// An Authorization header is decisive: its failure does not fall back to the cookie.
	anybody.get("/me", "Cookie", "good", "Authorization", "Bearer x.y.z").refuses(401, "invalid_token")
	s.setRoles(grace)
	anybody.get("/orgs/acme/users", "Cookie", "good").refuses(403, "permission_denied")
}

func TestMe(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	platform := "platform:read platform:write "
	all := "organization:read users:read clients:read audit:read organization:write users:write clients:write"
	reads := "organization:read users:read clients:read audit:read"
	for name, c := range map[string]struct {
		by          *caller
		permissions string
	}{
		"platform administrator":     {s.platform(), platform + all},
		"organization administrator": {s.administrator(s.acme), all},
		"auditor":                    {s.as(s.acme, s.person(s.acme, "auditor", role.OrganizationAuditor), bothScopes...), reads},
		"a token that reads":         {s.as(s.acme, s.person(s.acme, "reader", role.OrganizationAdministrator), "admin:read"), reads},
		"nobody special":             {s.as(s.acme, s.person(s.acme, "nobody"), bothScopes...), ""},
		"a service":                  {s.service(s.acme, "admin:read"), reads},
		"a service of system":        {s.service(s.system, "admin:read"), "platform:read " + reads},
	} {
		me := c.by.get("/me").must(200)
		var got []string
		for _, permission := range me.json["permissions"].([]any) {
			got = append(got, permission.(string))
		}
		if strings.Join(got, " ") != c.permissions {
			t.Errorf("%s: %v, want %s", name, got, c.permissions)
		}
		if (me.at("user") == nil) != (c.by.user == nil) || me.text("client_id") != c.by.client.ClientID {
			t.Errorf("%s: %s", name, me.body)
		}
	}
}
