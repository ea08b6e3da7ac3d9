package console

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/oauth/token"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/seal"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/user"
)

const consoleURL = "https://console.example.test"

// site is a console on a host of its own, beside a provider.

type site struct {
	*oidctest.Provider
	t       *testing.T
	console *Console
	handler http.Handler
	acme    *org.Organization
	rival   *org.Organization
	clients map[string]*client.Client
}

func newSite(t *testing.T) *site {
	t.Helper()
	gin.SetMode(gin.TestMode)
	p := oidctest.NewProvider(t)
	s := &site{Provider: p, t: t, clients: map[string]*client.Client{}}
	ring, err := seal.NewRing(seal.GenerateKey(rand.Reader))
	check(t, err)
	endpoint := token.NewEndpoint(token.Dependencies{Authentication: p.Authentication, Senders: p.Senders, Tokens: p.Tokens, Subjects: p.Subjects, JWTs: p.JWTs,
		Targets: oauth.NewTargets(p.Resources, p.Issuers), Hooks: []token.ResponseHook{p.IDTokens.TokenHook},
		Grants: []token.Grant{token.NewAuthorizationCode(p.Grants), token.NewRefreshToken(p.Grants)}})
	answer := func(c *gin.Context, err error) {
		status := map[fault.Kind]int{fault.Invalid: 400, fault.Forbidden: 403, fault.NotFound: 404, fault.Unauthenticated: 401, fault.Unavailable: 503}[fault.From(err).Kind]
		var wire *oauth.Error
		if errors.As(err, &wire) {
			status = wire.Status
		}
		if status == 0 {
			t.Errorf("a fault of ours: %v", err)
			status = 500
		}
		c.JSON(status, map[string]string{"code": fault.From(err).Code})
		c.Abort()
	}
	s.console, err = New(Options{Organizations: p.Organizations, Grants: p.Grants, Keys: p.Keys, Token: endpoint, AccessTokens: p.Tokens, Issuers: p.Issuers,
		State: kv.NewPostgres(p.Store, rand.Reader), Ring: ring, Now: p.Clock.Now, Random: rand.Reader, URL: consoleURL,
		Permissions: func(_ context.Context, s *Session) ([]string, error) { return s.Scopes, nil }, Error: answer, Problem: answer})
	check(t, err)
	engine := gin.New()
	s.console.Mount(engine)
	engine.POST("/api/v1/change", func(c *gin.Context) { // stands for the Admin API
		found, err := s.console.Authenticate(c.Request)
		switch {
		case err != nil:
			answer(c, err)
		case found == nil:
			c.Status(http.StatusUnauthorized)
		default:
			c.Status(http.StatusNoContent)
		}
	})
	s.handler = engine
	s.acme, s.rival = p.Organization(t, "acme", org.Policies{}), p.Organization(t, "rival", org.Policies{})
	for _, o := range []*org.Organization{s.acme, s.rival} {
		made, _ := p.Application(t, o, client.BuiltInConsole(o.ID, consoleURL))
		s.clients[o.Slug] = made
	}
	return s
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// browser keeps cookies as a browser does.

type browser struct {
	*site
	cookies map[string]*http.Cookie
}

func (s *site) browser() *browser { return &browser{s, map[string]*http.Cookie{}} }

type answer struct {
	status int
	header http.Header
	body   string
	json   map[string]any
}

func (a answer) location() *url.URL {
	parsed, _ := url.Parse(a.header.Get("Location"))
	return parsed
}

func (b *browser) do(method, address string, header ...string) answer {
	b.t.Helper()
	request := httptest.NewRequest(method, address, nil)
	if request.URL.Host == "" {
		request.Host = "console.example.test"
	}
	for _, cookie := range b.cookies {
		request.AddCookie(cookie)
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	if host := request.Header.Get("Host"); host != "" {
		request.Host = host
	}
	recorder := httptest.NewRecorder()
	b.handler.ServeHTTP(recorder, request)
	for _, cookie := range recorder.Result().Cookies() {
		if cookie.MaxAge < 0 {
			delete(b.cookies, cookie.Name)
			continue
		}
		b.cookies[cookie.Name] = cookie
	}
	a := answer{status: recorder.Code, header: recorder.Header(), body: recorder.Body.String()}
	_ = json.Unmarshal(recorder.Body.Bytes(), &a.json)
	return a
}

func (b *browser) get(address string, header ...string) answer {
	b.t.Helper()
	return b.do(http.MethodGet, address, header...)
}

// begin starts a sign-in and returns the authorization request.

func (b *browser) begin(query string) url.Values {
	b.t.Helper()
	a := b.get("/console/login?" + query)
	if a.status != http.StatusSeeOther || !strings.HasPrefix(a.location().String(), b.URL+"/") {
		b.t.Fatalf("login: %d %q %s", a.status, a.header.Get("Location"), a.body)
	}
	return a.location().Query()
}

// allow is what the provider does when the person signed in: it issues a code for the request.

func (s *site) allow(o *org.Organization, in session.Session, request url.Values, change ...func(*grant.Authorization)) string {
	s.t.Helper()
	scopes, err := oauth.ParseScope(request.Get("scope"))
	check(s.t, err)
	authorization := grant.Authorization{OrgID: o.ID, ClientID: s.clients[o.Slug].ID, Session: in, IdleUntil: in.IdleExpiresAt, Scopes: scopes,
		Nonce: request.Get("nonce"), RedirectURI: request.Get("redirect_uri"), CodeChallenge: request.Get("code_challenge")}
	for _, apply := range change {
		apply(&authorization)
	}
	_, code, err := s.Grants.Issue(s.t.Context(), authorization)
	check(s.t, err)
	return code
}

func (s *site) callback(o *org.Organization, code, state string) string {
	return "/console/callback?" + url.Values{"code": {code}, "state": {state}, "iss": {s.Issuers.URL(o)}}.Encode()
}

// signIn signs somebody in to the console and returns the CSRF token.
func (b *browser) signIn(o *org.Organization, person *user.User) (csrf string, in session.Session) {
	b.t.Helper()
	request := b.begin("organization=" + o.Slug)
	in = b.SignIn(b.t, o, person)
	if a := b.get(b.callback(o, b.allow(o, in, request), request.Get("state"))); a.status != http.StatusOK {
		b.t.Fatalf("callback: %d %s", a.status, a.body)
	}
	csrf, _ = b.get("/console/api/session").json["csrf_token"].(string)
	return csrf, in
}

const (
	sessionName = "__Host-clavex-console"
	loginName   = "__Host-clavex-console-login"
)
