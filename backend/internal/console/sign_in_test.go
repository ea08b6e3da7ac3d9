package console

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/secret"
)

func TestSigningIn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, b := s.Person(t, s.acme, "ada"), s.browser()
	if got := b.get("/console/api/session"); got.status != 200 || got.json["authenticated"] != false || len(got.json) != 1 {
		t.Errorf("before: %d %s", got.status, got.body)
	}
	request := b.begin("organization=acme&return_to=/console/orgs/acme/users%3Fq=x")
	for name, want := range map[string]string{"response_type": "code", "client_id": "clavex-console", "redirect_uri": consoleURL + "/console/callback",
		"scope": "openid profile email admin:read admin:write", "code_challenge_method": "S256"} {
		if request.Get(name) != want {
			t.Errorf("%s = %q, want %q", name, request.Get(name), want)
		}
	}
	if login := b.cookies[loginName]; login == nil || !login.HttpOnly || !login.Secure || login.SameSite != http.SameSiteLaxMode || login.Path != "/" || login.Domain != "" {
		t.Errorf("the login cookie: %v", b.cookies[loginName])
	}
	done := b.get(s.callback(s.acme, s.allow(s.acme, s.SignIn(t, s.acme, ada), request), request.Get("state")))
	if done.status != 200 || !strings.Contains(done.body, `content="0;url=/console/orgs/acme/users?q=x"`) || done.header.Get("Location") != "" ||
		done.header.Get("Cache-Control") != "no-store" || done.header.Get("Referrer-Policy") != "no-referrer" || !strings.Contains(done.header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("callback: %d %v %s", done.status, done.header, done.body)
	}
	cookie := b.cookies[sessionName]
	if cookie == nil || !cookie.HttpOnly || !cookie.Secure || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/" || cookie.Domain != "" || cookie.MaxAge != 0 {
		t.Fatalf("the session cookie: %v", cookie)
	}
	got := b.get("/console/api/session")
	person, _ := got.json["user"].(map[string]any)
	organization, _ := got.json["organization"].(map[string]any)
	if got.json["authenticated"] != true || person["username"] != "ada" || organization["slug"] != "acme" || len(got.json["csrf_token"].(string)) != 43 {
		t.Errorf("session: %s", got.body)
	}
	for _, token := range []string{"eyJ", cookie.Value} {
		if strings.Contains(got.body, token) || strings.Contains(done.body, token) {
			t.Error("a token reached the page")
		}
	}
}

// Login CSRF, mix-up, replay, injection: a sign-in completes only in the browser that began it, once, with
// an answer of the issuer it was sent to.
func TestASignInThatIsNotOurs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, mallory := s.Person(t, s.acme, "ada"), s.Person(t, s.acme, "mallory")
	type attempt struct {
		b       *browser
		request url.Values
		code    string
	}
	fresh := func() attempt {
		b := s.browser()
		request := b.begin("organization=acme")
		return attempt{b, request, s.allow(s.acme, s.SignIn(t, s.acme, ada), request)}
	}
	refused := func(name string, b *browser, address string, status int) {
		t.Helper()
		if got := b.get(address); got.status != status || b.cookies[sessionName] != nil {
			t.Errorf("%s: %d %s, cookie %v", name, got.status, got.body, b.cookies[sessionName])
		}
	}
	a := fresh()
	refused("another browser's sign-in (login CSRF)", s.browser(), s.callback(s.acme, a.code, a.request.Get("state")), 400)
	a = fresh()
	victim := fresh().b
	refused("another browser's sign-in, with a cookie of its own", victim, s.callback(s.acme, a.code, a.request.Get("state")), 400)
	a = fresh()
	refused("no state", a.b, s.callback(s.acme, a.code, ""), 400)
	refused("another state", a.b, s.callback(s.acme, a.code, secret.New(rand.Reader)), 400)
	a = fresh()
	refused("another issuer (RFC 9207)", a.b, s.callback(s.rival, a.code, a.request.Get("state")), 403)
	a = fresh()
	refused("no issuer", a.b, "/console/callback?code="+a.code+"&state="+a.request.Get("state"), 403)
	a = fresh()
	refused("an error", a.b, "/console/callback?error=access_denied&state="+a.request.Get("state")+"&iss="+url.QueryEscape(s.Issuers.URL(s.acme)), 403)
	a = fresh()
	refused("a parameter twice", a.b, s.callback(s.acme, a.code, a.request.Get("state"))+"&code=x", 400)
	a = fresh()
	injected := s.allow(s.acme, s.SignIn(t, s.acme, mallory), fresh().request)
	refused("a code of another sign-in (PKCE)", a.b, s.callback(s.acme, injected, a.request.Get("state")), 403)
	a = fresh()
	otherNonce := s.allow(s.acme, s.SignIn(t, s.acme, ada), a.request, func(g *grant.Authorization) { g.Nonce = "another" })
	refused("another nonce", a.b, s.callback(s.acme, otherNonce, a.request.Get("state")), 403)
	a = fresh()
	noAdmin := s.allow(s.acme, s.SignIn(t, s.acme, ada), a.request, func(g *grant.Authorization) { g.Scopes = []string{"openid"} })
	refused("a token that is not for the Admin API", a.b, s.callback(s.acme, noAdmin, a.request.Get("state")), 403)
	a = fresh()
	s.Clock.Advance(signInLifetime + time.Minute)
	a.code = s.allow(s.acme, s.SignIn(t, s.acme, ada), a.request)
	if _, found, _ := s.console.State.Get(t.Context(), keyOf(signInKind, a.request.Get("state"))); !found {
		refused("too late", a.b, s.callback(s.acme, a.code, a.request.Get("state")), 400)
	}
	a = fresh()
	address := s.callback(s.acme, a.code, a.request.Get("state"))
	if got := a.b.get(address); got.status != 200 {
		t.Fatalf("a good one: %d %s", got.status, got.body)
	}
	delete(a.b.cookies, sessionName)
	refused("the same again", a.b, address, 400)
}

