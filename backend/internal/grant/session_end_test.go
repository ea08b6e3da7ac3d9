package grant_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/store"
)

// authorize is what the authorization endpoint does for a client that wants to hear of the session's end.
func (f *fixture) authorize(scopes ...string) (*grant.Grant, error) {
	now := f.Clock.Now()
	made, _, err := f.Grants.Issue(context.Background(), grant.Authorization{OrgID: f.acme.ID, ClientID: f.web.ID, Session: f.session,
		IdleUntil: f.session.IdleUntil(now, f.acme.Policies), Scopes: append([]string{"openid"}, scopes...), RedirectURI: callback,
		CodeChallenge: challenge("v"), TellOfEnd: true, TokensExpireAt: now.Add(5 * time.Minute)})
	return made, err
}

func (f *fixture) count(query string) (rows int) {
	f.T.Helper()
	if err := f.DB.QueryRow(f.T.Context(), query).Scan(&rows); err != nil {
		f.T.Fatal(err)
	}
	return rows
}

func (f *fixture) end() {
	f.T.Helper()
	f.InTx(func(ctx context.Context, tx *store.Tx) error {
		return f.Sessions.End(ctx, tx, domaintest.Operator, f.acme.ID, f.session.ID, "test")
	})
}

// Fault 7: an authorization that read the session before everything of a person was ended leaves nothing behind.
func TestNothingIsGrantedInASessionThatHasEnded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	nothing := func(t *testing.T, err error) {
		t.Helper()
		if !errors.Is(err, grant.ErrSessionEnded) {
			t.Errorf("%v", err)
		}
		if made := f.count("SELECT count(*) FROM grants"); made != 0 {
			t.Errorf("%d grants", made)
		}
		if listening := f.count("SELECT count(*) FROM session_clients"); listening != 0 {
			t.Error("a client waits to hear of an end that is over")
		}
	}
	t.Run("another person's session", func(t *testing.T) {
		other := *f
		other.session.UserID = f.User(f.acme, "eve@acme.test").ID
		_, err := other.authorize()
		nothing(t, err)
	})
	t.Run("at the moment of the end", func(t *testing.T) {
		answered := make(chan error, 1)
		f.InTx(func(ctx context.Context, tx *store.Tx) error {
			if err := f.Sessions.EndAll(ctx, tx, domaintest.Operator, f.acme.ID, f.ada.ID, uuid.Nil, "password changed"); err != nil {
				return err
			}
			go func() { _, err := f.authorize("offline_access"); answered <- err }()
			dbtest.UntilALockIsAwaited(t, f.DB, func() bool { return len(answered) > 0 })
			return nil
		})
		nothing(t, <-answered)
	})
	t.Run("after it", func(t *testing.T) {
		_, err := f.authorize("offline_access")
		nothing(t, err)
	})
}

func TestAuthorizationsOfOneSessionAtOnceDoNotBlockEachOther(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Clock.Advance(time.Hour) // each would touch the session
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			if _, err := f.authorize(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if made := f.count("SELECT count(*) FROM grants"); made != 12 {
		t.Errorf("%d grants", made)
	}
}

// Whoever changes a person's roles or address keeps the person as they are, and may end their sessions next: an authorization
// that has the session already must not wait for the person, or both wait for each other.
func TestAnAuthorizationDoesNotWaitForWhoHoldsThePerson(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Clock.Advance(time.Hour) // it touches the session
	tries := 0
	f.InTx(func(ctx context.Context, tx *store.Tx) error {
		tries++
		if _, err := role.Locked(ctx, tx, f.acme.ID, f.ada.ID); err != nil {
			return err
		}
		authorized := make(chan error, 1)
		go func() {
			_, err := f.authorize()
			authorized <- err
		}()
		select {
		case err := <-authorized:
			return err
		case <-time.After(time.Minute):
			return errors.New("the authorization waits for the person")
		}
	})
	if made := f.count("SELECT count(*) FROM grants"); made != 1 || tries != 1 {
		t.Errorf("%d grants after %d tries", made, tries)
	}
}

// Fault 7: offline access begins when the code is redeemed. Until then what came through the browser dies with it.
func TestOfflineAccessBeginsWhenTheCodeIsRedeemed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	waiting, err := f.authorize("offline_access")
	if err != nil {
		t.Fatal(err)
	}
	redeemed, _ := f.redeem(f.code("offline_access"))
	if !f.alive(waiting.ID) || !f.alive(redeemed.ID) {
		t.Fatal("a token of a live session is dead")
	}
	f.end()
	if f.alive(waiting.ID) {
		t.Error("an access token that came with a code outlives the session, and the code does not")
	}
	if !f.alive(redeemed.ID) {
		t.Error("offline access died with the session")
	}
	var revoked bool
	if err := f.DB.QueryRow(t.Context(), "SELECT revoked_at IS NOT NULL FROM grants WHERE id = $1", waiting.ID).Scan(&revoked); err != nil || !revoked {
		t.Errorf("the grant was not revoked: %v", err)
	}
}

