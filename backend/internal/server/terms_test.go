package server

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/terms"
	"github.com/clavex/clavex/backend/internal/user"
)

// publish makes the next version of an organization's terms.
func (s *site) publish(organization *org.Organization, title string, inForceAt time.Time) {
	s.t.Helper()
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		_, err := s.app.Terms.Publish(ctx, tx, operator, organization.ID, map[string]terms.Text{
			"en": {Title: title, URL: "https://acme.example/terms"}, "de": {Title: "Bedingungen", Text: "Seien Sie freundlich.\nIn " + title}}, inForceAt)
		return err
	})
	s.app.Terms.Forget(organization.ID)
}

func (s *site) accepted(person *user.User) (versions []int) {
	s.t.Helper()
	all, err := s.app.Terms.OfUser(s.t.Context(), s.app.Store, person.OrgID, person.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, one := range all {
		versions = append(versions, one.Version)
	}
	return versions
}

func (s *site) eventsAbout(action string, person *user.User) int {
	s.t.Helper()
	events, err := s.app.Audit.List(s.t.Context(), s.app.Store, person.OrgID, audit.Filter{Action: action, TargetID: person.ID.String(), Limit: 20})
	if err != nil {
		s.t.Fatal(err)
	}
	return len(events)
}

// forTerms fails unless the answer is the page of the terms.
func (a *answer) forTerms(t *testing.T, title string) *answer {
	t.Helper()
	if a.url.Path != "/acme/action/terms" || a.element("terms-form") == nil || !strings.Contains(a.body, title) {
		t.Fatalf("expected to be asked for %s, got %d at %s:\n%s", title, a.status, a.url, a.body)
	}
	return a
}

func TestAcceptingTheTerms(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.publish(s.acme, "First terms", time.Time{})
	b := s.browser()
	page := b.password().forTerms(t, "First terms")
	if sessions := s.sessionsOf(s.ada); len(sessions) != 0 {
		t.Errorf("there is a session before they are accepted: %v", sessions)
	}
	if silent := b.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("error") != "login_required" {
		t.Errorf("without asking: %s", silent.url)
	}
	if a := b.submit(page, "terms-form"); a.status != http.StatusUnprocessableEntity || len(s.accepted(s.ada)) != 0 {
		t.Errorf("undecided: %d, accepted %v", a.status, s.accepted(s.ada))
	}
	for _, forged := range []string{"2", "0", "x", "-1"} {
		if a := b.submit(page, "terms-form", "accept", forged); a.status != http.StatusConflict || len(s.accepted(s.ada)) != 0 {
			t.Errorf("a version %s that was not shown: %d, accepted %v", forged, a.status, s.accepted(s.ada))
		}
	}
	if a := b.submit(page, "terms-form", "accept", "1", "csrf_token", "x"); a.status != http.StatusForbidden || len(s.accepted(s.ada)) != 0 {
		t.Errorf("forged: %d", a.status)
	}
	consent := b.submit(page, "terms-form", "accept", "1")
	if consent.url.Path != "/acme/consent" {
		t.Fatalf("%d at %s", consent.status, consent.url)
	}
	if again := b.submit(page, "terms-form", "accept", "1"); again.url.Path != "/acme/consent" || len(s.accepted(s.ada)) != 1 {
		t.Errorf("sent again: %d at %s, accepted %v", again.status, again.url, s.accepted(s.ada))
	}
	status, tokens := s.tokens(b.allowed(consent))
	if status != http.StatusOK || s.eventsAbout("terms.accepted", s.ada) != 1 {
		t.Fatalf("%d, %d events", status, s.eventsAbout("terms.accepted", s.ada))
	}
	if silent := b.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("code") == "" {
		t.Errorf("they are accepted, and asked for: %s", silent.url)
	}
	// Another version: a session goes on to the next authorization, and refresh tokens go on.
	s.publish(s.acme, "Second terms", time.Time{})
	if silent := b.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("error") != "interaction_required" {
		t.Errorf("another version, without asking: %s", silent.url)
	}
	if status, answer := s.tokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}}); status != http.StatusOK {
		t.Errorf("refresh tokens do not go on: %v", answer)
	}
	page = b.get(s.authorizeURL()).forTerms(t, "Second terms")
	if !strings.Contains(page.body, "have changed since") {
		t.Errorf("it does not say that they changed:\n%s", page.body)
	}
	// A newer one that is saved while the page is open is shown, not accepted.
	s.publish(s.acme, "Third terms", time.Time{})
	if shown := b.submit(page, "terms-form", "accept", "2"); shown.status != http.StatusConflict || shown.text("notice") == "" || len(s.accepted(s.ada)) != 1 {
		t.Errorf("%d at %s, accepted %v", shown.status, shown.url, s.accepted(s.ada))
	} else if a := b.submit(shown.forTerms(t, "Third terms"), "terms-form", "accept", "3"); a.url.Query().Get("code") == "" {
		t.Errorf("%d at %s", a.status, a.url)
	}
	if got := s.accepted(s.ada); len(got) != 2 || got[0] != 3 {
		t.Errorf("accepted %v", got)
	}
	// A withdrawn version counts no more; what was accepted later does for the one before.
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		_, err := s.app.Terms.Withdraw(ctx, tx, operator, s.acme.ID, 3)
		return err
	})
	s.app.Terms.Forget(s.acme.ID)
	if silent := b.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("code") == "" {
		t.Errorf("after it was withdrawn: %s", silent.url)
	}
	// What is not in force is asked of nobody.
	s.publish(s.acme, "Next year's", time.Now().Add(24*time.Hour))
	if silent := b.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("code") == "" {
		t.Errorf("before it is in force: %s", silent.url)
	}
	// Required once more.
	s.require(s.ada, user.AcceptTerms)
	page = b.get(s.authorizeURL()).forTerms(t, "Second terms")
	if a := b.submit(page, "terms-form", "accept", "2"); a.url.Query().Get("code") == "" || s.now(s.ada).Must(user.AcceptTerms) {
		t.Errorf("%d at %s, left %v", a.status, a.url, s.now(s.ada).RequiredActions)
	}
}

