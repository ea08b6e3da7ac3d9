package server

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

func TestATransactionIsBoundToItsBrowserAndOrganization(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.organization("rival")
	first, second := s.browser(), s.browser()
	page := first.get(s.authorizeURL())
	action, fields := page.form("login-form")
	second.get(s.authorizeURL()) // has a browser cookie of its own
	t.Run("another browser sees nothing", func(t *testing.T) {
		if a := second.get(page.url.String()); a.status != http.StatusGone || a.element("login-form") != nil {
			t.Fatalf("got %d:\n%s", a.status, a.body)
		}
	})
	t.Run("another browser's post is worthless (session fixation)", func(t *testing.T) {
		fields.Set("username", s.ada.Username)
		fields.Set("password", password)
		if a := second.post(action, fields); a.status != http.StatusGone {
			t.Fatalf("got %d", a.status)
		}
	})
	t.Run("another organization knows no such transaction", func(t *testing.T) {
		for _, address := range []string{"/rival/login", "/rival/select-account", "/rival/consent", "/rival/action/change-password"} {
			if a := first.get(address + "?transaction=" + fields.Get("transaction")); a.status != http.StatusGone {
				t.Fatalf("%s: got %d", address, a.status)
			}
		}
		if a := first.post("/rival/login", fields); a.status != http.StatusGone {
			t.Fatalf("got %d", a.status)
		}
	})
	t.Run("in its own browser it goes on", func(t *testing.T) {
		if a := first.submit(first.get(page.url.String()), "login-form", "username", s.ada.Username, "password", password); a.element("consent-form") == nil {
			t.Fatalf("got %d at %s", a.status, a.url)
		}
	})
}

func TestFormsFromElsewhereAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	page := b.get(s.authorizeURL())
	action, fields := page.form("login-form")
	fields.Set("username", s.ada.Username)
	fields.Set("password", password)
	for name, c := range map[string]struct {
		change func(url.Values)
		header []string
		status int
	}{
		"foreign origin":     {header: []string{"Origin", "https://evil.example.test"}, status: 403},
		"opaque origin":      {header: []string{"Origin", "null"}, status: 403},
		"cross-site":         {header: []string{"Sec-Fetch-Site", "cross-site"}, status: 403},
		"no token":           {change: func(f url.Values) { f.Del("csrf_token") }, status: 403},
		"wrong token":        {change: func(f url.Values) { f.Set("csrf_token", strings.Repeat("A", 43)) }, status: 403},
		"no transaction":     {change: func(f url.Values) { f.Del("transaction") }, status: 410},
		"wrong content type": {header: []string{"Content-Type", "text/plain"}, status: 400},
		"repeated field":     {change: func(f url.Values) { f.Add("username", "eve") }, status: 400},
		"oversized":          {change: func(f url.Values) { f.Set("x", strings.Repeat("x", 100<<10)) }, status: 413},
	} {
		t.Run(name, func(t *testing.T) {
			form := url.Values{}
			for k, v := range fields {
				form[k] = append([]string(nil), v...)
			}
			if c.change != nil {
				c.change(form)
			}
			if a := b.post(action, form, c.header...); a.status != c.status {
				t.Fatalf("got %d, want %d", a.status, c.status)
			}
		})
	}
	if a := b.post(action, fields); a.element("consent-form") == nil {
		t.Fatalf("after all that the genuine form still works; got %d", a.status)
	}
}