// RFC 6749 §6: without offline_access a refresh token lives with the session, which is idle when neither the person
// nor an application of theirs uses it.
func TestARefreshTokenLivesAsLongAsItsSessionIsUsed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	seen := func() (last, idle, end time.Time) {
		t.Helper()
		if err := f.DB.QueryRow(t.Context(), "SELECT last_seen_at, idle_expires_at, expires_at FROM sessions WHERE id = $1", f.session.ID).Scan(&last, &idle, &end); err != nil {
			t.Fatal(err)
		}
		return last, idle, end
	}
	redeem := func(scopes ...string) string {
		attempt := f.redemption(f.code(scopes...))
		attempt.RefreshTokenLifetime = 365 * 24 * time.Hour
		_, token, err := f.Grants.RedeemCode(t.Context(), attempt)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	rotate := func(token string) (string, error) {
		_, _, successor, err := f.Grants.Rotate(t.Context(), grant.Refresh{OrgID: f.acme.ID, ClientID: f.web.ID, Token: token, Lifetime: 365 * 24 * time.Hour,
			SessionIdle: org.DefaultSessionIdle})
		return successor, err
	}
	bound, offline := redeem(), redeem("offline_access")
	began, _, _ := seen()

	f.Clock.Advance(30 * time.Second)
	bound, err := rotate(bound)
	if last, _, _ := seen(); err != nil || !last.Equal(began) {
		t.Fatalf("a session is touched once a minute: %s, then %s, %v", began, last, err)
	}
	f.Clock.Advance(org.DefaultSessionIdle - time.Minute)
	if offline, err = rotate(offline); err != nil {
		t.Fatal(err)
	}
	if last, _, _ := seen(); !last.Equal(began) {
		t.Error("an application that acts without the person keeps the session alive")
	}
	if bound, err = rotate(bound); err != nil {
		t.Fatal(err)
	}
	if _, idle, _ := seen(); f.Clock.Now().Add(org.DefaultSessionIdle-time.Minute).After(idle) || idle.After(f.Clock.Now().Add(org.DefaultSessionIdle)) {
		t.Errorf("idle until %s", idle)
	}
	for range 30 { // a week of work
		f.Clock.Advance(org.DefaultSessionIdle - time.Minute)
		if _, idle, end := seen(); f.Clock.Now().After(end) {
			break
		} else if idle.After(end) {
			t.Fatalf("idle until %s, which is after the end %s", idle, end)
		}
		if bound, err = rotate(bound); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := rotate(bound); !errors.Is(err, grant.ErrRefreshInvalid) {
		t.Errorf("after the session's absolute lifetime: %v", err)
	}

	f.session, _ = f.Session(f.acme, f.ada)
	idle := redeem()
	f.Clock.Advance(org.DefaultSessionIdle + time.Second)
	if _, err := rotate(idle); !errors.Is(err, grant.ErrRefreshInvalid) {
		t.Errorf("of an idle session: %v", err)
	}
	if state, err := f.Grants.RefreshTokenState(t.Context(), f.acme.ID, idle); err != nil || state.Alive {
		t.Errorf("called alive: %+v, %v", state, err)
	}
	if _, err := rotate(offline); err != nil {
		t.Errorf("offline access: %v", err)
	}
}

// RFC 6749 §4.1.2: whoever reads a used code in a history can do nothing with it, not even end what was made from it.
func TestAUsedCodeEndsNothingWithoutWhatRedeemsIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	code := f.code("offline_access")
	made, _ := f.redeem(code)
	for name, change := range map[string]func(*grant.Redemption){
		"another verifier":     func(r *grant.Redemption) { r.CodeChallenge = challenge("w") },
		"no verifier":          func(r *grant.Redemption) { r.CodeChallenge = "" },
		"another redirect URI": func(r *grant.Redemption) { r.RedirectURI += "/x" },
		"no redirect URI":      func(r *grant.Redemption) { r.RedirectURI = "" },
		"another client":       func(r *grant.Redemption) { r.ClientID = f.Client(f.acme, "Thief").ID },
		"another organization": func(r *grant.Redemption) { r.OrgID = f.Organization("rival").ID },
	} {
		attempt := f.redemption(code)
		change(&attempt)
		if _, _, err := f.Grants.RedeemCode(t.Context(), attempt); !errors.Is(err, grant.ErrCodeInvalid) || !f.alive(made.ID) {
			t.Errorf("%s: %v", name, err)
		}
	}
	f.Clock.Advance(30 * time.Second) // as the conformance suite's oidcc-codereuse-30seconds does
	if _, _, err := f.Grants.RedeemCode(t.Context(), f.redemption(code)); !errors.Is(err, grant.ErrCodeReused) || f.alive(made.ID) {
		t.Errorf("the same request again: %v", err)
	}
}
