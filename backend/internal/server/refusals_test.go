package server

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/admin"
	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/ratelimit"
	"github.com/clavex/clavex/backend/internal/store"
)

// refused are the events about refusals of an organization.
func (s *site) refused(organization *org.Organization) []audit.Record {
	s.t.Helper()
	return append(s.eventsOf(organization, "rate_limit.reached"), s.eventsOf(organization, "sign_in.slowed_down")...)
}

// tellsOf expects one event about refusals of somebody who proved nothing, with these details.
func (s *site) tellsOf(action, kind, id string, details map[string]string) {
	s.t.Helper()
	s.tellsOfBy(audit.Actor{Kind: audit.Anonymous}, action, kind, id, details)
}

// tellsOfBy expects one event about refusals of the actor, with these details.
func (s *site) tellsOfBy(actor audit.Actor, action, kind, id string, details map[string]string) {
	s.t.Helper()
	found := s.refused(s.acme)
	if len(found) != 1 {
		s.t.Fatalf("%d events, want one: %+v", len(found), found)
	}
	var got map[string]string
	if err := json.Unmarshal(found[0].Details, &got); err != nil || len(got) != len(details) {
		s.t.Errorf("%s: %v", found[0].Details, err)
	}
	for name, want := range details {
		if got[name] != want {
			s.t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	event := found[0]
	if event.Action != action || event.Outcome != audit.Failure || event.Target != (audit.Target{Kind: kind, ID: id}) || event.Actor != actor {
		s.t.Errorf("%+v", event)
	}
	if !event.Address.IsLoopback() && event.Address.String() != "192.0.2.1" {
		s.t.Errorf("from %s", event.Address)
	}
}

// aWhileLater is after the hour in which nothing more is told.
func (s *site) aWhileLater() {
	s.t.Helper()
	if _, err := s.app.Store.Exec(s.t.Context(), "UPDATE kv_entries SET expires_at = now() WHERE kind = 'refusal_told'"); err != nil {
		s.t.Fatal(err)
	}
}

func TestTheAuditLogTellsOfALimitOfANetwork(t *testing.T) {
	t.Parallel()
	s := limited(t)
	rival := s.organization("rival")
	begin := func() int { return s.browser().from("192.0.2.1").get("/acme/login").status }
	for range 3 {
		begin()
	}
	if got := s.refused(s.acme); len(got) != 0 {
		t.Fatalf("nobody was refused: %+v", got)
	}
	for range 4 {
		if status := begin(); status != http.StatusTooManyRequests {
			t.Fatal(status)
		}
	}
	s.tellsOf("rate_limit.reached", "organization", s.acme.ID.String(), map[string]string{"limit": "sign_ins_of_network", "by": "address"})
	s.aWhileLater()
	begin()
	begin()
	if got := s.refused(s.acme); len(got) != 2 {
		t.Errorf("after an hour: %d events", len(got))
	}
	for range 4 {
		s.browser().from("192.0.2.77").get("/acme/login")
	}
	if got := s.refused(s.acme); len(got) != 3 {
		t.Errorf("with another network: %d events", len(got))
	}
	if got := s.refused(rival); len(got) != 0 {
		t.Errorf("at another organization: %+v", got)
	}
}

// Nobody's account leaves as much as somebody's, and what was typed is not repeated.
func TestTheAuditLogTellsOfWaitsAfterFailures(t *testing.T) {
	t.Parallel()
	for name, whose := range map[string]func(*site) (typed, kind, id string){
		"a person's": func(s *site) (string, string, string) { return s.ada.Username, "user", s.ada.ID.String() },
		"nobody's":   func(s *site) (string, string, string) { return "Engine-No-1842", "organization", s.acme.ID.String() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			typed, kind, id := whose(s)
			b := s.browser()
			page := b.get(s.authorizeURL())
			for waits, tries := 0, 0; waits < 3 && tries < 30; tries++ {
				if a := b.submit(page, "login-form", "username", typed, "password", "guess"); a.status == http.StatusTooManyRequests {
					waits++
				}
			}
			s.tellsOf("sign_in.slowed_down", kind, id, map[string]string{"kind": "password", "by": "account"})
			var repeated int
			if err := s.app.Store.QueryRow(t.Context(), "SELECT count(*) FROM audit_events e WHERE e::text LIKE '%Engine-No-1842%'").Scan(&repeated); err != nil || repeated != 0 {
				t.Errorf("what was typed stands in %d events: %v", repeated, err)
			}
		})
	}
}

func TestThePersonReadsThatSignInsWereSlowedDown(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, stranger := s.browser(), s.browser()
	b.signIn()
	page := stranger.get(s.authorizeURL())
	for waits, tries := 0, 0; waits < 1 && tries < 30; tries++ {
		if a := stranger.submit(page, "login-form", "username", s.ada.Username, "password", "guess"); a.status == http.StatusTooManyRequests {
			waits++
		}
	}
	if a := b.get("/acme/account/activity"); !strings.Contains(a.body, "Signing in was slowed down") {
		t.Errorf("%d at %s:\n%s", a.status, a.url, a.body)
	}
}

// Who has asked too often for mails about one account by two names gets none and is told nothing; the audit log has it.
func TestTheAuditLogTellsOfMailsThatDoNotGoOut(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.openMagicLinks()
	s.setUser(s.ada, "username = 'ada'")
	s.ada = s.now(s.ada)
	for range 6 {
		s.forgot(s.ada.Username)
	}
	for range 6 {
		s.forgot(s.ada.Email)
	}
	s.tellsOf("rate_limit.reached", "user", s.ada.ID.String(), map[string]string{"limit": "recoveries_of_account", "by": "account"})
	for range 2 {
		if a := s.browser().asks("forgot-password", s.ada.Username); a.status != http.StatusTooManyRequests {
			t.Errorf("%d at %s", a.status, a.url)
		}
	}
	limits := s.eventsOf(s.acme, "rate_limit.reached")
	if len(limits) != 2 || limits[0].Target.ID != s.ada.ID.String() || !strings.Contains(string(limits[0].Details), `"recoveries_of_name"`) {
		t.Errorf("%+v", limits)
	}
}

// Whoever has proved who they are is named.
func TestTheAuditLogTellsWhoWasRefused(t *testing.T) {
	t.Parallel()
	t.Run("a person at their account", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		b, page := s.atAccount(s.ada, "account/email")
		for n := range 12 {
			b.submit(page, "email-form", "email", strings.Repeat("x", n+1)+"@new.test")
		}
		s.tellsOfBy(audit.Actor{Kind: audit.User, ID: s.ada.ID.String(), Name: s.ada.Username}, "rate_limit.reached", "user", s.ada.ID.String(),
			map[string]string{"limit": "addresses_of_account", "by": "account"})
	})
	t.Run("a client at the back channel", func(t *testing.T) {
		t.Parallel()
		c := newCounter(t)
		for range 30 {
			c.ask()
		}
		for range 2 {
			if status, body := c.send("bc-authorize", url.Values{"scope": {"openid"}, "login_hint": {c.ada.Username}}); status != http.StatusTooManyRequests {
				t.Fatal(status, body)
			}
		}
		c.tellsOfBy(audit.Actor{Kind: audit.Client, ID: c.till.ID.String(), Name: c.till.Name}, "rate_limit.reached", "user", c.ada.ID.String(),
			map[string]string{"limit": "backchannel_requests_of_person", "by": "account"})
	})
	t.Run("at the Admin API", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		access, _ := s.administratorsTokens(s.browser())["access_token"].(string)
		s.call("GET", "/me", access, "")
		s.spend("admin_requests", admin.DefaultRequestsPerMinute)
		for range 2 {
			if a := s.call("GET", "/me", access, ""); a.status != http.StatusTooManyRequests {
				t.Fatalf("%d %s", a.status, a.body)
			}
		}
		s.tellsOfBy(audit.Actor{Kind: audit.User, ID: s.ada.ID.String(), Name: s.ada.Username}, "rate_limit.reached", "user", s.ada.ID.String(),
			map[string]string{"limit": "admin_requests", "by": "actor"})
	})
	t.Run("a program at the Admin API", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		reader, secret := s.client(s.acme, client.Client{ClientID: "reader", AuthenticationMethod: client.ClientSecretBasic, GrantTypes: []string{client.ClientCredentials}, Scopes: []string{"admin:read"}})
		_, answer := s.program("POST", "/acme/token", url.Values{"grant_type": {"client_credentials"}}, "Authorization", oidctest.Basic(reader.ClientID, secret))
		access, _ := answer["access_token"].(string)
		s.call("GET", "/me", access, "")
		s.spend("admin_requests", admin.DefaultRequestsPerMinute)
		for range 2 {
			if a := s.call("GET", "/me", access, ""); a.status != http.StatusTooManyRequests {
				t.Fatalf("%d %s", a.status, a.body)
			}
		}
		s.tellsOfBy(audit.Actor{Kind: audit.Client, ID: reader.ID.String(), Name: reader.ClientID}, "rate_limit.reached", "organization", s.acme.ID.String(),
			map[string]string{"limit": "admin_requests", "by": "actor"})
	})
}

