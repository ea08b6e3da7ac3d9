package server

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/descope/virtualwebauthn"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// leaving has a person ask for their erasure.
func (s *site) leaving(person *user.User) (*browser, *answer) {
	s.t.Helper()
	b, page := s.atAccount(person, "account/delete")
	done := b.submit(page, "delete-account-form")
	if done.status != http.StatusOK || done.element("account-leaving") == nil || s.now(person).Status != user.Leaving {
		s.t.Fatalf("%d at %s:\n%s", done.status, done.url, done.body)
	}
	return b, page
}

// leavingBy is leaving for somebody who has a passkey, which is then asked for.
func (s *site) leavingBy(person *user.User, key *authenticator) {
	s.t.Helper()
	b := s.browser()
	done := b.submit(b.usePasskey(b.get("/acme/account/delete"), key), "delete-account-form")
	if done.element("account-leaving") == nil || s.now(person).Status != user.Leaving {
		s.t.Fatalf("%d at %s:\n%s", done.status, done.url, done.body)
	}
}

// atKeep signs a person who leaves in, up to the question.
func (s *site) atKeep(person *user.User) (*browser, *answer) {
	s.t.Helper()
	b := s.browser()
	page := b.submit(b.get(s.authorizeURL()), "login-form", "username", person.Username, "password", password)
	if page.url.Path != "/acme/action/keep-account" || page.element("keep-account-form") == nil {
		s.t.Fatalf("expected the question, got %d at %s:\n%s", page.status, page.url, page.body)
	}
	return b, page
}

// graceIsOver makes the time come of everybody who leaves.
func (s *site) graceIsOver() {
	s.t.Helper()
	if _, err := s.app.Store.Exec(s.t.Context(), "UPDATE users SET erase_at = now() - interval '1 minute' WHERE erase_at IS NOT NULL"); err != nil {
		s.t.Fatal(err)
	}
}

// erase does what a job does when the time of people has come, and once more when nothing can write of them any more.
func (s *site) erase() {
	s.t.Helper()
	for range 2 {
		if err := s.app.Erasure.Do(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
		if _, err := s.app.Store.Exec(s.t.Context(), "UPDATE erasures SET erased_at = erased_at - interval '2 hours'"); err != nil {
			s.t.Fatal(err)
		}
	}
}

func TestDeletingTheAccountEndsEverythingAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	elsewhere := s.browser()
	_, tokens := s.tokens(elsewhere.signIn("scope", "openid offline_access", "prompt", "consent"))
	link := s.oneTimeLink(s.ada)
	b, page := s.leaving(s.ada)
	for name, who := range map[string]*browser{"here": b, "elsewhere": elsewhere} {
		if a := who.get(s.authorizeURL("prompt", "none")); a.url.Query().Get("error") != "login_required" {
			t.Errorf("%s somebody is signed in: %s", name, a.url)
		}
	}
	if status, _, _ := s.userinfo(tokens["access_token"]); status != http.StatusUnauthorized {
		t.Errorf("the access token is worth %d", status)
	}
	if status, body := s.tokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}}); status == http.StatusOK {
		t.Errorf("the refresh token is worth %d %v", status, body)
	}
	if a := s.browser().get(link); a.status == http.StatusOK && a.element("password-form") != nil {
		t.Errorf("a link of before: %d at %s", a.status, a.url)
	}
	if a := b.submit(page, "delete-account-form"); a.element("login-form") == nil {
		t.Errorf("sent again: %d at %s", a.status, a.url)
	}
	if told := s.mail(s.ada.Email); !strings.Contains(told.Subject, "erased") || !strings.Contains(told.Text, "/acme/login") {
		t.Errorf("%+v", told)
	}
	s.erase() // its time has not come
	if s.now(s.ada).Status != user.Leaving {
		t.Error("erased before the days of grace are over")
	}
}

// oneTimeLink is one that an administrator made.
func (s *site) oneTimeLink(person *user.User) (link string) {
	s.t.Helper()
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		token, _, err := s.app.Links.Create(ctx, tx, operator, person.OrgID, person.ID)
		link = s.server.URL + "/acme/login/link?token=" + token
		return err
	})
	return link
}

