package console

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

func TestWhatEndsAConsoleSession(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	alive := func(b *browser) bool { return b.get("/console/api/session").json["authenticated"] == true }
	for name, end := range map[string]func(person *user.User, in session.Session){
		"the single sign-on session ended": func(_ *user.User, in session.Session) { s.EndSession(t, in) },
		"the person was disabled":          func(person *user.User, _ session.Session) { s.Disable(t, person) },
	} {
		person, b := s.Person(t, s.acme, "person-"+strings.ReplaceAll(name, " ", "-")), s.browser()
		_, in := b.signIn(s.acme, person)
		if !alive(b) {
			t.Fatalf("%s: not alive before", name)
		}
		end(person, in)
		if alive(b) {
			t.Errorf("%s: alive", name)
		}
	}
	t.Run("the organization was suspended", func(t *testing.T) {
		b := s.browser()
		b.signIn(s.rival, s.Person(t, s.rival, "ada"))
		s.suspend(s.rival)
		if alive(b) {
			t.Error("alive")
		}
	})
	t.Run("idle for too long", func(t *testing.T) {
		b := s.browser()
		b.signIn(s.acme, s.Person(t, s.acme, "idle"))
		s.Clock.Advance(maximumIdle - time.Minute)
		if !alive(b) {
			t.Error("dead before its time")
		}
		s.Clock.Advance(maximumIdle)
		if alive(b) {
			t.Error("alive")
		}
	})
	t.Run("too old", func(t *testing.T) {
		b := s.browser()
		b.signIn(s.acme, s.Person(t, s.acme, "old"))
		for range 11 {
			s.Clock.Advance(time.Hour)
			if !alive(b) {
				t.Fatal("dead before its time")
			}
		}
		s.Clock.Advance(time.Hour)
		if alive(b) {
			t.Error("alive")
		}
	})
}

func (s *site) suspend(o *org.Organization) {
	s.t.Helper()
	s.InTx(s.t, func(ctx context.Context, tx *store.Tx) error {
		_, err := s.Organizations.SetStatus(ctx, tx, oidctest.Actor(), o.ID, org.Suspended, o.Version)
		return err
	})
	s.Organizations.Forget(o)
}

// A changing request must come from the console's own page.

func TestCSRF(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, other := s.browser(), s.browser()
	csrf, _ := b.signIn(s.acme, s.Person(t, s.acme, "ada"))
	foreign, _ := other.signIn(s.acme, s.Person(t, s.acme, "mallory"))
	const change = "/api/v1/change"
	for name, c := range map[string]struct {
		header []string
		status int
	}{
		"the console's page":                {[]string{"X-CSRF-Token", csrf, "Origin", consoleURL, "Sec-Fetch-Site", "same-origin"}, 204},
		"a browser without Fetch Metadata":  {[]string{"X-CSRF-Token", csrf, "Origin", consoleURL}, 204},
		"a browser that leaves out Origin":  {[]string{"X-CSRF-Token", csrf, "Sec-Fetch-Site", "same-origin"}, 204},
		"no token":                          {[]string{"Origin", consoleURL, "Sec-Fetch-Site", "same-origin"}, 403},
		"another session's token":           {[]string{"X-CSRF-Token", foreign, "Origin", consoleURL, "Sec-Fetch-Site", "same-origin"}, 403},
		"another origin":                    {[]string{"X-CSRF-Token", csrf, "Origin", "https://evil.test"}, 403},
		"the public host":                   {[]string{"X-CSRF-Token", csrf, "Origin", s.URL}, 403},
		"another site says Fetch Metadata":  {[]string{"X-CSRF-Token", csrf, "Origin", consoleURL, "Sec-Fetch-Site", "cross-site"}, 403},
		"a sibling host":                    {[]string{"X-CSRF-Token", csrf, "Origin", consoleURL, "Sec-Fetch-Site", "same-site"}, 403},
		"neither Origin nor Fetch Metadata": {[]string{"X-CSRF-Token", csrf}, 403},
		"Origin null":                       {[]string{"X-CSRF-Token", csrf, "Origin", "null"}, 403},
		"another host":                      {[]string{"X-CSRF-Token", csrf, "Origin", consoleURL, "Host", "id.example.test"}, 401},
	} {
		if got := b.do(http.MethodPost, change, c.header...); got.status != c.status {
			t.Errorf("%s: %d %s, want %d", name, got.status, got.body, c.status)
		}
	}
	if got := b.get("/console/api/session", "Sec-Fetch-Site", "cross-site"); got.status != 403 {
		t.Errorf("reading from another site: %d", got.status)
	}
}

