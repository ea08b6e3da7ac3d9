package credential_test

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/ratelimit"
	"github.com/clavex/clavex/backend/internal/seal"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// app is somebody's authenticator app, at a moment that only the test moves.
type app struct {
	*fixture
	at      *time.Time
	factors *credential.SecondFactors
	person  credential.Person
	secret  string
	id      uuid.UUID
	codes   []string
}

func newApp(t *testing.T) *app {
	f := newFixture(t)
	at := time.Now().Truncate(30 * time.Second).Add(15 * time.Second)
	a := &app{fixture: f, at: &at}
	a.factors = credential.NewSecondFactors(f.DB, f.Sessions, f.Audit, f.Ring, func() time.Time { return *a.at }, rand.Reader)
	a.add(f.ada)
	return a
}

// add adds an app for a person.
func (a *app) add(person *user.User) {
	a.T.Helper()
	a.person = credential.Person{OrgID: person.OrgID, UserID: person.ID, BrowserHash: []byte("browser")}
	_, kept, err := a.factors.Begin(a.person, "here")
	if err != nil {
		a.T.Fatal(err)
	}
	seed, err := a.factors.Begun(a.person, "here", kept)
	if err != nil {
		a.T.Fatal(err)
	}
	a.secret = seed.Text()
	a.InTx(func(ctx context.Context, tx *store.Tx) (err error) {
		a.id, a.codes, err = a.factors.Confirm(ctx, tx, domaintest.Operator, a.person, seed, a.code(0))
		return err
	})
	*a.at = a.at.Add(90 * time.Second) // the code that added it is used
}

// code is what the app shows, so many steps from now.
func (a *app) code(steps int) string {
	return domaintest.OneTimePassword(a.T, a.secret, a.at.Add(time.Duration(steps)*30*time.Second))
}

func (a *app) verify(code string) error {
	_, err := a.factors.Verify(context.Background(), a.person, code)
	return err
}

func (a *app) recover(code string) error {
	_, err := a.factors.UseRecoveryCode(context.Background(), a.person, code, nobodyIsTold)
	return err
}