func TestKeepingTheAccount(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.leaving(s.ada)
	b, page := s.atKeep(s.ada)
	if a := b.submit(page, "keep-account-form"); a.status != http.StatusUnprocessableEntity || a.element("keep-account-form") == nil {
		t.Errorf("no button: %d at %s", a.status, a.url)
	}
	if a := b.submit(page, "keep-account-form", "decision", "leave"); a.url.Query().Get("error") != "access_denied" || s.now(s.ada).Status != user.Leaving {
		t.Errorf("left: %d at %s", a.status, a.url)
	}
	b, page = s.atKeep(s.ada)
	late, tooLate := s.atKeep(s.ada)
	if a := b.allowed(b.submit(page, "keep-account-form", "decision", "keep")); a.url.Query().Get("code") == "" || s.now(s.ada).Status != user.Active || !s.now(s.ada).EraseAt.IsZero() {
		t.Errorf("kept: %d at %s", a.status, a.url)
	}
	if told := s.mail(s.ada.Email); !strings.Contains(told.Subject, "stays") {
		t.Errorf("%+v", told)
	}
	// The other sign-in goes on as that of anybody: what it asked is decided.
	if a := late.allowed(late.submit(tooLate, "keep-account-form", "decision", "leave")); a.url.Query().Get("code") == "" || s.now(s.ada).Status != user.Active {
		t.Errorf("decided meanwhile: %d at %s", a.status, a.url)
	}
	if a := b.submit(page, "keep-account-form", "decision", "keep"); a.status != http.StatusGone {
		t.Errorf("replayed: %d at %s", a.status, a.url)
	}
	s.graceIsOver()
	s.erase()
	if s.now(s.ada).Status != user.Active {
		t.Error("a kept account was erased")
	}
}

// Whatever way leads in, the question comes after every proof and before everything else.
func TestEveryWayInLeadsToTheQuestion(t *testing.T) {
	t.Parallel()
	s := newPasskeySite(t)
	s.openMagicLinks()
	key := s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{})
	s.leavingBy(s.ada, key)
	asked := func(way string, b *browser, page *answer) {
		t.Helper()
		if page.url.Path != "/acme/action/keep-account" {
			t.Errorf("%s leads to %d at %s", way, page.status, page.url)
			return
		}
		if a := b.get(s.authorizeURL("prompt", "none")); a.url.Query().Get("error") != "login_required" {
			t.Errorf("%s: somebody is signed in: %s", way, a.url)
		}
	}
	b := s.browser()
	asked("a passkey", b, b.usePasskey(b.get(s.authorizeURL()), key))
	b, page := s.byMail(s.ada.Username)
	page = b.submit(page, "confirm-form", "code", s.code(s.ada.Email))
	if page.url.Path != "/acme/login/second-factor" {
		t.Errorf("a magic link leads past the passkey: %d at %s", page.status, page.url)
	}
	asked("a magic link", b, b.usePasskey(page, key))
	b, page = s.forgot(s.ada.Username)
	page = b.submit(page, "confirm-form", "code", s.code(s.ada.Email))
	asked("a forgotten password", b, page)
	if a := b.submit(page, "keep-account-form", "decision", "keep"); a.url.Path != "/acme/action/change-password" || s.now(s.ada).Status != user.Active {
		t.Errorf("then a password is chosen: %d at %s", a.status, a.url)
	}
}

func TestASecondFactorComesBeforeTheQuestion(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	app := s.addApp(s.ada)
	b := s.browser()
	page := b.submit(b.get("/acme/account/delete"), "login-form", "username", s.ada.Username, "password", password)
	page = b.submit(page, "otp-form", "code", app.code())
	if done := b.submit(page, "delete-account-form"); done.element("account-leaving") == nil {
		t.Fatalf("%d at %s:\n%s", done.status, done.url, done.body)
	}
	b = s.browser()
	page = b.password()
	if page.element("otp-form") == nil {
		t.Fatalf("%d at %s", page.status, page.url)
	}
	if a := b.get("/acme/action/keep-account?transaction=" + page.url.Query().Get("transaction")); a.element("keep-account-form") != nil {
		t.Error("the question is shown before the second factor is proved")
	}
	page = b.submit(page, "otp-form", "code", app.code())
	if a := b.allowed(b.submit(page, "keep-account-form", "decision", "keep")); a.url.Query().Get("code") == "" {
		t.Errorf("%d at %s", a.status, a.url)
	}
}

// A password that is replaced while the question is open proves nothing any more.
func TestAReplacedPasswordKeepsNoAccount(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.leaving(s.ada)
	b, page := s.atKeep(s.ada)
	s.setPassword(s.ada, "Another-Engine-1844", false)
	if a := b.submit(page, "keep-account-form", "decision", "keep"); a.element("login-form") == nil || s.now(s.ada).Status != user.Leaving {
		t.Errorf("%d at %s, %s", a.status, a.url, s.now(s.ada).Status)
	}
}