func TestSigningOut(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	csrf, in := b.signIn(s.acme, s.Person(t, s.acme, "ada"))
	kept := *b.cookies[sessionName]
	if got := b.do(http.MethodPost, "/console/api/logout", "Origin", consoleURL); got.status != 403 || b.cookies[sessionName] == nil {
		t.Errorf("without the CSRF token: %d", got.status)
	}
	out := b.do(http.MethodPost, "/console/api/logout", "X-CSRF-Token", csrf, "Origin", consoleURL)
	if out.status != 200 || out.json["redirect_to"] != "/console/logout" || b.cookies[sessionName] != nil || strings.Contains(out.body, "eyJ") {
		t.Errorf("signed out: %d %s %v", out.status, out.body, b.cookies)
	}
	thief := s.browser()
	thief.cookies[sessionName] = &kept
	if got := thief.get("/console/api/session"); got.json["authenticated"] != false {
		t.Errorf("a kept cookie still works: %s", got.body)
	}
	away := b.get("/console/logout")
	query := away.location().Query()
	hint, err := s.Hints.Verify(t.Context(), s.acme, query.Get("id_token_hint"))
	if away.status != http.StatusSeeOther || !strings.HasPrefix(away.location().String(), s.URL+"/acme/logout?") || err != nil || hint.SessionID != in.ID ||
		query.Get("post_logout_redirect_uri") != consoleURL+"/console/" {
		t.Errorf("on to the organization's sign-out: %d %s %v", away.status, away.location(), err)
	}
	for _, again := range []*browser{b, s.browser()} {
		if got := again.get("/console/logout"); got.header.Get("Location") != "/console/" {
			t.Errorf("a ticket used twice, or none: %d %s", got.status, got.header.Get("Location"))
		}
	}
	if got := b.do(http.MethodPost, "/console/api/logout", "X-CSRF-Token", csrf, "Origin", consoleURL); got.status != 401 {
		t.Errorf("signing out twice: %d", got.status)
	}
}

func TestAnotherHostShowsTheWayAndNothingElse(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.signIn(s.acme, s.Person(t, s.acme, "ada"))
	for address, want := range map[string]string{
		"/console/": consoleURL + "/console/", "/console/orgs/acme?q=1": consoleURL + "/console/orgs/acme?q=1", "/console/login?organization=acme": consoleURL + "/console/login?organization=acme",
		"/console/api/session": "", "/console/callback?code=x": "",
	} {
		got := b.get(address, "Host", "id.example.test")
		if got.header.Get("Location") != want || want == "" && got.status != 404 {
			t.Errorf("%s: %d %q, want %q", address, got.status, got.header.Get("Location"), want)
		}
	}
	if got := b.get("/console/api/session", "Host", "CONSOLE.example.test:443"); got.json["authenticated"] != true {
		t.Errorf("the same host written otherwise: %d %s", got.status, got.body)
	}
}

func TestLoginNamesAnOrganizationThatServes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	s.suspend(s.rival)
	for query, status := range map[string]int{"organization=nobody": 404, "organization=../x": 404, "organization=rival": 403, "organization=a&organization=b": 400} {
		if got := b.get("/console/login?" + query); got.status != status || got.header.Get("Location") != "" {
			t.Errorf("%s: %d %q", query, got.status, got.header.Get("Location"))
		}
	}
	if got := b.do(http.MethodPost, "/console/login"); got.status != 405 || got.header.Get("Allow") != "GET" {
		t.Errorf("POST: %d", got.status)
	}
	if got := b.get("/console/api/nothing"); got.status != 404 {
		t.Errorf("an unknown address: %d", got.status)
	}
}

func TestALostDatabaseIs503(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	csrf, _ := b.signIn(s.acme, s.Person(t, s.acme, "ada"))
	request := b.begin("organization=acme")
	s.Database.Cut()
	for _, got := range []answer{
		b.get("/console/api/session"), b.get("/console/login?organization=acme"), b.get("/console/callback?code=x&state=" + request.Get("state")),
		b.do(http.MethodPost, "/console/api/logout", "X-CSRF-Token", csrf, "Origin", consoleURL),
	} {
		if got.status != 503 {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
	s.Database.Mend()
	if got := b.get("/console/api/session"); got.json["authenticated"] != true {
		t.Errorf("the session is gone: %s", got.body)
	}
}

func TestOverPlainHTTPCookiesHaveNoPrefix(t *testing.T) {
	plain, recorder := cookies{}, httptest.NewRecorder()
	plain.write(recorder, sessionCookie, "x", 0)
	got := recorder.Result().Cookies()[0]
	if got.Name != "clavex-console" || got.Secure || !got.HttpOnly || got.SameSite != http.SameSiteStrictMode {
		t.Errorf("%v", got)
	}
}
