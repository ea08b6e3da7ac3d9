package session_test

import (
	"context"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
)

// After an incident, say: a copied cookie is worth nothing once the organization allows less.
func TestShorterLifetimesHoldForThoseWhoAreSignedIn(t *testing.T) {
	t.Parallel()
	for name, shorter := range map[string]org.Policies{"absolute": {SessionAbsoluteSeconds: 3600}, "idle": {SessionIdleSeconds: 3600}} {
		w := domaintest.New(t)
		acme, rival := w.Organization("acme"), w.Organization("rival")
		_, old := begin(w, acme, w.User(acme, "ada@acme.test"), nil)
		_, foreign := begin(w, rival, w.User(rival, "ada@acme.test"), nil)
		w.Clock.Advance(2 * time.Hour)
		begun, young := begin(w, acme, w.User(acme, "bob@acme.test"), nil)
		until := func() (idle, most time.Time) {
			if err := w.DB.QueryRow(t.Context(), "SELECT idle_expires_at, expires_at FROM sessions WHERE id = $1", begun.ID).Scan(&idle, &most); err != nil {
				t.Fatal(err)
			}
			return idle, most
		}
		shorten := func(before, after org.Policies) {
			from, to := *acme, *acme
			from.Policies, to.Policies = before, after
			w.InTx(func(ctx context.Context, tx *store.Tx) error { return w.Sessions.Shorten(ctx, tx, &from, &to) })
		}
		shorten(org.Policies{}, org.Policies{SessionAbsoluteSeconds: 30 * 86400, SessionIdleSeconds: 86400})
		if idle, most := until(); !idle.Equal(begun.IdleExpiresAt) || !most.Equal(begun.ExpiresAt) || len(in(w, acme, old)) != 1 {
			t.Fatalf("%s: a longer lifetime changes it: %v %v", name, idle, most)
		}
		shorten(org.Policies{}, shorter)
		if len(in(w, acme, old)) != 0 {
			t.Errorf("%s: a session of two hours lives where one is allowed", name)
		}
		if len(in(w, acme, young)) != 1 || len(in(w, rival, foreign)) != 1 {
			t.Errorf("%s: one ended that may live", name)
		}
		idle, most := until()
		if idle.After(begun.LastSeenAt.Add(time.Hour)) || name == "absolute" && !most.Equal(begun.AuthenticatedAt.Add(time.Hour)) || name == "idle" && !most.Equal(begun.ExpiresAt) {
			t.Errorf("%s: until %v, %v", name, idle, most)
		}
		// Shorter than before, and longer than the session has left.
		shorten(org.Policies{SessionAbsoluteSeconds: 30 * 86400, SessionIdleSeconds: 86400}, org.Policies{SessionAbsoluteSeconds: 20 * 86400, SessionIdleSeconds: 80000})
		if again, last := until(); !again.Equal(idle) || !last.Equal(most) || len(in(w, acme, old)) != 0 {
			t.Errorf("%s: it lives longer: %v %v", name, again, last)
		}
	}
}