func TestACodeIsGoodOnce(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	code := a.code(0)
	if err := a.verify(code); err != nil {
		t.Fatal(err)
	}
	for name, code := range map[string]string{"replayed": code, "of the step before": a.code(-1), "two steps ahead": a.code(2), "none": ""} {
		if err := a.verify(code); !errors.Is(err, credential.ErrFactorWrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := a.verify(a.code(1)); err != nil {
		t.Errorf("of a clock that is fast: %v", err)
	}
	*a.at = a.at.Add(time.Hour)
	if err := a.verify(a.code(-1)); err != nil {
		t.Errorf("of a clock that is slow: %v", err)
	}
	events, err := a.Audit.List(t.Context(), a.DB, a.acme.ID, audit.Filter{TargetID: a.ada.ID.String(), Action: "second_factor.failed", Limit: 20})
	if err != nil || len(events) != 4 {
		t.Errorf("%d failures are recorded: %v", len(events), err)
	}
}

func TestOfSimultaneousCodesOneCounts(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	together := func(try func() error) (right int) {
		results := make([]error, 4)
		var all sync.WaitGroup
		for i := range results {
			all.Go(func() { results[i] = try() })
		}
		all.Wait()
		for _, err := range results {
			if err == nil {
				right++
			} else if !errors.Is(err, credential.ErrFactorWrong) && !errors.Is(err, credential.ErrRecoveryWrong) {
				t.Error(err)
			}
		}
		return right
	}
	code := a.code(0)
	if right := together(func() error { return a.verify(code) }); right != 1 {
		t.Errorf("%d of four equal codes were right", right)
	}
	*a.at = a.at.Add(2 * time.Hour) // nothing is counted any more
	if right := together(func() error { return a.recover(a.codes[0]) }); right != 1 {
		t.Errorf("%d of four equal recovery codes were right", right)
	}
}

func TestRecoveryCodes(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	if len(a.codes) != 10 || len(slices.Compact(slices.Sorted(slices.Values(a.codes)))) != 10 {
		t.Fatalf("%v", a.codes)
	}
	if err := a.recover(a.codes[3]); err != nil {
		t.Fatal(err)
	}
	if err := a.recover(a.codes[3]); !errors.Is(err, credential.ErrRecoveryWrong) {
		t.Errorf("twice: %v", err)
	}
	var stored int
	if err := a.DB.QueryRow(t.Context(), "SELECT count(*) FROM recovery_codes WHERE code_hash = ANY (SELECT convert_to(unnest($1::text[]), 'UTF8'))", a.codes).Scan(&stored); err != nil || stored != 0 {
		t.Errorf("codes stand in the database: %d %v", stored, err)
	}
	found, err := a.factors.Of(t.Context(), a.DB, a.acme.ID, a.ada.ID)
	if err != nil || found.CodesLeft != 9 {
		t.Errorf("%+v %v", found, err)
	}
	var fresh []string
	a.InTx(func(ctx context.Context, tx *store.Tx) (err error) {
		fresh, err = a.factors.NewCodes(ctx, tx, domaintest.Operator, a.person)
		return err
	})
	if err := a.recover(a.codes[4]); !errors.Is(err, credential.ErrRecoveryWrong) {
		t.Errorf("one that was replaced: %v", err)
	}
	if err := a.recover(fresh[0]); err != nil {
		t.Errorf("a fresh one: %v", err)
	}
}

func TestFactorsBelongToOnePerson(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	eve := credential.Person{OrgID: a.acme.ID, UserID: a.User(a.acme, "eve@acme.test").ID}
	elsewhere := credential.Person{OrgID: a.Organization("rival").ID, UserID: a.ada.ID}
	for name, other := range map[string]credential.Person{"another person": eve, "another organization": elsewhere} {
		if _, err := a.factors.Verify(t.Context(), other, a.code(0)); !errors.Is(err, credential.ErrFactorWrong) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := a.factors.UseRecoveryCode(t.Context(), other, a.codes[0], nobodyIsTold); !errors.Is(err, credential.ErrRecoveryWrong) {
			t.Errorf("%s: %v", name, err)
		}
		if err := a.factors.StillHolds(t.Context(), a.DB, other.OrgID, other.UserID, a.id); !errors.Is(err, credential.ErrReplaced) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, kept, err := a.factors.Begin(eve, "here")
	if err != nil {
		t.Fatal(err)
	}
	for name, where := range map[string]struct {
		person credential.Person
		place  string
	}{"another person": {a.person, "here"}, "another place": {eve, "there"}} {
		if _, err := a.factors.Begun(where.person, where.place, kept); !errors.Is(err, credential.ErrEnrolmentVoid) {
			t.Errorf("an enrolment of %s: %v", name, err)
		}
	}
	*a.at = a.at.Add(31 * time.Minute)
	if _, err := a.factors.Begun(eve, "here", kept); !errors.Is(err, credential.ErrEnrolmentVoid) {
		t.Errorf("an enrolment of long ago: %v", err)
	}
}

func TestAddingAndRemovingAFactor(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	seed, _, err := a.factors.Begin(a.person, "here")
	if err != nil {
		t.Fatal(err)
	}
	confirm := func(code string) error {
		return a.DB.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			_, _, err := a.factors.Confirm(ctx, tx, domaintest.Operator, a.person, seed, code)
			return err
		})
	}
	if err := confirm("000000"); !errors.Is(err, credential.ErrEnrolmentWrong) && !errors.Is(err, credential.ErrAlreadyEnrolled) {
		t.Errorf("a wrong code: %v", err)
	}
	if err := confirm(domaintest.OneTimePassword(t, seed.Text(), *a.at)); !errors.Is(err, credential.ErrAlreadyEnrolled) {
		t.Errorf("a second app: %v", err)
	}
	if err := a.factors.StillHolds(t.Context(), a.DB, a.acme.ID, a.ada.ID, a.id); err != nil {
		t.Error(err)
	}
	remove := func() error {
		return a.DB.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			return a.factors.Remove(ctx, tx, domaintest.Operator, a.acme.ID, a.ada.ID)
		})
	}
	if err := remove(); err != nil {
		t.Fatal(err)
	}
	if err := remove(); !errors.Is(err, credential.ErrFactorMissing) {
		t.Errorf("removed twice: %v", err)
	}
	if err := a.factors.StillHolds(t.Context(), a.DB, a.acme.ID, a.ada.ID, a.id); !errors.Is(err, credential.ErrReplaced) {
		t.Errorf("it holds after it was removed: %v", err)
	}
	if err := a.recover(a.codes[0]); !errors.Is(err, credential.ErrRecoveryWrong) {
		t.Errorf("a recovery code of a factor that is gone: %v", err)
	}
}

