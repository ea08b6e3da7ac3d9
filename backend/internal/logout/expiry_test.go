package logout_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
)

// endExpired runs the job as often as it says that there is more.
func endExpired(t *testing.T, p *oidctest.Provider, batch int32) {
	t.Helper()
	for range 100 {
		more, err := p.Sessions.EndExpired(t.Context(), batch)
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			return
		}
	}
	t.Fatal("it never ends")
}

func TestApplicationsHearOfASessionThatEndsByTime(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	b, l := newBackChannel(p), newListener(t)
	wants := client.Metadata{BackchannelLogoutURI: l.URL + "/out"}
	acme, rival := p.Organization(t, "acme", org.Policies{}), p.Organization(t, "rival", org.Policies{SessionIdleSeconds: 600})
	web, app, foreign := p.Party(t, acme, client.Client{ClientID: "web", Metadata: wants}), p.Party(t, acme, client.Client{ClientID: "app", Metadata: wants}), p.Party(t, rival, client.Client{ClientID: "web", Metadata: wants})
	ada, bob := p.Person(t, acme, "ada"), p.Person(t, acme, "bob")
	unused, used, unheard, elsewhere := p.SignIn(t, acme, ada), p.SignIn(t, acme, ada), p.SignIn(t, acme, bob), p.SignIn(t, rival, p.Person(t, rival, "ada"))
	for _, party := range []*oidctest.Party{web, app} {
		p.Code(t, party.Client, unused, "openid")
		p.Code(t, party.Client, used, "openid")
	}
	p.Code(t, foreign.Client, elsewhere, "openid")
	lives := web.Redeem(p.Code(t, web.Client, unused, "openid")).Text("refresh_token")
	offline := web.Redeem(p.Code(t, web.Client, unused, "openid", "offline_access")).Text("refresh_token")
	told := func(organization *org.Organization, of session.Session) int {
		return len(deliveries(t, p, organization, session.DeliveryFilter{SessionID: of.ID}))
	}
	endExpired(t, p, 10)
	if told(acme, unused)+told(acme, used)+told(rival, elsewhere) != 0 {
		t.Fatal("told of sessions that live")
	}
	p.Clock.Advance(11 * time.Minute)
	endExpired(t, p, 10)
	if told(acme, unused) != 0 || told(rival, elsewhere) != 1 {
		t.Fatalf("each by the lifetimes of its own organization: %d %d", told(acme, unused), told(rival, elsewhere))
	}
	p.Clock.Advance(org.DefaultSessionIdle - 20*time.Minute)
	if err := p.Sessions.Touch(t.Context(), &session.Live{Session: used}, acme.Policies); err != nil {
		t.Fatal(err)
	}
	p.Clock.Advance(10 * time.Minute)

	var replicas sync.WaitGroup
	for range 4 {
		replicas.Go(func() {
			if _, err := p.Sessions.EndExpired(t.Context(), 10); err != nil {
				t.Error(err)
			}
		})
	}
	replicas.Wait()
	for range 2 {
		p.Clock.Advance(2 * time.Minute)
		endExpired(t, p, 10)
		if told(acme, unused) != 2 || told(acme, used) != 0 || told(acme, unheard) != 0 || told(rival, elsewhere) != 1 {
			t.Fatalf("told %d of the unused one, %d of the used one, %d, %d", told(acme, unused), told(acme, used), told(acme, unheard), told(rival, elsewhere))
		}
	}
	for _, delivery := range deliveries(t, p, acme, session.DeliveryFilter{SessionID: unused.ID}) {
		if after, err := tell(t, p, b, acme, delivery.ID); err != nil || after.State != session.Delivered {
			t.Errorf("%+v %v", after, err)
		}
	}
	if l.count() != 2 {
		t.Errorf("%d logout tokens, want one for each application", l.count())
	}
	events, err := p.AuditLog.List(t.Context(), p.Store, acme.ID, audit.Filter{Action: "session.ended", Limit: 10})
	if err != nil || len(events) != 1 || events[0].Target.ID != unused.ID.String() || events[0].Actor.Kind != audit.System {
		t.Errorf("%+v %v", events, err)
	}
	if answer := web.Refresh(lives); answer.Status == 200 {
		t.Error("what lives with the session goes on")
	}
	if answer := web.Refresh(offline); answer.Status != 200 {
		t.Errorf("offline access ended: %+v", answer)
	}
	var ends int
	if err := p.Store.QueryRow(t.Context(), "SELECT count(*) FROM sessions WHERE ended_at IS NOT NULL AND id = $1", used.ID).Scan(&ends); err != nil || ends != 0 {
		t.Errorf("the used session ended: %v", err)
	}
	p.Clock.Advance(org.DefaultSessionIdle)
	endExpired(t, p, 10)
	if told(acme, used) != 2 {
		t.Errorf("used once, and then no more: told %d", told(acme, used))
	}
}

