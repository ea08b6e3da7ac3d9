package proofofwork_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/proofofwork"
	"github.com/clavex/clavex/backend/internal/reqctx"
	"github.com/clavex/clavex/backend/internal/store"
)

type fixture struct {
	*proofofwork.Challenges
	db     *store.Store
	state  kv.Store
	offset time.Duration
	about  proofofwork.About
}

func newFixture(t *testing.T) *fixture {
	db := store.FromPool(dbtest.New(t))
	f := &fixture{db: db, state: kv.NewPostgres(db, rand.Reader), about: proofofwork.About{OrgID: uuid.Must(uuid.NewV7()), Browser: "browser", Form: "login tx"}}
	f.Challenges = proofofwork.New([]byte("key"), f.state, func() time.Time { return time.Now().Add(f.offset) }, rand.Reader)
	return f
}

func (f *fixture) challenge(t *testing.T) string {
	t.Helper()
	challenge, err := f.Challenge(f.about)
	if err != nil {
		t.Fatal(err)
	}
	return challenge
}

func solved(t *testing.T, challenge string) string {
	t.Helper()
	solution, ok := proofofwork.Solve(challenge)
	if !ok {
		t.Fatalf("%q is no challenge", challenge)
	}
	return solution
}

func TestAnswersToChallenges(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	challenge := f.challenge(t)
	solution := solved(t, challenge)
	other := solved(t, f.challenge(t))
	parts := strings.Split(solution, ".")
	for name, c := range map[string]struct {
		challenge, solution string
		want                *fault.Error
	}{
		"no challenge":               {"", solution, proofofwork.ErrMissing},
		"no answer, at once":         {challenge, "", proofofwork.ErrEarly},
		"of another challenge":       {challenge, other, proofofwork.ErrWrong},
		"no numbers":                 {challenge, strings.Repeat("x.", len(parts)-1) + "x", proofofwork.ErrWrong},
		"numbers that find nothing":  {challenge, strings.Repeat("0.", len(parts)-1) + "0", proofofwork.ErrWrong},
		"too few":                    {challenge, strings.Join(parts[1:], "."), proofofwork.ErrWrong},
		"too many":                   {challenge, solution + ".0", proofofwork.ErrWrong},
		"in another order":           {challenge, strings.Join(append(parts[1:], parts[0]), "."), proofofwork.ErrWrong},
		"one number is too large":    {challenge, "4294967296." + strings.Join(parts[1:], "."), proofofwork.ErrWrong},
		"very long":                  {challenge, strings.Repeat("1", 1<<20), proofofwork.ErrWrong},
		"an easier challenge":        {strings.Replace(challenge, ".14.", ".1.", 1), solution, proofofwork.ErrOver},
		"fewer parts":                {strings.Replace(challenge, ".16.", ".1.", 1), parts[0], proofofwork.ErrOver},
		"no signature":               {challenge[:strings.LastIndex(challenge, ".")+1], solution, proofofwork.ErrOver},
		"not a challenge":            {"a.b.c", solution, proofofwork.ErrOver},
		"a challenge without an end": {strings.Repeat(challenge, 1000), solution, proofofwork.ErrOver},
	} {
		if met, err := f.Verify(t.Context(), f.about, c.challenge, c.solution); !errors.Is(err, c.want) || met != "" {
			t.Errorf("%s: %v %v, want %v", name, met, err, c.want)
		}
	}
	if met, err := f.Verify(t.Context(), f.about, challenge, solution); err != nil || met != proofofwork.ByWork {
		t.Errorf("after all of that the right answer counts: %v %v", met, err)
	}
	if _, ok := proofofwork.Solve("x"); ok {
		t.Error("what is no challenge is solved")
	}
}

func TestAnAnswerCountsOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	challenge := f.challenge(t)
	solution := solved(t, challenge)
	var counted atomic.Int64
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			if _, err := f.Verify(t.Context(), f.about, challenge, solution); err == nil {
				counted.Add(1)
			} else if !errors.Is(err, proofofwork.ErrOver) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if counted.Load() != 1 {
		t.Errorf("of six at once %d counted", counted.Load())
	}
	lost := f.challenge(t)
	if _, err := f.db.Exec(t.Context(), "TRUNCATE kv_entries, kv_birth"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Verify(t.Context(), f.about, lost, solved(t, lost)); !errors.Is(err, proofofwork.ErrOver) {
		t.Errorf("nobody knows whether it was used before the loss: %v", err)
	}
}

