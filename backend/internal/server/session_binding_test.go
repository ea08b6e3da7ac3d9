package server

import (
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/org"
)

// The cookie of a session that turns up in another browser signs nobody in there; the session goes on in its own.
func TestASessionBelongsToItsKindOfBrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.named("User-Agent", chromeOnWindows, "Sec-CH-UA", `"Chromium";v="130", "Google Chrome";v="130", "Not?A_Brand";v="99"`, "Sec-CH-UA-Platform", `"Windows"`)
	if a := b.signIn(); a.url.Query().Get("code") == "" {
		t.Fatalf("at %s", a.url)
	}
	strays := func() int { return s.recorded("session.strayed", s.ada) }
	thief := b.with(false, "User-Agent", firefoxOnLinux)
	if a := thief.get(s.authorizeURL("prompt", "none")); a.url.Query().Get("error") != "login_required" {
		t.Errorf("prompt=none: %s", a.url)
	}
	for _, page := range []string{s.authorizeURL(), "/acme/", "/acme/account", "/acme/account/sessions", "/acme/account/data", "/acme/login", "/acme/select-account"} {
		if a := thief.get(page); a.element("login-form") == nil {
			t.Errorf("%s: %d at %s", page, a.status, a.url)
		}
	}
	if n := strays(); n != 1 {
		t.Errorf("%d events in an hour", n)
	}
	if b.get("/acme/").element("logout") == nil {
		t.Error("the session does not go on in its own browser")
	}
	if a := b.get("/acme/account/activity"); !strings.Contains(a.body, "turned up in another browser") || !strings.Contains(a.body, "Firefox on Linux") {
		t.Errorf("its person does not learn it:\n%s", a.body)
	}
	if _, err := s.app.Store.Exec(t.Context(), "UPDATE sessions SET strayed_at = strayed_at - interval '61 minutes'"); err != nil {
		t.Fatal(err)
	}
	thief.get("/acme/")
	thief.get("/acme/")
	if n := strays(); n != 2 {
		t.Errorf("%d events after an hour", n)
	}
	// The system alone, and hints that do not go with what is said.
	for name, agent := range map[string][]string{
		"the same browser on another system": {"User-Agent", strings.Replace(chromeOnWindows, "Windows NT 10.0; Win64; x64", "X11; Linux x86_64", 1)},
		"no User-Agent":                      {"User-Agent", ""},
		"a program":                          {"User-Agent", "curl/8.5.0"},
		"another browser on the system":      {"User-Agent", chromeOnWindows + " Edg/130.0.0.0"},
		"a User-Agent that was copied":       {"User-Agent", chromeOnWindows, "Sec-CH-UA-Platform", `"Linux"`},
	} {
		if a := b.with(false, agent...).get("/acme/"); a.element("login-form") == nil {
			t.Errorf("%s: %d at %s", name, a.status, a.url)
		}
	}
	// What cannot be told is not judged, and a browser stays itself when it is updated.
	for name, agent := range map[string][]string{
		"an update": {"User-Agent", chromeUpdated}, "hints that are gone": {"User-Agent", chromeOnWindows},
	} {
		if a := b.with(false, agent...).get("/acme/"); a.element("logout") == nil {
			t.Errorf("%s: %d at %s", name, a.status, a.url)
		}
	}
	if n := strays(); n != 2 {
		t.Errorf("false alarms: %d", n)
	}
	s.changePolicies(s.acme, func(p *org.Policies) { p.SessionBinding = org.SessionBindingOff })
	if a := thief.get("/acme/"); a.element("logout") == nil {
		t.Errorf("where it is switched off: %d at %s", a.status, a.url)
	}
}

func TestSigningInAndOutInAnotherKindOfBrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.named("User-Agent", chromeOnWindows)
	b.signIn()
	other := b.with(false, "User-Agent", firefoxOnLinux)
	if a := other.signIn(); a.url.Query().Get("code") == "" || other.get("/acme/").element("logout") == nil {
		t.Fatalf("signing in there: %s", a.url)
	}
	// What they had there goes on in neither: they have just proved who they are, and the token was somewhere else.
	if ids := s.sessionsOf(s.ada); len(ids) != 1 || b.get("/acme/").element("logout") != nil {
		t.Errorf("%d sessions", len(ids))
	}
	b.signIn()
	// Whoever holds the cookie may sign out, wherever it turned up.
	stray := b.with(false, "User-Agent", firefoxOnLinux)
	a := stray.get("/acme/logout")
	if a.element("logout-form") == nil {
		t.Fatalf("%d at %s", a.status, a.url)
	}
	if a = stray.submit(a, "logout-form", "decision", "confirm"); a.element("logged-out") == nil || b.get("/acme/").element("logout") != nil {
		t.Errorf("%d at %s", a.status, a.url)
	}
	if other.get("/acme/").element("logout") == nil {
		t.Error("another session ended")
	}
	// A session that was begun before browsers were told apart is not judged.
	old := s.named("User-Agent", chromeOnWindows)
	old.signIn()
	if _, err := s.app.Store.Exec(t.Context(), "UPDATE sessions SET agent = ''"); err != nil {
		t.Fatal(err)
	}
	if old.with(false, "User-Agent", firefoxOnLinux).get("/acme/").element("logout") == nil {
		t.Error("what is not known is judged")
	}
}