func TestNoStepCanBeSkippedOrReplayed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mustChange := s.person(s.acme, "new@acme.test", user.ChangePassword)
	b := s.browser()
	loginPage := b.get(s.authorizeURL())
	_, fields := loginPage.form("login-form")
	transaction := fields.Get("transaction")
	skip := func(t *testing.T, name, wantPath string) {
		t.Helper()
		if a := b.get("/acme/" + name + "?transaction=" + transaction); a.url.Path != wantPath {
			t.Fatalf("GET %s: at %s, want %s", name, a.url.Path, wantPath)
		}
		form := url.Values{"transaction": {transaction}, "csrf_token": {fields.Get("csrf_token")}, "decision": {"allow"}, "new_password": {"Another-No-1"}, "new_password_confirmation": {"Another-No-1"}}
		if a := b.post("/acme/"+name, form); a.url.Path != wantPath {
			t.Fatalf("POST %s: at %s, want %s", name, a.url.Path, wantPath)
		}
	}
	t.Run("consent before login", func(t *testing.T) { skip(t, "consent", "/acme/login") })
	t.Run("change of password before login", func(t *testing.T) { skip(t, "action/change-password", "/acme/login") })
	a := b.submit(loginPage, "login-form", "username", mustChange.Username, "password", password)
	if a.url.Path != "/acme/action/change-password" {
		t.Fatalf("a required action must come before everything else; at %s", a.url)
	}
	t.Run("consent before the required action", func(t *testing.T) { skip(t, "consent", "/acme/action/change-password") })
	t.Run("the login page leads back to the required action", func(t *testing.T) {
		if a := b.get("/acme/login?transaction=" + transaction); a.url.Path != "/acme/action/change-password" {
			t.Fatalf("at %s", a.url)
		}
	})
	t.Run("no session before the required action", func(t *testing.T) {
		if q := b.get(s.authorizeURL("prompt", "none")).url.Query(); q.Get("error") != "login_required" {
			t.Fatalf("got %v", q)
		}
	})
	change := b.get("/acme/action/change-password?transaction=" + transaction)
	for name, c := range map[string][2]string{"short": {"short", "short"}, "differ": {"Another-No-1", "Another-No-2"}, "the same as before": {password, password}, "own name": {"new@acme.test", "new@acme.test"}} {
		if refused := b.submit(change, "password-form", "new_password", c[0], "new_password_confirmation", c[1]); refused.status != http.StatusUnprocessableEntity {
			t.Fatalf("%s: %d", name, refused.status)
		}
	}
	a = b.submit(change, "password-form", "new_password", "Another-No-1843", "new_password_confirmation", "Another-No-1843")
	if a.url.Path != "/acme/consent" {
		t.Fatalf("after the required action: %d at %s", a.status, a.url)
	}
	consent := a
	if a = b.submit(consent, "consent-form", "decision", "allow"); a.url.Query().Get("code") == "" {
		t.Fatalf("got %d at %s", a.status, a.url)
	}
	t.Run("a completed sign-in cannot be replayed", func(t *testing.T) {
		for _, replay := range []func() *answer{
			func() *answer { return b.submit(consent, "consent-form", "decision", "allow") },
			func() *answer {
				return b.submit(loginPage, "login-form", "username", mustChange.Username, "password", "Another-No-1843")
			},
			func() *answer { return b.get("/acme/login?transaction=" + transaction) },
		} {
			if a := replay(); a.status != http.StatusGone || a.header.Get("Location") != "" {
				t.Fatalf("got %d at %s", a.status, a.url)
			}
		}
	})
}

func TestTwoTabsLiveSideBySide(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	one, two := b.get(s.authorizeURL("state", "one")), b.get(s.authorizeURL("state", "two"))
	a := b.submit(one, "login-form", "username", s.ada.Username, "password", password)
	a = b.submit(a, "consent-form", "decision", "allow")
	if a.url.Query().Get("state") != "one" || a.url.Query().Get("code") == "" {
		t.Fatalf("first tab: %s", a.url)
	}
	// The second tab finds the person signed in and the consent given.
	if a := b.get(two.url.String()); a.url.Query().Get("state") != "two" || a.url.Query().Get("code") == "" {
		t.Fatalf("second tab: %d %s", a.status, a.url)
	}
}

func TestOneSignInCompletesOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	a := b.submit(b.get(s.authorizeURL()), "login-form", "username", s.ada.Username, "password", password)
	var codes sync.Map
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if code := b.submit(a, "consent-form", "decision", "allow").url.Query().Get("code"); code != "" {
				codes.Store(code, true)
			}
		})
	}
	all.Wait()
	count := 0
	codes.Range(func(any, any) bool { count++; return true })
	if count != 1 {
		t.Fatalf("%d codes from one sign-in", count)
	}
}

