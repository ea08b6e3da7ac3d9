package server

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// atAccount is a browser in front of one of the pages of a person's account, signed in just now.
func (s *site) atAccount(person *user.User, page string) (*browser, *answer) {
	s.t.Helper()
	b := s.browser()
	a := b.get("/acme/" + page)
	a = b.submit(a, "login-form", "username", person.Username, "password", password)
	if a.status != http.StatusOK || a.url.Path != "/acme/"+page || a.element("account-nav") == nil {
		s.t.Fatalf("expected %s, got %d at %s:\n%s", page, a.status, a.url, a.body)
	}
	return b, a
}

// longAgo makes every proof of a person older than sudo mode takes.
func (s *site) longAgo(person *user.User) {
	s.t.Helper()
	if _, err := s.app.Store.Exec(s.t.Context(), "UPDATE sessions SET authenticated_at = authenticated_at - interval '11 minutes' WHERE user_id = $1", person.ID); err != nil {
		s.t.Fatal(err)
	}
}

func TestAccountPagesLeadThroughTheSignInAndBack(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, page := range []string{"account", "account/sign-in", "account/password", "account/sessions", "account/applications", "account/activity", "account/data"} {
		b, a := s.atAccount(s.ada, page)
		var current, places int
		for n := range a.element("account-nav").Descendants() {
			if n.Type == html.ElementNode && n.Data == "a" {
				places++
				if attribute(n, "aria-current") == "page" {
					current++
				}
				if next := b.get(attribute(n, "href")); next.status != http.StatusOK || next.element("account-nav") == nil {
					t.Errorf("%s leads to %d at %s", page, next.status, next.url)
				}
			}
		}
		if current != 1 || places != 6 {
			t.Errorf("%s: %d of %d places are current", page, current, places)
		}
	}
	b, _ := s.atAccount(s.ada, "account")
	if home := b.get("/acme/"); attribute(home.element("account"), "href") != "/acme/account" {
		t.Errorf("the home page does not lead there: %s", home.body)
	}
}

func TestSudoMode(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, page := range []string{"account/password", "account/data"} {
		b, form := s.atAccount(s.ada, page)
		id := map[string]string{"account/password": "password-form", "account/data": "data-form"}[page]
		s.longAgo(s.ada)
		if a := b.get("/acme/account/sessions"); a.element("sessions-list") == nil {
			t.Errorf("another page demands a fresh proof: %s", a.url)
		}
		for name, a := range map[string]*answer{"seen": b.get("/acme/" + page), "sent": b.submit(form, id, "new_password", chosenPassword, "new_password_confirmation", chosenPassword)} {
			if a.url.Path != "/acme/login" || attribute(a.element("username"), "value") != s.ada.Username {
				t.Errorf("%s %s: %d at %s", page, name, a.status, a.url)
				continue
			}
			if wrong := b.submit(a, "login-form", "username", s.ada.Username, "password", "wrong"); wrong.url.Path != "/acme/login" {
				t.Errorf("%s %s: a wrong password leads to %s", page, name, wrong.url)
			}
			eve := s.person(s.acme, "eve-"+name+strings.ReplaceAll(page, "/", "-")+"@acme.test")
			if other := b.submit(a, "login-form", "username", eve.Username, "password", password); other.url.Path != "/acme/login" {
				t.Errorf("%s %s: another person leads to %s", page, name, other.url)
			}
		}
		a := b.submit(b.get("/acme/"+page), "login-form", "username", s.ada.Username, "password", password)
		if a.url.Path != "/acme/"+page || a.element(id) == nil {
			t.Errorf("%s: the proof leads to %d at %s", page, a.status, a.url)
		}
	}
	if ok, err := s.app.Passwords.Matches(t.Context(), s.acme.ID, s.ada.ID, password); err != nil || !ok {
		t.Errorf("the password was changed without proof: %v", err)
	}
}