func TestTwoTabsSignInSideBySide(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, b := s.Person(t, s.acme, "ada"), s.browser()
	first, second := b.begin("organization=acme&return_to=/console/orgs/acme"), b.begin("organization=acme&return_to=/console/orgs/acme/users")
	for _, c := range []struct {
		request url.Values
		want    string
	}{{first, "url=/console/orgs/acme\""}, {second, "url=/console/orgs/acme/users\""}} {
		if got := b.get(s.callback(s.acme, s.allow(s.acme, s.SignIn(t, s.acme, ada), c.request), c.request.Get("state"))); got.status != 200 || !strings.Contains(got.body, c.want) {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
}

// A session the browser had before, planted or its own, is not the session it has afterwards.

func TestSessionFixation(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, mallory := s.Person(t, s.acme, "ada"), s.Person(t, s.acme, "mallory")
	attacker, victim := s.browser(), s.browser()
	attacker.signIn(s.acme, mallory)
	planted := attacker.cookies[sessionName]
	victim.cookies[sessionName] = planted
	victim.signIn(s.acme, ada)
	if victim.cookies[sessionName].Value == planted.Value {
		t.Fatal("the planted session lives on")
	}
	if got := attacker.get("/console/api/session"); got.json["authenticated"] != false {
		t.Errorf("the replaced session lives on: %s", got.body)
	}
	invented := s.browser()
	invented.cookies[sessionName] = &http.Cookie{Name: sessionName, Value: strings.Repeat("A", 43)}
	if got := invented.get("/console/api/session"); got.json["authenticated"] != false {
		t.Errorf("an invented session: %s", got.body)
	}
}

func TestOnlyOurOwnPagesAreReturnedTo(t *testing.T) {
	for address, want := range map[string]string{
		"": "/console/", "/console/": "/console/", "/console/orgs/acme?q=1": "/console/orgs/acme?q=1", "/console/orgs/acme/": "/console/orgs/acme/",
		"https://evil.test/console/": "/console/", "//evil.test/console/": "/console/", "/\\evil.test": "/console/", "/console/\\evil.test": "/console/",
		"/console//evil.test": "/console/", "/console/../acme/logout": "/console/", "/console/%2e%2e/acme": "/console/", "/acme/logout": "/console/",
		"javascript:alert(1)": "/console/", "/console/logout": "/console/", "/console/login?organization=x": "/console/", "/console/api/session": "/console/",
		"/console/callback": "/console/", "/console/a\r\nSet-Cookie: x": "/console/", "/console/%0d%0a": "/console/", "console/": "/console/", "/consolex": "/console/",
		"http:/console/": "/console/", "/console/orgs#x": "/console/orgs", "/console/" + strings.Repeat("a", 3000): "/console/",
	} {
		if got := localPath(address); got != want {
			t.Errorf("localPath(%q) = %q, want %q", address, got, want)
		}
	}
}

func FuzzLocalPath(f *testing.F) {
	f.Add("/console/orgs")
	f.Add("//evil.test")
	f.Add("/console/\\..//x")
	f.Fuzz(func(t *testing.T, address string) {
		got := localPath(address)
		parsed, err := url.Parse(got)
		if err != nil || parsed.Host != "" || parsed.Scheme != "" || !strings.HasPrefix(parsed.Path, homePath) || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\r\n\x00") {
			t.Errorf("localPath(%q) = %q", address, got)
		}
	})
}