func TestRefusingConsent(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	a := b.submit(b.get(s.authorizeURL()), "login-form", "username", s.ada.Username, "password", password)
	if undecided := b.submit(a, "consent-form"); undecided.status != http.StatusUnprocessableEntity || undecided.element("consent-form") == nil {
		t.Fatalf("no decision: %d", undecided.status)
	}
	a = b.submit(a, "consent-form", "decision", "deny")
	if q := a.url.Query(); q.Get("error") != "access_denied" || q.Get("state") != "the-state" || q.Get("code") != "" {
		t.Fatalf("got %s", a.url)
	}
	if q := b.get(s.authorizeURL("prompt", "none")).url.Query(); q.Get("error") != "consent_required" {
		t.Fatalf("a refusal is not remembered as consent: %v", q)
	}
}

func TestASessionIsWorthNothingElsewhere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	rival := s.organization("rival")
	s.person(rival, "ada@acme.test") // the same address, another person
	b := s.browser()
	b.signIn()
	if a := b.get("/acme/"); a.status != 200 || !strings.Contains(a.body, "ada@acme.test") || a.url.Path != "/acme/" {
		t.Fatalf("home: %d at %s", a.status, a.url)
	}
	if a := b.get("/rival/"); a.element("login-form") == nil {
		t.Fatalf("another organization's session did something: %d at %s", a.status, a.url)
	}
	// The very token under the other organization's cookie name.
	server, _ := url.Parse(s.server.URL)
	for _, cookie := range b.http.Jar.Cookies(server) {
		if strings.Contains(cookie.Name, "clavex-session-acme") {
			b.http.Jar.SetCookies(server, []*http.Cookie{{Name: strings.Replace(cookie.Name, "acme", "rival", 1), Value: cookie.Value, Path: "/", Secure: true}})
		}
	}
	if a := b.get("/rival/"); a.element("login-form") == nil {
		t.Fatalf("a token of another organization did something: %d at %s", a.status, a.url)
	}
}

func TestCookiesCarryTheRightAttributes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	page := b.get(s.authorizeURL())
	connection := *s.server.Client()
	connection.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	connection.Jar = b.http.Jar
	action, fields := page.form("login-form")
	fields.Set("username", s.ada.Username)
	fields.Set("password", password)
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, b.absolute(action), strings.NewReader(fields.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := connection.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	found := false
	for _, cookie := range response.Cookies() {
		found = found || cookie.Name == "__Host-clavex-session-acme"
		if !strings.HasPrefix(cookie.Name, "__Host-") || !cookie.Secure || cookie.HttpOnly == (cookie.Name == "__Host-clavex-state-acme") || cookie.SameSite != http.SameSiteNoneMode || cookie.Path != "/" || cookie.Domain != "" {
			t.Errorf("cookie %v", cookie)
		}
	}
	if !found {
		t.Fatal("no session cookie")
	}
}

func TestSuspendedAndDeletedOrganizationsServeNobody(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	_, tokens := s.tokens(b.signIn())
	set := func(status org.Status) {
		var changed *org.Organization
		s.inTx(func(ctx context.Context, tx *store.Tx) error {
			current, err := s.app.Organizations.ByID(ctx, tx, s.acme.ID)
			if err != nil {
				return err
			}
			changed, err = s.app.Organizations.SetStatus(ctx, tx, operator, s.acme.ID, status, current.Version)
			return err
		})
		s.app.Organizations.Forget(changed)
	}
	set(org.Suspended)
	if a := b.get(s.authorizeURL()); a.status != 403 || a.text("error-code") == "" {
		t.Fatalf("authorize while suspended: %d", a.status)
	}
	if status, _ := s.tokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}}); status != 403 {
		t.Fatalf("token endpoint while suspended: %d", status)
	}
	set(org.Active)
	if q := b.get(s.authorizeURL("prompt", "none")).url.Query(); q.Get("code") == "" {
		t.Fatalf("restored, nothing is lost: %v", q)
	}
	set(org.Deleting)
	for range 100 {
		done, err := s.app.Organizations.DeleteSome(t.Context(), s.acme.ID)
		if err != nil {
			t.Fatal(err)
		}
		if done {
			break
		}
	}
	if a := b.get(s.authorizeURL()); a.status != 404 {
		t.Fatalf("deleted: %d", a.status)
	}
	if left, _ := s.app.Audit.List(t.Context(), s.app.Store, s.acme.ID, audit.Filter{Limit: 1}); len(left) > 0 {
		t.Fatal("something of the organization is left")
	}
}