func TestFormsOfAnAccountBelongToOneSession(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, profile := s.atAccount(s.ada, "account")
	action, fields := profile.form("profile-form")
	fields.Set("nickname", "Countess")
	if a := b.post(action, fields, "Origin", "https://evil.example.test"); a.status != http.StatusForbidden {
		t.Errorf("from elsewhere: %d", a.status)
	}
	if a := b.post("/acme/account/sessions", fields); a.status != http.StatusForbidden {
		t.Errorf("of another page: %d", a.status)
	}
	other, _ := s.atAccount(s.person(s.acme, "eve@acme.test"), "account")
	if a := other.post(action, fields); a.status != http.StatusForbidden {
		t.Errorf("in another browser: %d", a.status)
	}
	eve := s.person(s.acme, "eva@acme.test")
	if a := b.add(eve); a.status != http.StatusOK && a.status != http.StatusSeeOther {
		t.Fatalf("%d at %s", a.status, a.url)
	}
	if a := b.post(action, fields); a.status != http.StatusForbidden {
		t.Errorf("shown to another person of the same browser: %d at %s", a.status, a.url)
	}
	for _, person := range []*user.User{s.ada, eve} {
		if now, err := s.app.Users.ByID(t.Context(), s.app.Store, s.acme.ID, person.ID); err != nil || now.Profile.Nickname != "" {
			t.Errorf("%s has the nickname %q: %v", person.Username, now.Profile.Nickname, err)
		}
	}
	s.organization("rival")
	if a := b.post("/rival/account", fields); a.status != http.StatusSeeOther && a.element("profile-form") != nil {
		t.Errorf("at another organization: %d at %s", a.status, a.url)
	}
}

func TestChangingTheProfile(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, a := s.atAccount(s.ada, "account")
	stale := a
	a = b.submit(a, "profile-form", "name", "  Ada   King ", "given_name", "Ada", "locale", "de", "zoneinfo", "Europe/Rome")
	if a.text("done") == "" || a.url.Path != "/acme/account" || !strings.Contains(a.body, `lang="de"`) {
		t.Fatalf("%d at %s:\n%s", a.status, a.url, a.body)
	}
	now, err := s.app.Users.ByID(t.Context(), s.app.Store, s.acme.ID, s.ada.ID)
	if err != nil {
		t.Fatal(err)
	}
	if now.Profile.Name != "Ada King" || now.Profile.Locale != "de" || now.Profile.Zoneinfo != "Europe/Rome" || now.Email != s.ada.Email || now.Username != s.ada.Username {
		t.Errorf("%+v", now)
	}
	for _, wrong := range [][]string{{"name", strings.Repeat("x", 101)}, {"given_name", "a\u202eb"}, {"zoneinfo", "Mars/Olympus"}, {"zoneinfo", "../../etc/passwd"}, {"zoneinfo", "Local"}} {
		a := b.submit(stale, "profile-form", wrong...)
		if a.status != http.StatusUnprocessableEntity || a.text("notice") == "" || attribute(a.element(strings.ReplaceAll(wrong[0], "_", "-")), "aria-invalid") != "true" {
			t.Errorf("%v: %d %q", wrong, a.status, a.text("notice"))
		}
	}
	b.submit(stale, "profile-form", "locale", "xx", "email", "eve@evil.test", "username", "eve", "zoneinfo", "Europe/Rome")
	if now, _ = s.app.Users.ByID(t.Context(), s.app.Store, s.acme.ID, s.ada.ID); now.Profile.Locale != "de" || now.Email != s.ada.Email || now.Username != s.ada.Username {
		t.Errorf("%+v", now)
	}
}

func TestChangingThePasswordOfAnAccount(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	elsewhere := s.browser()
	_, tokens := s.tokens(elsewhere.signIn())
	b, a := s.atAccount(s.ada, "account/password")
	for _, wrong := range [][]string{{chosenPassword, "another"}, {password, password}, {"short", "short"}, {s.ada.Username, s.ada.Username}} {
		if got := b.submit(a, "password-form", "new_password", wrong[0], "new_password_confirmation", wrong[1]); got.status != http.StatusUnprocessableEntity || got.text("notice") == "" {
			t.Errorf("%v: %d", wrong, got.status)
		}
	}
	done := b.submit(a, "password-form", "new_password", chosenPassword, "new_password_confirmation", chosenPassword)
	if done.url.Path != "/acme/account/sign-in" || done.text("done") == "" {
		t.Fatalf("%d at %s:\n%s", done.status, done.url, done.body)
	}
	if silent := elsewhere.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("error") != "login_required" {
		t.Errorf("another session goes on: %s", silent.url)
	}
	if status, body := s.tokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}}); status != http.StatusBadRequest {
		t.Errorf("a refresh token from before goes on: %d %v", status, body)
	}
	if silent := b.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("code") == "" {
		t.Errorf("the present session ended: %s", silent.url)
	}
	if told := s.mail(s.ada.Email); !strings.Contains(told.Subject, "changed") {
		t.Errorf("she is not told: %+v", told)
	}
	if again := b.submit(a, "password-form", "new_password", chosenPassword, "new_password_confirmation", chosenPassword); again.status != http.StatusUnprocessableEntity {
		t.Errorf("sent twice: %d at %s", again.status, again.url)
	}
}

