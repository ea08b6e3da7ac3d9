package grant_test

import (
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/org"
)

// An application that refreshes keeps the session in use: for as long as that of somebody who stays signed in may be idle.
func TestARefreshTokenKeepsALongSessionLong(t *testing.T) {
	t.Parallel()
	for _, persistent := range []bool{true, false} {
		f := newFixture(t)
		attempt := f.redemption(f.code())
		attempt.RefreshTokenLifetime = 365 * 24 * time.Hour
		_, token, err := f.Grants.RedeemCode(t.Context(), attempt)
		if err != nil {
			t.Fatal(err)
		}
		f.Clock.Advance(2 * time.Minute)
		until := f.Clock.Now().Add(90 * 24 * time.Hour)
		if _, err := f.DB.Exec(t.Context(), "UPDATE sessions SET persistent = $1, expires_at = $2, idle_expires_at = $2", persistent, until); err != nil {
			t.Fatal(err)
		}
		_, _, _, err = f.Grants.Rotate(t.Context(), grant.Refresh{OrgID: f.acme.ID, ClientID: f.web.ID, Token: token, Lifetime: 365 * 24 * time.Hour,
			SessionIdle: org.DefaultSessionIdle, PersistentSessionIdle: org.DefaultRememberedSessionIdle})
		if err != nil {
			t.Fatal(err)
		}
		want := org.DefaultSessionIdle
		if persistent {
			want = org.DefaultRememberedSessionIdle
		}
		var idle time.Time
		if err := f.DB.QueryRow(t.Context(), "SELECT idle_expires_at FROM sessions WHERE id = $1", f.session.ID).Scan(&idle); err != nil || idle.Sub(f.Clock.Now()).Round(time.Minute) != want {
			t.Errorf("persistent %v: idle until %v, want %v later; %v", persistent, idle, want, err)
		}
	}
}