func TestWhoMayDeleteTheirAccount(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	bob := s.person(s.acme, "bob@acme.test")
	b, page := s.atAccount(s.ada, "account/delete")
	s.administrator(role.OrganizationAdministrator)
	if a := b.submit(page, "delete-account-form"); a.status != http.StatusConflict || s.now(s.ada).Status != user.Active {
		t.Errorf("the last administrator: %d", a.status)
	}
	s.administrator()
	s.longAgo(s.ada)
	if a := b.submit(page, "delete-account-form"); a.element("login-form") == nil || s.now(s.ada).Status != user.Active {
		t.Errorf("without a fresh proof: %d at %s", a.status, a.url)
	}
	other, _ := s.atAccount(bob, "account/delete")
	if _, fields := page.form("delete-account-form"); other.post("/acme/account/delete", fields).status != http.StatusForbidden || s.now(bob).Status != user.Active {
		t.Error("the form of somebody else counts")
	}
	b, page = s.atAccount(s.ada, "account/delete")
	s.changePolicies(s.acme, func(p *org.Policies) { p.AccountDeletion = org.AccountDeletionClosed })
	if a := b.submit(page, "delete-account-form"); a.status != http.StatusForbidden || s.now(s.ada).Status != user.Active {
		t.Errorf("closed meanwhile: %d", a.status)
	}
	if a := b.get("/acme/account/delete"); a.status != http.StatusForbidden {
		t.Errorf("closed: %d", a.status)
	}
	if a := b.get("/acme/account/data"); a.element("delete-account-link") != nil {
		t.Error("a page that is closed is linked")
	}
}

func TestAskingTwiceAtOnceIsAskingOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, page := s.atAccount(s.ada, "account/delete")
	_, fields := page.form("delete-account-form")
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() { b.post("/acme/account/delete", fields) })
	}
	group.Wait()
	var asked, mails int
	if err := s.app.Store.QueryRow(t.Context(), "SELECT count(*) FROM audit_events WHERE action = 'user.erasure_requested'").Scan(&asked); err != nil || asked != 1 {
		t.Errorf("%d %v", asked, err)
	}
	if err := s.app.Store.QueryRow(t.Context(), "SELECT count(*) FROM mails WHERE kind = 'account_leaving'").Scan(&mails); err != nil || mails != 1 {
		t.Errorf("%d mails, %v", mails, err)
	}
}

// everythingAbout counts what the database says with any of the words, in every table of ours.
func (s *site) everythingAbout(words ...string) map[string]int {
	s.t.Helper()
	rows, err := s.app.Store.Query(s.t.Context(), `SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname NOT LIKE 'river%' ORDER BY 1`)
	if err != nil {
		s.t.Fatal(err)
	}
	var tables []string
	for rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			s.t.Fatal(err)
		}
		tables = append(tables, table)
	}
	found := map[string]int{}
	for _, table := range tables {
		for _, word := range words {
			var count int
			if err := s.app.Store.QueryRow(s.t.Context(), "SELECT count(*) FROM "+table+" t WHERE t::text ILIKE '%' || $1 || '%'", word).Scan(&count); err != nil {
				s.t.Fatal(err)
			}
			if count > 0 {
				found[table+" "+word] = count
			}
		}
	}
	return found
}