func TestChallengesOfElsewhere(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	challenge := f.challenge(t)
	solution := solved(t, challenge)
	about := func(change func(*proofofwork.About)) proofofwork.About {
		changed := f.about
		change(&changed)
		return changed
	}
	for name, other := range map[string]proofofwork.About{
		"of another organization": about(func(a *proofofwork.About) { a.OrgID = uuid.Must(uuid.NewV7()) }),
		"of another browser":      about(func(a *proofofwork.About) { a.Browser = "other" }),
		"of another form":         about(func(a *proofofwork.About) { a.Form = "sign-up tx" }),
		"of another sign-in":      about(func(a *proofofwork.About) { a.Form = "login other" }),
	} {
		if _, err := f.Verify(t.Context(), other, challenge, solution); !errors.Is(err, proofofwork.ErrOver) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := proofofwork.New([]byte("another key"), f.state, time.Now, rand.Reader).Verify(t.Context(), f.about, challenge, solution); !errors.Is(err, proofofwork.ErrOver) {
		t.Errorf("signed by another key: %v", err)
	}
	for name, offset := range map[string]time.Duration{"expired": proofofwork.Lifetime + time.Minute, "of the future": -time.Minute} {
		f.offset = offset
		if _, err := f.Verify(t.Context(), f.about, challenge, solution); !errors.Is(err, proofofwork.ErrOver) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func from(ctx context.Context, address string) context.Context {
	return reqctx.With(ctx, reqctx.Request{Address: netip.MustParseAddr(address)})
}

func TestWhoCannotComputeWaits(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	challenge := f.challenge(t)
	ctx := from(t.Context(), "192.0.2.1")
	_, err := f.Verify(ctx, f.about, challenge, "")
	if !errors.Is(err, proofofwork.ErrEarly) || !proofofwork.Reusable(err) || proofofwork.Reusable(proofofwork.ErrOver) {
		t.Fatalf("at once: %v", err)
	}
	f.offset = proofofwork.Wait + time.Second
	if met, err := f.Verify(ctx, f.about, challenge, ""); err != nil || met != proofofwork.ByWaiting {
		t.Fatalf("after a while: %v %v", met, err)
	}
	if _, err := f.Verify(ctx, f.about, challenge, ""); !errors.Is(err, proofofwork.ErrOver) {
		t.Errorf("twice: %v", err)
	}
	f.offset = 0
	many := make([]string, 25)
	for i := range many {
		many[i] = f.challenge(t)
	}
	f.offset = proofofwork.Wait + time.Second
	taken := 0
	for _, each := range many {
		switch _, err := f.Verify(ctx, f.about, each, ""); {
		case err == nil:
			taken++
		case !errors.Is(err, proofofwork.ErrWaitsLimited) || fault.From(err).RetryAfter <= 0:
			t.Fatal(err)
		}
	}
	if taken != 18 { // two were counted before
		t.Errorf("%d forms of a network without an answer are taken", taken)
	}
	last := many[24]
	if _, err := f.Verify(from(t.Context(), "198.51.100.1"), f.about, last, ""); err != nil {
		t.Errorf("of another network: %v", err)
	}
	f.offset = 0
	if solving := f.challenge(t); solving != "" {
		if _, err := f.Verify(ctx, f.about, solving, solved(t, solving)); err != nil {
			t.Errorf("whoever computes is not counted: %v", err)
		}
	}
}

func TestSuspicionBeginsAndEnds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	suspicion, acme, rival := proofofwork.NewSuspicion(f.state), f.about.OrgID, uuid.Must(uuid.NewV7())
	name, network := proofofwork.Subject{Name: "name ada", Most: 3}, proofofwork.Subject{Name: "network 192.0.2.0", Most: 5}
	suspected := func(orgID uuid.UUID, subjects ...proofofwork.Subject) string {
		t.Helper()
		found, ok, err := suspicion.Any(t.Context(), orgID, subjects...)
		if err != nil || ok != (found.Name != "" && ok) {
			t.Fatal(found, ok, err)
		}
		if !ok {
			return ""
		}
		return found.Name
	}
	for i, want := range []struct {
		begun     int
		suspected string
	}{{0, ""}, {0, ""}, {0, ""}, {1, name.Name}, {0, name.Name}, {1, network.Name}} {
		begun, err := suspicion.Note(t.Context(), acme, network, name)
		if err != nil || len(begun) != want.begun {
			t.Errorf("reason %d: %v %v", i+1, begun, err)
		}
		if got := suspected(acme, network, name); got != want.suspected {
			t.Errorf("reason %d: %q is suspected", i+1, got)
		}
	}
	if suspected(rival, network, name) != "" || suspected(acme, proofofwork.Subject{Name: "name bob"}) != "" || suspected(acme) != "" {
		t.Error("others are suspected")
	}
	if _, err := f.db.Exec(t.Context(), "TRUNCATE kv_entries"); err != nil {
		t.Fatal(err)
	}
	if suspected(acme, network, name) != "" {
		t.Error("it does not end")
	}
}