func TestSessionsOfAnAccount(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	alive := func(b *browser) bool { return b.get("/acme/").element("logout") != nil }
	second, _ := s.atAccount(s.ada, "account")
	third, _ := s.atAccount(s.ada, "account")
	eve, _ := s.atAccount(s.person(s.acme, "eve@acme.test"), "account")
	b, _ := s.atAccount(s.ada, "account")
	a := b.get("/acme/account/sessions")
	if got := len(a.endings()); got != 2 {
		t.Fatalf("%d sessions can be ended:\n%s", got, a.body)
	}
	for name, id := range map[string]string{"of somebody else": s.sessionOf(t, eve).String(), "the present one": s.sessionOf(t, b).String(), "none": "x"} {
		b.submit(a, "sessions-form", "session", id)
		if !alive(b) || !alive(second) || !alive(third) || !alive(eve) {
			t.Fatalf("%s: a session ended", name)
		}
	}
	if done := b.submit(a, "sessions-form", "session", s.sessionOf(t, second).String()); done.text("done") == "" || alive(second) || !alive(third) || !alive(b) {
		t.Errorf("ending one: %d at %s", done.status, done.url)
	}
	if done := b.submit(a, "sessions-form", "others", "all"); done.text("done") == "" || alive(third) || !alive(b) || !alive(eve) {
		t.Errorf("ending all others: %d at %s", done.status, done.url)
	}
	if a = b.get("/acme/account/sessions"); len(a.endings()) != 0 || a.element("end-others") != nil {
		t.Errorf("sessions are left:\n%s", a.body)
	}
}

// endings are the sessions that the page lets end.
func (a *answer) endings() (ids []string) {
	for n := range a.page.Descendants() {
		if n.Type == html.ElementNode && n.Data == "button" && attribute(n, "name") == "session" {
			ids = append(ids, attribute(n, "value"))
		}
	}
	return ids
}

func TestApplicationsOfAnAccount(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	_, tokens := s.tokens(b.signIn("scope", "openid email offline_access", "prompt", "consent"))
	eve := s.person(s.acme, "eve@acme.test")
	other, empty := s.atAccount(eve, "account/applications")
	if empty.element("applications-list") != nil {
		t.Errorf("she sees what Ada allowed:\n%s", empty.body)
	}
	a := b.get("/acme/account/applications")
	if said := a.text("applications-list"); !strings.Contains(said, "Payroll") || !strings.Contains(said, "See your email address") || !strings.Contains(said, "after you have left") {
		t.Fatalf("it says %q", said)
	}
	action := "/acme/account/applications"
	token := ""
	for n := range a.page.Descendants() {
		if attribute(n, "name") == "csrf_token" {
			token = attribute(n, "value")
		}
	}
	refresh := func() int {
		status, _ := s.tokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}})
		return status
	}
	if a := other.post(action, url.Values{"client": {s.web.ID.String()}, "csrf_token": {token}}); a.status != http.StatusForbidden {
		t.Errorf("by somebody else: %d", a.status)
	}
	done := b.post(action, url.Values{"client": {s.web.ID.String()}, "csrf_token": {token}})
	if done.text("done") == "" || done.element("applications-list") != nil {
		t.Fatalf("%d at %s:\n%s", done.status, done.url, done.body)
	}
	if status := refresh(); status != http.StatusBadRequest {
		t.Errorf("its refresh token goes on: %d", status)
	}
	if again := b.post(action, url.Values{"client": {s.web.ID.String()}, "csrf_token": {token}}); again.status != http.StatusOK {
		t.Errorf("taken back twice: %d", again.status)
	}
}

