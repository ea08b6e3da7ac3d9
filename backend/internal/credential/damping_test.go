package credential_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/reqctx"
)

const (
	guesser = "203.0.113.9"
	home    = "198.51.100.7"
)

// keepWaiting guesses as often as it takes for the account to wait as long as it ever does.
func (f *fixture) keepWaiting() {
	f.T.Helper()
	for range 30 {
		err := f.try("guess", guesser, "stranger")
		if !errors.Is(err, credential.ErrTooMany) {
			continue
		}
		wait := fault.From(err).RetryAfter
		if wait > 10*time.Minute {
			return
		}
		f.Clock.Advance(wait + time.Second)
	}
	f.T.Fatal("it never waits long")
}

// Otherwise whoever guesses once in a quarter of an hour keeps a person out of every new browser.
func TestAStrangersGuessesDoNotKeepPeopleOutOfOtherNetworks(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.keepWaiting()
	for _, c := range []struct{ name, from string }{
		{"the stranger's address", guesser},
		{"a neighbour of theirs", "203.0.113.200"},
		{"no address", ""},
	} {
		if err := f.try(password, c.from, "b"); !errors.Is(err, credential.ErrTooMany) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for i := range 2 {
		if err := f.try("typo", home, "b"); !errors.Is(err, credential.ErrWrong) {
			t.Fatalf("try %d from elsewhere: %v", i, err)
		}
	}
	if err := f.try(password, home, "b"); err != nil {
		t.Fatalf("the third try: %v", err)
	}
	f.keepWaiting()
	for i := range 3 {
		if err := f.try("guess", home, "b"); !errors.Is(err, credential.ErrWrong) {
			t.Errorf("a success gives no new tries: %d: %v", i, err)
		}
	}
	for _, from := range []string{home, "198.51.100.77"} {
		if err := f.try(password, from, "b"); !errors.Is(err, credential.ErrTooMany) || fault.From(err).RetryAfter > 15*time.Minute {
			t.Errorf("a fourth try from %s: %v", from, err)
		}
	}
	f.Clock.Advance(24*time.Hour + time.Second)
	f.keepWaiting()
	if err := f.try("guess", home, "b"); !errors.Is(err, credential.ErrWrong) {
		t.Errorf("on the next day: %v", err)
	}
}

// Who has many networks does not have tries without end.
func TestTheTriesOfNewNetworksAreBounded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.keepWaiting()
	let := func() (through int) {
		for network := range 40 {
			for range 3 {
				if err := f.try("guess", fmt.Sprintf("2001:db8:%x:%x::1", network, through), "b"); errors.Is(err, credential.ErrWrong) {
					through++
				} else if !errors.Is(err, credential.ErrTooMany) {
					t.Fatal(err)
				}
			}
		}
		return through
	}
	if through := let(); through != 100 {
		t.Errorf("%d guesses were let through", through)
	}
	if err := f.try(password, "2001:db8:ffff::1", "b"); !errors.Is(err, credential.ErrTooMany) || fault.From(err).RetryAfter > 15*time.Minute {
		t.Errorf("%v", err)
	}
	f.Clock.Advance(24*time.Hour + time.Second)
	f.keepWaiting()
	if through := let(); through != 100 {
		t.Errorf("on the next day %d were", through)
	}
}

// What names nobody waits and does not wait as what names somebody.
func TestTriesOfNewNetworksTellNobodyWhoExists(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	answers := map[string][]bool{}
	for _, name := range []string{"ada@acme.test", "nobody@acme.test"} {
		for i := range 40 {
			ctx := reqctx.With(t.Context(), reqctx.Request{Address: netip.MustParseAddr(fmt.Sprintf("198.51.%d.1", i/8))})
			_, err := f.passwords.Verify(ctx, credential.Attempt{OrgID: f.acme.ID, Identifier: name, Password: "guess"})
			if !errors.Is(err, credential.ErrWrong) && !errors.Is(err, credential.ErrTooMany) {
				t.Fatal(err)
			}
			answers[name] = append(answers[name], errors.Is(err, credential.ErrWrong))
		}
	}
	if ada := answers["ada@acme.test"]; !slices.Equal(ada, answers["nobody@acme.test"]) || ada[7] || !ada[8] || ada[11] || !ada[32] {
		t.Errorf("%v", answers)
	}
}

// Two guesses at the same moment are two.
func TestTriesOfNewNetworksAreCountedOneByOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.keepWaiting()
	results := make(chan error)
	for range 12 {
		go func() { results <- f.try("guess", home, "b") }()
	}
	through := 0
	for range 12 {
		if err := <-results; errors.Is(err, credential.ErrWrong) {
			through++
		} else if !errors.Is(err, credential.ErrTooMany) {
			t.Error(err)
		}
	}
	if through != 3 {
		t.Errorf("%d were let through", through)
	}
}

// Codes have few digits, and who guesses them has the password: for them a new network changes nothing.
func TestNewNetworksHaveNoTriesAtSecondFactors(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	wrong := a.code(50)
	from := func(address string) error {
		_, err := a.factors.Verify(reqctx.With(context.Background(), reqctx.Request{Address: netip.MustParseAddr(address)}), a.person, wrong)
		return err
	}
	for range 6 {
		_ = from(guesser)
	}
	if err := from(home); !errors.Is(err, credential.ErrTooMany) {
		t.Errorf("%v", err)
	}
}

// Replicas have clocks of their own: where nobody waits, an attempt that seems to come from before another one is let through, too.
func TestAttemptsAreLetThroughWhateverTheOrderOfTheirTimes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for i := range 5 {
		if err := f.try("guess", guesser, "b"); !errors.Is(err, credential.ErrWrong) {
			t.Fatalf("guess %d: %v", i, err)
		}
		f.Clock.Advance(-time.Second)
	}
}