func TestGuessingCodesIsSlowedDown(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	wrong := a.code(50)
	var err error
	for range 7 {
		if err = a.verify(wrong); errors.Is(err, credential.ErrTooMany) {
			break
		}
	}
	if !errors.Is(err, credential.ErrTooMany) || fault.From(err).RetryAfter <= 0 {
		t.Fatalf("seven guesses: %v", err)
	}
	var refusal *ratelimit.Refusal
	if !errors.As(err, &refusal) || !refusal.Wait || refusal.Limit != "second_factor" || refusal.By == ratelimit.ByAddress || refusal.Person != a.ada.ID || refusal.OrgID != a.acme.ID {
		t.Errorf("the audit log is told %+v", refusal)
	}
	if err := a.verify(a.code(0)); !errors.Is(err, credential.ErrTooMany) {
		t.Errorf("a right code while it waits: %v", err)
	}
	if err := a.recover(a.codes[0]); !errors.Is(err, credential.ErrTooMany) {
		t.Errorf("a recovery code while it waits: %v", err)
	}
	*a.at = a.at.Add(16 * time.Minute) // never for good
	if err := a.verify(a.code(0)); err != nil {
		t.Errorf("after the longest wait: %v", err)
	}
}

func TestSeedsMoveToANewKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	at := time.Now()
	before := seal.GenerateKey(rand.Reader)
	made := func(current seal.Key, previous ...seal.Key) *credential.SecondFactors {
		ring, err := seal.NewRing(current, previous...)
		if err != nil {
			t.Fatal(err)
		}
		return credential.NewSecondFactors(f.DB, f.Sessions, f.Audit, ring, func() time.Time { return at }, rand.Reader)
	}
	a := &app{fixture: f, at: &at, factors: made(before)}
	a.add(f.ada)
	after := seal.GenerateKey(rand.Reader)
	a.factors = made(after, before)
	if err := a.recover(a.codes[0]); err != nil {
		t.Errorf("a recovery code of the key before: %v", err)
	}
	if changed, err := a.factors.Reseal(t.Context()); err != nil || changed != 1 {
		t.Fatalf("%d %v", changed, err)
	}
	a.factors = made(after)
	if err := a.verify(a.code(0)); err != nil {
		t.Error(err)
	}
	if err := a.recover(a.codes[1]); err != nil {
		t.Errorf("a recovery code after the key before has left: %v", err)
	}
}

func TestContextsOfMethods(t *testing.T) {
	t.Parallel()
	for want, methods := range map[string][]string{
		session.ACRPassword:                  {"pwd"},
		session.ACRMultiFactor:               {"pwd", "otp", "mfa"},
		session.ACRPhishingResistant:         {"swk", "user", "mfa"},
		session.ACRPhishingResistantHardware: {"hwk", "user", "mfa"},
		"":                                   {"otp"},
	} {
		if got := (&session.Session{Methods: methods}).AuthenticationContext(); got != want {
			t.Errorf("%v: %q, want %q", methods, got, want)
		}
	}
	strong := &session.Session{Methods: []string{"pwd", "otp", "mfa"}}
	if got := strong.AuthenticationContextFor([]string{"phr", session.ACRPassword, session.ACRMultiFactor}); got != session.ACRPassword {
		t.Errorf("the best liked that is reached: %q", got)
	}
	if session.Reach([]string{"swk", "user"}, []string{session.ACRPhishingResistant, session.ACRMultiFactor}) {
		t.Error("a touch alone is more than one factor")
	}
}

func nobodyIsTold(context.Context, *store.Tx) error { return nil }