func TestDecliningTheTerms(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	old := s.browser()
	_, tokens := s.tokens(old.signIn())
	s.publish(s.acme, "First terms", time.Time{})
	b := s.browser()
	page := b.password().forTerms(t, "First terms")
	if a := b.submit(page, "terms-form", "decision", "decline"); a.url.Query().Get("error") != "access_denied" || s.eventsAbout("terms.declined", s.ada) != 1 {
		t.Fatalf("%d at %s", a.status, a.url)
	}
	if live := s.sessionsOf(s.ada); len(live) != 1 {
		t.Errorf("sessions %v", live)
	}
	if a := b.submit(page, "terms-form", "accept", "1"); a.status != http.StatusGone || len(s.accepted(s.ada)) != 0 {
		t.Errorf("accepted after all: %d at %s", a.status, a.url)
	}
	for _, address := range []string{"/acme/account", "/acme/account/sessions"} {
		if a := b.get(address); a.element("login-form") == nil {
			t.Errorf("%s after declining: %d at %s", address, a.status, a.url)
		}
	}
	// A session from before: the pages of the account ask, and declining ends it with what hangs on it.
	page = old.get("/acme/account").forTerms(t, "First terms")
	gone := old.submit(page, "terms-form", "decision", "decline")
	if gone.element("terms-declined") == nil || len(s.sessionsOf(s.ada)) != 0 {
		t.Errorf("%d at %s, sessions %v", gone.status, gone.url, s.sessionsOf(s.ada))
	}
	if silent := old.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("error") != "login_required" {
		t.Errorf("a session that is of use: %s", silent.url)
	}
	if status, answer := s.tokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}}); status == http.StatusOK {
		t.Errorf("what the session gave goes on: %v", answer)
	}
	// So does declining after a fresh proof beside a session from before.
	beside := s.browser()
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		return s.app.Terms.Accept(ctx, tx, operator, s.ada, 1, "en")
	})
	beside.signIn()
	s.publish(s.acme, "Second terms", time.Time{})
	page = beside.password("prompt", "login").forTerms(t, "Second terms")
	if beside.submit(page, "terms-form", "decision", "decline"); len(s.sessionsOf(s.ada)) != 0 {
		t.Errorf("sessions %v", s.sessionsOf(s.ada))
	}
	// Whoever declines may still take their data with them, or leave; nothing else is open by that.
	leaving := s.browser()
	page = leaving.submit(leaving.get("/acme/account/data"), "login-form", "username", s.ada.Username, "password", password)
	if page.url.Path != "/acme/account/data" {
		t.Fatalf("%d at %s", page.status, page.url)
	}
	leaving.get("/acme/account").forTerms(t, "Second terms")
	leaving.get("/acme/account/password").forTerms(t, "Second terms")
	if silent := leaving.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("error") != "interaction_required" {
		t.Errorf("without asking: %s", silent.url)
	}
}