// What is counted for an address is everybody's: a person who is refused by it stands in an event of their own, and strangers in theirs.
func TestNobodyIsNamedForMailsThatStrangersAskedFor(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.openSignUp(s.acme)
	var last *answer
	for range 12 {
		stranger := s.browser()
		last = stranger.signUp(stranger.get(s.authorizeURL("prompt", "create")), "new@new.test")
	}
	if last.status != http.StatusTooManyRequests {
		t.Fatalf("a stranger: %d at %s", last.status, last.url)
	}
	b, page := s.atAccount(s.ada, "account/email")
	if a := b.submit(page, "email-form", "email", "new@new.test"); a.status != http.StatusTooManyRequests {
		t.Fatalf("%d at %s", a.status, a.url)
	}
	actors := map[audit.Actor]audit.Target{}
	for _, event := range s.eventsOf(s.acme, "rate_limit.reached") {
		actors[event.Actor] = event.Target
	}
	if len(actors) != 2 || actors[audit.Actor{Kind: audit.Anonymous}] != (audit.Target{Kind: "organization", ID: s.acme.ID.String()}) ||
		actors[audit.Actor{Kind: audit.User, ID: s.ada.ID.String(), Name: s.ada.Username}] != (audit.Target{Kind: "user", ID: s.ada.ID.String()}) {
		t.Errorf("%+v", actors)
	}
}

