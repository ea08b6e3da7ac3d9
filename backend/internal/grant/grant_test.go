package grant_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

const callback = "https://app.example.test/callback"

type fixture struct {
	*domaintest.World
	acme    *org.Organization
	ada     *user.User
	web     *client.Client
	session session.Session
}

func newFixture(t *testing.T) *fixture {
	w := domaintest.New(t)
	f := &fixture{World: w, acme: w.Organization("acme")}
	f.ada, f.web = w.User(f.acme, "ada@acme.test"), w.Client(f.acme, "Payroll")
	f.session, _ = w.Session(f.acme, f.ada)
	return f
}

func challenge(verifier string) string {
	digest := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

func (f *fixture) code(scopes ...string) string {
	f.T.Helper()
	_, code, err := f.Grants.Issue(f.T.Context(), grant.Authorization{OrgID: f.acme.ID, ClientID: f.web.ID, Session: f.session, IdleUntil: f.session.IdleExpiresAt,
		Scopes: append([]string{"openid"}, scopes...), Nonce: "n", RedirectURI: callback, CodeChallenge: challenge("v")})
	if err != nil {
		f.T.Fatal(err)
	}
	return code
}

func (f *fixture) redemption(code string) grant.Redemption {
	return grant.Redemption{OrgID: f.acme.ID, ClientID: f.web.ID, Code: code, RedirectURI: callback, CodeChallenge: challenge("v"), WithRefreshToken: true,
		RefreshTokenLifetime: time.Hour, AccessTokenLifetime: time.Minute}
}

func (f *fixture) redeem(code string) (*grant.Grant, string) {
	f.T.Helper()
	made, refresh, err := f.Grants.RedeemCode(f.T.Context(), f.redemption(code))
	if err != nil {
		f.T.Fatal(err)
	}
	return made, refresh
}

func (f *fixture) rotate(token string, scopes ...string) (successor string, err error) {
	_, _, successor, err = f.Grants.Rotate(context.Background(), grant.Refresh{OrgID: f.acme.ID, ClientID: f.web.ID, Token: token, Scopes: scopes, Lifetime: time.Hour,
		SessionIdle: org.DefaultSessionIdle, Grace: org.DefaultRefreshTokenGrace})
	return successor, err
}

func (f *fixture) alive(id uuid.UUID) bool {
	f.T.Helper()
	state, err := f.Grants.State(f.T.Context(), f.acme.ID, id, "token")
	if err != nil {
		f.T.Fatal(err)
	}
	return state.Alive
}

func TestAWrongAttemptToRedeemChangesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	rival := f.Organization("rival")
	other := f.Client(f.acme, "Other")
	code := f.code()
	for name, change := range map[string]func(*grant.Redemption){
		"another organization (fault 3)": func(r *grant.Redemption) { r.OrgID = rival.ID },
		"another client (fault 3)":       func(r *grant.Redemption) { r.ClientID = other.ID },
		"another redirect URI":           func(r *grant.Redemption) { r.RedirectURI += "/x" },
		"another verifier":               func(r *grant.Redemption) { r.CodeChallenge = challenge("w") },
		"another code":                   func(r *grant.Redemption) { r.Code = f.code()[:42] + "x" },
		"no code":                        func(r *grant.Redemption) { r.Code = "" },
	} {
		attempt := f.redemption(code)
		change(&attempt)
		if _, _, err := f.Grants.RedeemCode(t.Context(), attempt); !errors.Is(err, grant.ErrCodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	made, refresh := f.redeem(code)
	if made.UserID != f.ada.ID || made.Nonce != "n" || refresh == "" || !f.alive(made.ID) {
		t.Fatalf("%+v", made)
	}
}

func TestACodeUsedTwiceKillsWhatWasMadeFromIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	code := f.code("offline_access")
	made, refresh := f.redeem(code)
	thief := f.redemption(code)
	thief.ClientID = f.Client(f.acme, "Thief").ID
	if _, _, err := f.Grants.RedeemCode(t.Context(), thief); !errors.Is(err, grant.ErrCodeInvalid) || !f.alive(made.ID) {
		t.Fatalf("another client's replay must not kill the grant: %v", err)
	}
	if _, _, err := f.Grants.RedeemCode(t.Context(), f.redemption(code)); !errors.Is(err, grant.ErrCodeReused) {
		t.Fatalf("%v", err)
	}
	if f.alive(made.ID) {
		t.Fatal("the grant lives")
	}
	if _, err := f.rotate(refresh); !errors.Is(err, grant.ErrRefreshInvalid) {
		t.Fatalf("the refresh token lives: %v", err)
	}
	if !slices.Contains(f.Events(f.acme.ID), "grant.revoked") {
		t.Fatal("not recorded")
	}
}

func TestOfSimultaneousRedemptionsOneWins(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	code := f.code()
	var won sync.Map
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			if _, refresh, err := f.Grants.RedeemCode(context.Background(), f.redemption(code)); err == nil {
				won.Store(i, refresh)
			}
		})
	}
	all.Wait()
	count := 0
	won.Range(func(any, any) bool { count++; return true })
	if count != 1 {
		t.Fatalf("%d redemptions of one code", count)
	}
}