func TestTermsOfSeveralPeopleAndOrganizations(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	bob := s.person(s.acme, "bob@acme.test")
	other := s.organization("other")
	s.publish(other, "Other terms", time.Time{})
	b := s.browser()
	if a := b.allowed(b.password()); a.url.Query().Get("code") == "" {
		t.Errorf("another organization's terms: %d at %s", a.status, a.url)
	}
	s.publish(s.acme, "First terms", time.Time{})
	// Two people at one browser: neither accepts for the other.
	page := b.submit(b.get(s.authorizeURL("prompt", "login", "login_hint", bob.Username)), "login-form", "username", bob.Username, "password", password).forTerms(t, "First terms")
	adas := b.get(s.authorizeURL("login_hint", s.ada.Username)).forTerms(t, "First terms")
	_, mine := page.form("terms-form")
	_, hers := adas.form("terms-form")
	mixed := url.Values{"transaction": {hers.Get("transaction")}, "csrf_token": {mine.Get("csrf_token")}, "accept": {"1"}}
	if a := b.post("/acme/action/terms", mixed); a.status != http.StatusForbidden || len(s.accepted(s.ada))+len(s.accepted(bob)) != 0 {
		t.Errorf("one for the other: %d, %v %v", a.status, s.accepted(s.ada), s.accepted(bob))
	}
	// Twice at once is once a version, whoever comes first.
	var together sync.WaitGroup
	for range 4 {
		together.Go(func() { b.submit(page, "terms-form", "accept", "1") })
	}
	together.Wait()
	if got := s.accepted(bob); len(got) != 1 {
		t.Errorf("accepted %v", got)
	}
	// A proof that is worth nothing any more accepts nothing.
	late := s.browser()
	page = late.password().forTerms(t, "First terms")
	s.setPassword(s.ada, chosenPassword, false)
	if a := late.submit(page, "terms-form", "accept", "1"); a.element("login-form") == nil || len(s.accepted(s.ada)) != 0 {
		t.Errorf("%d at %s, accepted %v", a.status, a.url, s.accepted(s.ada))
	}
}

func TestTermsAfterSignUpAndOnThePagesOfTheAccount(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.openSignUp(s.acme)
	s.publish(s.acme, "First terms", time.Time{})
	b, page := s.asked("eva@new.test")
	page = b.submit(page, "confirm-form", "code", s.code("eva@new.test")).forTerms(t, "First terms")
	if a := b.submit(page, "terms-form", "accept", "1"); a.url.Path != "/acme/consent" {
		t.Errorf("%d at %s", a.status, a.url)
	}
	shown := b.get("/acme/account/terms")
	if shown.element("terms-list") == nil || !strings.Contains(shown.text("terms-1"), "First terms") {
		t.Errorf("%d at %s:\n%s", shown.status, shown.url, shown.body)
	}
	invited, link := s.invited("gil@acme.test")
	accepting := s.browser()
	page = accepting.submit(accepting.get(link), "password-form", chosen(chosenPassword)...).forTerms(t, "First terms")
	if a := accepting.submit(page, "terms-form", "accept", "1"); a.url.Path != "/acme/" || len(s.accepted(invited)) != 1 {
		t.Errorf("%d at %s", a.status, a.url)
	}
	// It goes with the person.
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		return s.app.Users.Delete(ctx, tx, operator, s.acme.ID, invited.ID, s.now(invited).Version)
	})
	if left := s.accepted(invited); len(left) != 0 {
		t.Errorf("left of who is erased: %v", left)
	}
	german := s.browser()
	page = german.password("ui_locales", "de")
	if page.forTerms(t, "Bedingungen"); page.element("terms-text") == nil || !strings.Contains(page.body, "Seien Sie freundlich.") {
		t.Errorf("%s", page.body)
	}
}