// Whoever uses the session at the very moment when it would end has it; it is looked at again.
func TestASessionInUseAtItsEndGoesOn(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	acme := p.Organization(t, "acme", org.Policies{})
	web := p.Party(t, acme, client.Client{ClientID: "web", Metadata: client.Metadata{BackchannelLogoutURI: "https://rp.example.test/out"}})
	signedIn := p.SignIn(t, acme, p.Person(t, acme, "ada"))
	p.Code(t, web.Client, signedIn, "openid")
	p.Clock.Advance(org.DefaultSessionIdle + time.Second)
	p.InTx(t, func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.Exec(ctx, "UPDATE sessions SET last_seen_at = $2, idle_expires_at = $3 WHERE id = $1", signedIn.ID, p.Clock.Now(), p.Clock.Now().Add(time.Hour)); err != nil {
			return err
		}
		endExpired(t, p, 1) // neither waits nor goes round for ever
		return nil
	})
	for range 2 {
		endExpired(t, p, 1)
		p.Clock.Advance(5 * time.Minute)
	}
	if listed := deliveries(t, p, acme, session.DeliveryFilter{}); len(listed) != 0 {
		t.Fatalf("%+v", listed)
	}
	p.Clock.Advance(time.Hour)
	endExpired(t, p, 1)
	if listed := deliveries(t, p, acme, session.DeliveryFilter{}); len(listed) != 1 {
		t.Fatalf("%+v", listed)
	}
}

// Several are over at once, more than a batch; and what is shorter by a changed policy is told of at once.
func TestManySessionsThatEndAtOnce(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	acme := p.Organization(t, "acme", org.Policies{})
	web := p.Party(t, acme, client.Client{ClientID: "web", Metadata: client.Metadata{BackchannelLogoutURI: "https://rp.example.test/out"}})
	of := map[uuid.UUID]int{}
	for range 7 {
		signedIn := p.SignIn(t, acme, p.Person(t, acme, "ada-"+uuid.NewString()))
		p.Code(t, web.Client, signedIn, "openid")
		of[signedIn.ID] = 0
	}
	p.Clock.Advance(time.Hour)
	shorter := *acme
	shorter.Policies.SessionIdleSeconds = 1800
	p.InTx(t, func(ctx context.Context, tx *store.Tx) error { return p.Sessions.Shorten(ctx, tx, acme, &shorter) })
	endExpired(t, p, 2)
	for _, delivery := range deliveries(t, p, acme, session.DeliveryFilter{}) {
		of[delivery.SessionID]++
	}
	for id, told := range of {
		if told != 1 || len(of) != 7 {
			t.Errorf("%s: told %d times", id, told)
		}
	}
}

// What only the person's browser is told, nobody is told when they are not there: such a session ends as those of which nobody hears.
func TestASessionOfWhichNobodyCanBeToldJustEnds(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	acme := p.Organization(t, "acme", org.Policies{})
	web := p.Party(t, acme, client.Client{ClientID: "web", Metadata: client.Metadata{FrontchannelLogoutURI: "https://rp.example.test/out"}})
	app := p.Party(t, acme, client.Client{ClientID: "app", Metadata: client.Metadata{BackchannelLogoutURI: "https://app.example.test/out"}})
	ada := p.Person(t, acme, "ada")
	inBrowser, both := p.SignIn(t, acme, ada), p.SignIn(t, acme, ada)
	p.Code(t, web.Client, inBrowser, "openid")
	p.Code(t, web.Client, both, "openid")
	p.Code(t, app.Client, both, "openid")
	p.Clock.Advance(org.DefaultSessionIdle + time.Second)
	endExpired(t, p, 1)
	if listed := deliveries(t, p, acme, session.DeliveryFilter{}); len(listed) != 1 || listed[0].SessionID != both.ID {
		t.Errorf("%+v", listed)
	}
	events, err := p.AuditLog.List(t.Context(), p.Store, acme.ID, audit.Filter{Action: "session.ended", Limit: 10})
	if err != nil || len(events) != 1 || events[0].Target.ID != both.ID.String() {
		t.Errorf("%+v %v", events, err)
	}
	var due int
	if err := p.Store.QueryRow(t.Context(), "SELECT count(*) FROM session_clients WHERE due_at IS NOT NULL").Scan(&due); err != nil || due != 0 {
		t.Errorf("%d are looked at again and again: %v", due, err)
	}
}