func TestACodeExpires(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	code := f.code()
	f.Clock.Advance(grant.CodeLifetime + time.Second)
	if _, _, err := f.Grants.RedeemCode(t.Context(), f.redemption(code)); !errors.Is(err, grant.ErrCodeInvalid) {
		t.Fatalf("%v", err)
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	made, first := f.redeem(f.code("profile"))
	t.Run("a wrong attempt changes nothing", func(t *testing.T) {
		rival, other := f.Organization("rival"), f.Client(f.acme, "Other")
		for name, attempt := range map[string]grant.Refresh{
			"another organization": {OrgID: rival.ID, ClientID: f.web.ID, Token: first, Lifetime: time.Hour},
			"another client":       {OrgID: f.acme.ID, ClientID: other.ID, Token: first, Lifetime: time.Hour},
			"another token":        {OrgID: f.acme.ID, ClientID: f.web.ID, Token: string(first[0]^1) + first[1:], Lifetime: time.Hour},
			"nonsense":             {OrgID: f.acme.ID, ClientID: f.web.ID, Token: "x", Lifetime: time.Hour},
		} {
			if _, _, _, err := f.Grants.Rotate(t.Context(), attempt); !errors.Is(err, grant.ErrRefreshInvalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := f.rotate(first, "openid", "email"); !errors.Is(err, grant.ErrScopeTooWide) {
			t.Errorf("wider scope: %v", err)
		}
	})
	var second string
	t.Run("simultaneous uses get the same successor (fault 18)", func(t *testing.T) {
		successors := make([]string, 10)
		var all sync.WaitGroup
		for i := range successors {
			all.Go(func() {
				var err error
				if successors[i], err = f.rotate(first); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		second = successors[0]
		if len(slices.Compact(successors)) != 1 || second == first {
			t.Fatalf("%v", successors)
		}
		var tokens int
		if err := f.DB.QueryRow(t.Context(), "SELECT count(*) FROM refresh_tokens WHERE grant_id = $1", made.ID).Scan(&tokens); err != nil || tokens != 2 {
			t.Fatalf("%d rows, %v", tokens, err)
		}
	})
	t.Run("a retry inside the grace window gets it again", func(t *testing.T) {
		f.Clock.Advance(org.DefaultRefreshTokenGrace - time.Second)
		if again, err := f.rotate(first); err != nil || again != second {
			t.Fatalf("%q, %v", again, err)
		}
	})
	t.Run("a narrower scope keeps the grant's", func(t *testing.T) {
		_, scopes, third, err := f.Grants.Rotate(t.Context(), grant.Refresh{OrgID: f.acme.ID, ClientID: f.web.ID, Token: second, Scopes: []string{"openid"}, Lifetime: time.Hour})
		if err != nil || !slices.Equal(scopes, []string{"openid"}) {
			t.Fatalf("%v %v", scopes, err)
		}
		if _, scopes, _, err = f.Grants.Rotate(t.Context(), grant.Refresh{OrgID: f.acme.ID, ClientID: f.web.ID, Token: third, Lifetime: time.Hour}); err != nil || !slices.Contains(scopes, "profile") {
			t.Fatalf("%v %v", scopes, err)
		}
	})
	t.Run("reuse after it revokes the family and is recorded", func(t *testing.T) {
		f.Clock.Advance(2 * time.Second)
		if _, err := f.rotate(first); !errors.Is(err, grant.ErrRefreshReused) {
			t.Fatalf("%v", err)
		}
		if _, err := f.rotate(second); !errors.Is(err, grant.ErrRefreshInvalid) || f.alive(made.ID) {
			t.Fatalf("the family lives: %v", err)
		}
		if !slices.Contains(f.Events(f.acme.ID), "refresh_token.reused") {
			t.Fatal("not recorded")
		}
	})
}

func TestWhatEndsAGrant(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end     func(f *fixture)
		offline bool // whether offline_access survives it
	}{
		"the session is ended": {func(f *fixture) {
			f.InTx(func(ctx context.Context, tx *store.Tx) error {
				return f.Sessions.End(ctx, tx, domaintest.Operator, f.acme.ID, f.session.ID, "test")
			})
		}, true},
		"all sessions are ended (fault 7)": {func(f *fixture) {
			f.InTx(func(ctx context.Context, tx *store.Tx) error {
				return f.Sessions.EndAll(ctx, tx, domaintest.Operator, f.acme.ID, f.ada.ID, uuid.Nil, "password changed")
			})
		}, false},
		"the person is disabled": {func(f *fixture) {
			f.InTx(func(ctx context.Context, tx *store.Tx) error {
				disabled := *f.ada
				disabled.Status = user.Disabled
				_, err := f.Users.Update(ctx, tx, domaintest.Operator, disabled)
				return err
			})
		}, false},
		"the refresh token expired": {func(f *fixture) { f.Clock.Advance(2 * time.Hour) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			_, bound := f.redeem(f.code())
			_, offline := f.redeem(f.code("offline_access"))
			c.end(f)
			if _, err := f.rotate(bound); !fault.IsKind(err, fault.Invalid) {
				t.Errorf("bound to the session: %v", err)
			}
			if _, err := f.rotate(offline); (err == nil) != c.offline {
				t.Errorf("offline: %v", err)
			}
		})
	}
}

func TestRevokedTokensAndExpiredRowsGoAway(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	made, _ := f.redeem(f.code())
	if err := f.Grants.RevokeToken(t.Context(), f.acme.ID, "token", f.Clock.Now().Add(time.Minute), domaintest.Operator); err != nil {
		t.Fatal(err)
	}
	if f.alive(made.ID) {
		t.Fatal("a revoked token lives")
	}
	rival := f.Organization("rival")
	if revoked, err := f.Grants.TokenRevoked(t.Context(), rival.ID, "token"); err != nil || revoked {
		t.Fatalf("revoked at another organization: %v %v", revoked, err)
	}
	f.Clock.Advance(72 * time.Hour)
	if _, err := f.Grants.DeleteExpired(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"grants", "refresh_tokens", "revoked_tokens"} {
		var left int
		if err := f.DB.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&left); err != nil || left != 0 {
			t.Errorf("%s: %d left, %v", table, left, err)
		}
	}
}

func TestNothingSecretIsStored(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	code := f.code()
	_, refresh := f.redeem(code)
	for _, table := range []string{"grants", "refresh_tokens", "sessions", "audit_events"} {
		for _, plain := range []string{code, refresh} {
			var found int
			if err := f.DB.QueryRow(t.Context(), "SELECT count(*) FROM "+table+" x WHERE x::text LIKE '%' || $1 || '%'", plain).Scan(&found); err != nil || found != 0 {
				t.Errorf("%s holds a secret in plain: %d, %v", table, found, err)
			}
		}
	}
}

// Fault 7: a session's row is deleted long after it expired; what died with the session stays dead.
func TestGrantsDoNotRiseWhenTheirSessionIsCleanedUp(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	refreshFor := func(scopes ...string) (uuid.UUID, string) {
		attempt := f.redemption(f.code(scopes...))
		attempt.RefreshTokenLifetime = 365 * 24 * time.Hour
		made, token, err := f.Grants.RedeemCode(t.Context(), attempt)
		if err != nil {
			t.Fatal(err)
		}
		return made.ID, token
	}
	bound, boundToken := refreshFor()
	offline, offlineToken := refreshFor("offline_access")
	waiting := f.code()
	f.Clock.Advance(100 * 24 * time.Hour)
	if deleted, err := f.Sessions.DeleteExpired(t.Context(), 10); err != nil || deleted != 1 {
		t.Fatalf("%d, %v", deleted, err)
	}
	if _, err := f.rotate(boundToken); !errors.Is(err, grant.ErrRefreshInvalid) {
		t.Errorf("the refresh token rose: %v", err)
	}
	if state, err := f.Grants.RefreshTokenState(t.Context(), f.acme.ID, boundToken); err != nil || state.Alive {
		t.Errorf("the refresh token is called alive: %+v, %v", state, err)
	}
	if f.alive(bound) {
		t.Error("the access token rose")
	}
	if _, _, err := f.Grants.RedeemCode(t.Context(), f.redemption(waiting)); !errors.Is(err, grant.ErrCodeInvalid) {
		t.Errorf("the code rose: %v", err)
	}
	if _, err := f.rotate(offlineToken); err != nil || !f.alive(offline) {
		t.Errorf("offline access died: %v", err)
	}
}

// A grant's row has six indexes: a client that refreshes every few minutes must not write them each time.
func TestARotationLeavesTheGrantAloneWhileItLivesLongEnough(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	made, token := f.redeem(f.code("profile"))
	state := func() (version string, expires, needed time.Time) {
		t.Helper()
		err := f.DB.QueryRow(t.Context(), `SELECT g.ctid::text, g.expires_at, (SELECT max(t.expires_at) FROM refresh_tokens t WHERE t.grant_id = g.id)
			FROM grants g WHERE g.id = $1`, made.ID).Scan(&version, &expires, &needed)
		if err != nil {
			t.Fatal(err)
		}
		return version, expires, needed
	}
	rotate := func(after time.Duration) {
		t.Helper()
		f.Clock.Advance(after)
		next, err := f.rotate(token)
		if err != nil {
			t.Fatal(err)
		}
		token = next
	}
	rotate(time.Minute)
	first, _, _ := state()
	for range 3 {
		rotate(10 * time.Minute)
		if version, expires, needed := state(); version != first || expires.Before(needed) {
			t.Fatalf("the grant was written again (%s, before %s), or ends at %s before its token at %s", version, first, expires, needed)
		}
	}
}