func TestAnErasedPersonIsNowhereAnyMore(t *testing.T) {
	t.Parallel()
	s := newPasskeySite(t)
	bob := s.person(s.acme, "bob@acme.test")
	b := s.browser()
	s.tokens(b.signIn("scope", "openid profile email offline_access", "prompt", "consent"))
	wrong := s.browser()
	wrong.submit(wrong.get(s.authorizeURL()), "login-form", "username", s.ada.Username, "password", "not the password")
	s.inTx(func(ctx context.Context, tx *store.Tx) error { // what Ada did to somebody else, and what others did to her
		changed := *bob
		changed.Profile.Name = "Bob Babbage"
		_, err := s.app.Users.Update(ctx, tx, auditActor(s.ada), changed)
		return err
	})
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		return s.app.Sessions.EndAll(ctx, tx, operator, s.acme.ID, s.ada.ID, uuid.Nil, "test")
	})
	key := s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{})
	before := s.events()
	s.leavingBy(s.ada, key)
	if found := s.everythingAbout(s.ada.ID.String(), s.ada.Email); len(found) < 8 {
		t.Fatalf("the test sees too little: %v", found)
	}
	s.graceIsOver()
	s.deliver()
	s.erase()
	if told := s.mail(s.ada.Email); !strings.Contains(told.Subject, "was erased") {
		t.Errorf("%+v", told)
	}
	if found := s.everythingAbout(s.ada.ID.String(), s.ada.Email, s.ada.Username, "Lovelace"); len(found) > 0 {
		t.Errorf("what is left: %v", found)
	}
	if after := s.events(); after < before {
		t.Errorf("%d of %d events are left", after, before)
	}
	var kept, pseudonyms int
	if err := s.app.Store.QueryRow(t.Context(), `SELECT count(*) FROM audit_events WHERE action = 'user.updated' AND target_id = $1 AND after::text LIKE '%Bob Babbage%'
		AND actor_id LIKE 'erased-%' AND actor_name = ''`, bob.ID.String()).Scan(&kept); err != nil || kept != 1 {
		t.Errorf("what she did to Bob: %d %v", kept, err)
	}
	if err := s.app.Store.QueryRow(t.Context(), `SELECT count(DISTINCT id) FROM (SELECT actor_id AS id FROM audit_events UNION ALL SELECT target_id FROM audit_events
		UNION ALL SELECT details ->> 'user_id' FROM audit_events) AS named WHERE id LIKE 'erased-%'`).Scan(&pseudonyms); err != nil || pseudonyms != 1 {
		t.Errorf("%d pseudonyms, %v", pseudonyms, err)
	}
	s.erase() // harmless
	fresh := s.browser()
	if a := fresh.submit(fresh.get(s.authorizeURL()), "login-form", "username", s.ada.Username, "password", password); a.element("login-form") == nil {
		t.Errorf("%d at %s", a.status, a.url)
	}
	if a, _ := s.atAccount(bob, "account/activity"); a == nil {
		t.Error("somebody else's account")
	}
}

func (s *site) events() (count int) {
	s.t.Helper()
	if err := s.app.Store.QueryRow(s.t.Context(), "SELECT count(*) FROM audit_events").Scan(&count); err != nil {
		s.t.Fatal(err)
	}
	return count
}

// A request that had begun before somebody was erased may write of them after the audit log was told.
func TestWhatIsWrittenAfterAnErasureIsTheirsNoMore(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.leaving(s.ada)
	s.graceIsOver()
	if err := s.app.Erasure.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.app.Audit.Record(t.Context(), s.app.Store, s.acme.ID, audit.Event{Action: "user.updated", Actor: auditActor(s.ada), Target: user.Target(s.ada)}); err != nil {
		t.Fatal(err)
	}
	s.erase()
	if found := s.everythingAbout(s.ada.ID.String(), s.ada.Username); len(found) > 0 {
		t.Errorf("what is left: %v", found)
	}
}

// What an erased administrator of the platform did in other organizations is theirs no more either, and an erasure that was
// interrupted after the person went goes on with the audit log.
func TestAnInterruptedErasureGoesOn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	system, err := s.app.Organizations.BySlug(t.Context(), org.SystemSlug)
	if err != nil {
		t.Fatal(err)
	}
	root := s.person(system, "root@system.test")
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		changed := *s.ada
		changed.Profile.Name = "Ada, Countess"
		_, err := s.app.Users.Update(ctx, tx, auditActor(root), changed)
		return err
	})
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		_, err := s.app.Users.Leave(ctx, tx, operator, system.ID, root.ID, s.app.Now().Add(-1))
		return err
	})
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		_, err := s.app.Users.Erase(ctx, tx, user.Due{OrgID: system.ID, ID: root.ID}, "erased-interrupted-by-the-test")
		return err
	})
	if found := s.everythingAbout(root.ID.String()); found["audit_events "+root.ID.String()] == 0 || found["erasures "+root.ID.String()] != 1 {
		t.Fatalf("%v", found)
	}
	s.erase()
	if found := s.everythingAbout(root.ID.String(), root.Username); len(found) > 0 {
		t.Errorf("%v", found)
	}
	var left int
	if err := s.app.Store.QueryRow(t.Context(), "SELECT count(*) FROM audit_events WHERE org_id = $1 AND actor_id = 'erased-interrupted-by-the-test' AND after::text LIKE '%Countess%'", s.acme.ID).Scan(&left); err != nil || left != 1 {
		t.Errorf("%d %v", left, err)
	}
}

func auditActor(person *user.User) audit.Actor {
	return audit.Actor{Kind: audit.User, ID: person.ID.String(), Name: person.Username}
}