// spend sets the only count of a kind.
func (s *site) spend(kind string, count int) {
	s.t.Helper()
	if tag, err := s.app.Store.Exec(s.t.Context(), "UPDATE kv_entries SET version = $1 WHERE kind = '#' || $2", count, kind); err != nil || tag.RowsAffected() != 1 {
		s.t.Fatal(tag, err)
	}
}

func TestSignUpsOfAnOrganizationAreLimitedAndTheAuditLogTellsOfIt(t *testing.T) {
	t.Parallel()
	s := newSiteOn(t, dbtest.URL(t), "sign_ups_per_network", "0")
	rival := s.organization("rival")
	s.openSignUp(s.acme)
	s.openSignUp(rival)
	b, _ := s.asked("one@new.test")
	s.spend("sign_ups_of_organization", 4999)
	s.asked("two@new.test") // the five thousandth
	for range 3 {
		if a := b.signUp(s.formAgain(b), "three@new.test"); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
			t.Errorf("one more: %d at %s", a.status, a.url)
		}
	}
	if a := b.signUp(b.get("/rival/sign-up"), "three@new.test"); a.element("confirm-form") == nil {
		t.Errorf("at another organization: %d at %s", a.status, a.url)
	}
	s.tellsOf("rate_limit.reached", "organization", s.acme.ID.String(), map[string]string{"limit": "sign_ups_of_organization", "by": "organization"})
	if got := s.refused(rival); len(got) != 0 {
		t.Errorf("at another organization: %+v", got)
	}
}

// writes counts what is written to the short-lived state.
type writes struct {
	kv.Store
	count *atomic.Int64
}

func (w writes) PutIfAbsent(ctx context.Context, key kv.Key, value []byte, lifetime time.Duration) (kv.Placed, error) {
	w.count.Add(1)
	return w.Store.PutIfAbsent(ctx, key, value, lifetime)
}

func TestOfManyRefusalsAtAllReplicasOneIsWritten(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	refusal := &ratelimit.Refusal{OrgID: s.acme.ID, Limit: "test", By: ratelimit.ByAccount, Subject: "digest", Person: s.ada.ID}
	var written atomic.Int64
	replicas := []kv.Store{s.app.State, kv.NewPostgres(s.app.Store, rand.Reader)}
	explain := func(i int) {
		if err := explainRefusal(t.Context(), writes{replicas[i%2], &written}, s.app.Audit, s.app.Store, refusal); err != nil {
			t.Error(err)
		}
	}
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() { explain(i) })
	}
	all.Wait()
	if got := s.refused(s.acme); len(got) != 1 || got[0].Target.ID != s.ada.ID.String() {
		t.Fatalf("%+v", got)
	}
	before := written.Load()
	for i := range 10 {
		explain(i)
	}
	if more := written.Load() - before; more != 0 || len(s.refused(s.acme)) != 1 {
		t.Errorf("%d writes for refusals that were told before", more)
	}
}

func TestARefusalThatCouldNotBeRecordedIsToldTheNextTime(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	refusal := &ratelimit.Refusal{OrgID: s.acme.ID, Limit: "test", By: ratelimit.ByAddress, Subject: "digest"}
	failed := errors.New("the log is away")
	err := s.app.Store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		_, _ = tx.Exec(ctx, "SELECT no_such_column") // nothing can be written in this transaction any more
		if err := explainRefusal(ctx, s.app.State, s.app.Audit, tx, refusal); err == nil {
			t.Error("it was recorded")
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	if err := explainRefusal(t.Context(), s.app.State, s.app.Audit, s.app.Store, refusal); err != nil || len(s.refused(s.acme)) != 1 {
		t.Errorf("%v, %d events", err, len(s.refused(s.acme)))
	}
}