func TestActivityOfAnAccount(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.person(s.acme, "grace@acme.test")
	b, _ := s.atAccount(s.ada, "account")
	other := s.browser()
	other.submit(other.get("/acme/login"), "login-form", "username", s.ada.Username, "password", "wrong")
	s.inTx(func(ctx context.Context, tx *store.Tx) error { // Ada, as administrator, changes somebody else, and ends their session
		actor := audit.Actor{Kind: audit.User, ID: s.ada.ID.String(), Name: s.ada.Username}
		changed := *grace
		changed.Profile.Nickname = "Amazing"
		if _, err := s.app.Users.Update(ctx, tx, actor, changed); err != nil {
			return err
		}
		return s.app.Audit.Record(ctx, tx, s.acme.ID, audit.Event{Action: "session.ended", Actor: actor, Target: audit.Target{Kind: "session", ID: "x"}, Details: map[string]any{"user_id": grace.ID}})
	})
	said := b.get("/acme/account/activity").text("activity-list")
	for _, want := range []string{"Signed in", "A sign-in failed", "The account was created", "By an administrator"} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q: %q", want, said)
		}
	}
	for _, never := range []string{"The profile was changed", "Signed out", grace.Username, operator.Name} {
		if strings.Contains(said, never) {
			t.Errorf("it says %q: %q", never, said)
		}
	}
	for range 40 {
		if err := s.app.Audit.Record(t.Context(), s.app.Store, s.acme.ID, audit.Event{Action: "user.updated", Actor: operator, Target: user.Target(s.ada)}); err != nil {
			t.Fatal(err)
		}
	}
	seen, pages := 0, 0
	for address := "/acme/account/activity"; address != ""; pages++ {
		a := b.get(address)
		seen += strings.Count(a.text("activity-list"), "The profile was changed")
		address = ""
		for n := range a.page.Descendants() {
			if n.Type == html.ElementNode && n.Data == "a" && strings.Contains(attribute(n, "href"), "?before=") {
				address = attribute(n, "href")
			}
		}
	}
	if seen != 40 || pages != 2 {
		t.Errorf("%d events on %d pages", seen, pages)
	}
}

func TestDownloadingOnesData(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.person(s.acme, "grace@acme.test")
	b, form := s.atAccount(s.ada, "account/data")
	_, tokens := s.tokens(b.signIn())
	a := b.submit(form, "data-form")
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/json" || !strings.HasPrefix(a.header.Get("Content-Disposition"), "attachment;") || a.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", a.status, a.header)
	}
	var all struct {
		User                                        user.User
		Password                                    *struct{ Since time.Time }
		Sessions, Consents, Grants, Mails, Activity []map[string]any
	}
	if err := json.Unmarshal([]byte(a.body), &all); err != nil {
		t.Fatal(err)
	}
	if all.User.ID != s.ada.ID || all.Password == nil || len(all.Sessions) != 1 || len(all.Consents) != 1 || len(all.Grants) != 1 || len(all.Activity) < 3 {
		t.Errorf("%s", a.body)
	}
	var stored string
	if err := s.app.Store.QueryRow(t.Context(), "SELECT secret FROM credentials WHERE user_id = $1", s.ada.ID).Scan(&stored); err != nil {
		t.Fatal(err)
	}
	for _, never := range []string{stored, tokens["refresh_token"].(string), string(secret.Hash(tokens["refresh_token"].(string))), "token_hash", "argon2", grace.Username} {
		if strings.Contains(a.body, never) {
			t.Errorf("it holds %q", never)
		}
	}
	for _, member := range s.tablesOfPeople() {
		if !strings.Contains(a.body, `"`+member+`"`) {
			t.Errorf("it lacks %q", member)
		}
	}
	events, err := s.app.Audit.List(t.Context(), s.app.Store, s.acme.ID, audit.Filter{Action: "user.data_downloaded", TargetID: s.ada.ID.String(), Limit: 5})
	if err != nil || len(events) != 1 {
		t.Errorf("%d events: %v", len(events), err)
	}
}

// tablesOfPeople are the members of a download in which what each table keeps of a person is. A new table needs one, or a reason
// to have none.
func (s *site) tablesOfPeople() (members []string) {
	s.t.Helper()
	known := map[string]string{
		"credentials": "password", "passkeys": "passkeys", "sessions": "sessions", "consents": "consents", "grants": "grants", "mails": "mails", "role_assignments": "roles",
		"remembered_devices": "remembered_devices", "upstream_identities": "identities", "linked_identities": "linked_identities", "email_changes": "former_addresses",
		"terms_acceptances": "terms",
		"invitations":       "", "totp_credentials": "", // shown where there is one
		"recovery_codes": "", "user_handles": "", "one_time_links": "", // secrets, or random
		"backchannel_requests": "", "device_requests": "", "logout_deliveries": "", // of minutes
		"erasures": "", // of who has no account any more
	}
	rows, err := s.app.Store.Query(s.t.Context(), `SELECT DISTINCT c.table_name FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
		WHERE c.table_schema = 'public' AND c.column_name = 'user_id' AND t.table_type = 'BASE TABLE' ORDER BY 1`)
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			s.t.Fatal(err)
		}
		member, ok := known[table]
		if !ok {
			s.t.Errorf("nobody said where the download has what %s keeps of a person", table)
		}
		if member != "" {
			members = append(members, member)
		}
	}
	return members
}
