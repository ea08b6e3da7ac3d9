package session_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// limited is the organization with a limit of sessions.
func limited(organization *org.Organization, sessions int) *org.Organization {
	changed := *organization
	changed.Policies.SessionsPerPerson = sessions
	return &changed
}

// lives are the ids of a person's live sessions, newest first.
func lives(w *domaintest.World, person *user.User) []uuid.UUID {
	w.T.Helper()
	all, err := w.Sessions.OfUser(w.T.Context(), person.OrgID, person.ID, uuid.Max, 100)
	if err != nil {
		w.T.Fatal(err)
	}
	ids := make([]uuid.UUID, len(all))
	for i, one := range all {
		ids[i] = one.ID
	}
	return ids
}

func TestTheSessionUnusedForLongestEnds(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme, rival := w.Organization("acme"), w.Organization("rival")
	two := limited(acme, 2)
	ada, bob, elsewhere := w.User(acme, "ada@acme.test"), w.User(acme, "bob@acme.test"), w.User(rival, "ada@acme.test")
	bobs, _ := begin(w, two, bob, nil)
	others, _ := begin(w, rival, elsewhere, nil)
	expired, _ := begin(w, two, ada, nil)
	w.Clock.Advance(org.DefaultSessionIdle + time.Minute)
	first, used := begin(w, two, ada, nil)
	w.Clock.Advance(2 * time.Minute)
	second, _ := begin(w, two, ada, nil)
	if got := lives(w, ada); !slices.Equal(got, []uuid.UUID{second.ID, first.ID}) {
		t.Fatalf("within the limit: %v", got)
	}
	w.Clock.Advance(2 * time.Minute)
	if err := w.Sessions.Touch(t.Context(), in(w, acme, used).Current(), acme.Policies); err != nil {
		t.Fatal(err)
	}
	w.InTx(func(ctx context.Context, tx *store.Tx) error {
		_, _, err := w.Sessions.Begin(ctx, tx, session.Authenticated{Organization: two, User: ada, BrowserHash: []byte("none"), At: w.Clock.Now(), By: domaintest.Operator})
		return err
	})
	if got := lives(w, ada); len(got) != 3 || !slices.Contains(got, first.ID) || !slices.Contains(got, second.ID) {
		t.Fatalf("a session that no browser has counts, or ends others: %v", got)
	}
	w.Clock.Advance(2 * time.Minute)
	third, token := begin(w, two, ada, nil)
	if got := lives(w, ada); len(got) != 3 || !slices.Contains(got, third.ID) || !slices.Contains(got, first.ID) || slices.Contains(got, second.ID) {
		t.Fatalf("not the one unused for longest: %v of %v %v %v", got, first.ID, second.ID, third.ID)
	}
	ended, err := w.Audit.List(t.Context(), w.DB, acme.ID, audit.Filter{Action: "session.ended", Limit: 10})
	if err != nil || len(ended) != 1 || ended[0].Target.ID != second.ID.String() || ended[0].Actor.ID != ada.ID.String() {
		t.Fatalf("%+v %v", ended, err)
	}
	kept, err := w.Sessions.KeptOfUser(t.Context(), acme.ID, ada.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range kept {
		if one.ID == second.ID && one.EndReason != session.ReasonSurplus || one.ID == expired.ID && one.EndedAt != nil {
			t.Errorf("%+v", one)
		}
	}
	// A lower limit counts from the next sign-in, also where it renews a session.
	if got := lives(w, ada); len(got) != 3 {
		t.Fatal(got)
	}
	renewed, _ := begin(w, limited(acme, 1), ada, in(w, acme, token))
	if got := lives(w, ada); renewed.ID != third.ID || len(got) != 2 || slices.Contains(got, first.ID) {
		t.Errorf("%v", got)
	}
	if kept, err := w.Sessions.KeptOfUser(t.Context(), acme.ID, bob.ID); err != nil || len(kept) != 1 || kept[0].ID != bobs.ID || kept[0].EndedAt != nil {
		t.Errorf("somebody else's session ended: %+v %v", kept, err)
	}
	if slices.Contains(w.Events(rival.ID), "session.ended") {
		t.Errorf("another organization's session %s ended", others.ID)
	}
}

// While two addresses are served, a browser has a session at each: those of one do not count at the other.
func TestSessionsCountAtTheirAddress(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme := w.Organization("acme")
	ada, one := w.User(acme, "ada@acme.test"), limited(acme, 1)
	there := limited(acme, 1)
	there.Domain = "login.acme.test"
	begin(w, one, ada, nil)
	present, _ := begin(w, there, ada, nil)
	former, _ := begin(w, one, ada, nil)
	if got := lives(w, ada); !slices.Equal(got, []uuid.UUID{former.ID, present.ID}) {
		t.Errorf("%v of %v %v", got, former.ID, present.ID)
	}
}

func TestSignInsAtOnceStayWithinTheLimit(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme := w.Organization("acme")
	ada, three := w.User(acme, "ada@acme.test"), limited(acme, 3)
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			err := w.DB.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				_, _, err := w.Sessions.Begin(ctx, tx, session.Authenticated{Organization: three, User: ada, BrowserHash: []byte("browser"), Methods: []string{"pwd"}, At: w.Clock.Now()})
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := lives(w, ada); len(got) != 3 {
		t.Errorf("%d sessions live", len(got))
	}
	if ended := slices.DeleteFunc(w.Events(acme.ID), func(action string) bool { return action != "session.ended" }); len(ended) != 9 {
		t.Errorf("%d sessions ended on record", len(ended))
	}
}

// Whoever looks whether a session still lives locks its person first, as sign-ins do: the two never wait for each other.
func TestSignInsAndChangesInASessionDoNotBlockEachOther(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme := w.Organization("acme")
	ada, one := w.User(acme, "ada@acme.test"), limited(acme, 1)
	old, _ := begin(w, one, ada, nil)
	looked, waiting := make(chan struct{}), make(chan error, 1)
	go func() {
		<-looked
		waiting <- w.DB.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			_, _, err := w.Sessions.Begin(ctx, tx, session.Authenticated{Organization: one, User: ada, BrowserHash: []byte("other"), Methods: []string{"pwd"}, At: w.Clock.Now()})
			return err
		})
	}()
	tries := 0
	w.InTx(func(ctx context.Context, tx *store.Tx) error {
		tries++
		if err := w.Sessions.StillLive(ctx, tx, acme.ID, old.ID); err != nil {
			return err
		}
		if tries == 1 {
			close(looked)
		}
		return w.Users.Hold(ctx, tx, acme.ID, ada.ID)
	})
	if err := <-waiting; err != nil || tries != 1 {
		t.Errorf("%v after %d tries", err, tries)
	}
	err := w.DB.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error { return w.Sessions.StillLive(ctx, tx, acme.ID, old.ID) })
	if err == nil {
		t.Error("the former session lives")
	}
}
