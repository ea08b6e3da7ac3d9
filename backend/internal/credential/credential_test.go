package credential_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/passwordhash"
	"github.com/clavex/clavex/backend/internal/reqctx"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

type fixture struct {
	*domaintest.World
	passwords *credential.Passwords
	links     *credential.Links
	acme      *org.Organization
	ada       *user.User
}

func hasher(t *testing.T, parameters passwordhash.Parameters) *passwordhash.Hasher {
	t.Helper()
	queue, err := passwordhash.NewQueue(passwordhash.DefaultLimits(), time.Now, nil)
	if err != nil {
		t.Fatal(err)
	}
	h, err := passwordhash.NewHasher(parameters, queue, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

var cheap = passwordhash.Parameters{Memory: 64, Passes: 1, Parallelism: 1}

func (f *fixture) with(h *passwordhash.Hasher) *credential.Passwords {
	return credential.NewPasswords(f.DB, f.Users, f.Sessions, f.Audit, f.Clock.Now, h, f.Ring, rand.Reader)
}

const password = "Engine-No-1843"

func newFixture(t *testing.T) *fixture {
	w := domaintest.New(t)
	f := &fixture{World: w, acme: w.Organization("acme"), links: credential.NewLinks(w.Audit, w.Clock.Now, rand.Reader)}
	f.passwords, f.ada = f.with(hasher(t, cheap)), w.User(f.acme, "ada@acme.test")
	f.set(f.ada, password)
	return f
}

func (f *fixture) set(person *user.User, password string) {
	f.T.Helper()
	hashed, err := f.passwords.Hash(f.T.Context(), f.acme, person, password)
	if err != nil {
		f.T.Fatal(err)
	}
	f.InTx(func(ctx context.Context, tx *store.Tx) error {
		return f.passwords.Store(ctx, tx, domaintest.Operator, person.OrgID, person.ID, hashed)
	})
}

func (f *fixture) try(password string, from string, browser string) error {
	ctx := context.Background()
	if from != "" {
		ctx = reqctx.With(ctx, reqctx.Request{Address: netip.MustParseAddr(from)})
	}
	_, err := f.passwords.Verify(ctx, credential.Attempt{OrgID: f.acme.ID, Identifier: "ada@acme.test", Password: password, BrowserHash: []byte(browser)})
	return err
}

func TestVerify(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	rival := f.Organization("rival")
	for name, c := range map[string]struct {
		attempt credential.Attempt
		want    error
	}{
		"right":                             {credential.Attempt{OrgID: f.acme.ID, Identifier: "ada@acme.test", Password: password}, nil},
		"another case and space around":     {credential.Attempt{OrgID: f.acme.ID, Identifier: " ADA@acme.test", Password: password}, nil},
		"wrong":                             {credential.Attempt{OrgID: f.acme.ID, Identifier: "ada@acme.test", Password: password + "x"}, credential.ErrWrong},
		"empty":                             {credential.Attempt{OrgID: f.acme.ID, Identifier: "ada@acme.test"}, credential.ErrWrong},
		"nobody":                            {credential.Attempt{OrgID: f.acme.ID, Identifier: "bob@acme.test", Password: password}, credential.ErrWrong},
		"no identifier":                     {credential.Attempt{OrgID: f.acme.ID, Password: password}, credential.ErrWrong},
		"at another organization (fault 2)": {credential.Attempt{OrgID: rival.ID, Identifier: "ada@acme.test", Password: password}, credential.ErrWrong},
		"an enormous password":              {credential.Attempt{OrgID: f.acme.ID, Identifier: "ada@acme.test", Password: strings.Repeat("x", 1<<20)}, credential.ErrWrong},
		"bytes that are not text":           {credential.Attempt{OrgID: f.acme.ID, Identifier: "ada@acme.test", Password: "\xff\xfe"}, credential.ErrWrong},
	} {
		t.Run(name, func(t *testing.T) {
			c.attempt.BrowserHash = []byte("browser")
			if _, err := f.passwords.Verify(t.Context(), c.attempt); !errors.Is(err, c.want) {
				t.Fatalf("%v, want %v", err, c.want)
			}
		})
	}
	if !slices.Contains(f.Events(f.acme.ID), "sign_in.failed") {
		t.Fatal("failures are not recorded")
	}
}

func TestTheSameCharactersAreTheSamePassword(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.set(f.ada, "Schlüssel-É-1") // composed
	if err := f.try("Schlu\u0308ssel-E\u0301-1", "", ""); err != nil {
		t.Fatalf("decomposed: %v", err)
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.ada.Profile.Name, f.ada.Profile.Nickname = "Ada Lovelace", "Zoë-Ångström"
	for chosen, want := range map[string]error{
		"1234567": credential.ErrTooShort, "pässwö": credential.ErrTooShort, "correct horse battery staple": nil, strings.Repeat("ab", 128): nil, strings.Repeat("ab", 129): credential.ErrTooLong,
		"aaaaaaaaaaaa": credential.ErrGuessable, "ada@acme.test": credential.ErrGuessable, "ADA@acme.test1": credential.ErrGuessable, "Ada Lovelace": credential.ErrGuessable,
		// Without what stands between the letters, whatever the case, and single words of at least four characters.
		"AdaLovelace": credential.ErrGuessable, "ada.lovelace": credential.ErrGuessable, "A-d-a-L-o-v-e-l-a-c-e": credential.ErrGuessable, "lovelace12": credential.ErrGuessable, "1Love-Lace2": credential.ErrGuessable,
		"zoëångström99": credential.ErrGuessable, "A\u030angstro\u0308m!": credential.ErrGuessable, "AdaAcmeTest": credential.ErrGuessable,
		"ada-1815": nil, "adaadaada1": nil, "lovelace-1843": nil, "Lovelace !?#$": nil, "I read lovelace and turing": nil, "Ada!!!!Lovelace????": nil, "a glove laced with gold": nil,
		"password123": credential.ErrCommon, "QwertyUiop": credential.ErrCommon,
		"日本語のパスワード": nil, "        ": credential.ErrGuessable, "\xff\xff\xff\xff\xff\xff\xff\xff": credential.ErrUnreadable,
	} {
		if _, err := f.passwords.Hash(t.Context(), f.acme, f.ada, chosen); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", chosen, err, want)
		}
	}
}

// An organization may demand longer passwords, and its own name is as easily guessed as that of the person.
func TestRulesOfAnOrganization(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	strict := *f.acme
	strict.Slug, strict.DisplayName, strict.Policies.PasswordMinimumLength = "rechtsschutz", "Rechtsschutz & Söhne", 15
	for chosen, want := range map[string]error{
		"Engine-No-1843": credential.ErrTooShort, "Engine-No-18431": nil, "rechtsschutz123": credential.ErrGuessable, "RECHTSSCHUTZ & SÖHNE": credential.ErrGuessable,
		"Motor-rechtsschutz": nil, "Rechtsschutz+Soehne": nil, "rechtsschutzsöhne1": credential.ErrGuessable,
	} {
		if _, err := f.passwords.Hash(t.Context(), &strict, f.ada, chosen); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", chosen, err, want)
		}
	}
	strict.Policies.PasswordMinimumLength = 8
	elsewhere := *f.ada
	elsewhere.Username, elsewhere.Email = "a.l", "countess-of-lovelace@analytical.engines.test"
	for chosen, want := range map[string]error{
		"CountessOfLovelace": credential.ErrGuessable, "countess1": credential.ErrGuessable, "Analytical42": credential.ErrGuessable, "engines42": nil, "Söhne-123": nil, "söhne123": credential.ErrGuessable,
	} {
		if _, err := f.passwords.Hash(t.Context(), &strict, &elsewhere, chosen); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", chosen, err, want)
		}
	}
	strict.Policies.PasswordMinimumLength = 15
	if _, err := f.passwords.Hash(t.Context(), &strict, f.ada, "short"); err == nil || !strings.Contains(err.Error(), "15") {
		t.Errorf("the least is not named: %v", err)
	}
}

func TestGuessingWaitsDoubleUpToALimitAndNeverLock(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const stranger = "203.0.113.9"
	for range 5 {
		if err := f.try("guess", stranger, "b"); !errors.Is(err, credential.ErrWrong) {
			t.Fatalf("%v", err)
		}
	}
	longest := time.Duration(0)
	for range 14 {
		if err := f.try("guess", stranger, "b"); !errors.Is(err, credential.ErrWrong) {
			t.Fatalf("after waiting one guess is let through: %v", err)
		}
		err := f.try(password, stranger, "b")
		if !errors.Is(err, credential.ErrTooMany) {
			t.Fatalf("inside a block even the right password waits: %v", err)
		}
		wait := fault.From(err).RetryAfter
		if wait < longest-time.Second { // the clock goes on while the test runs
			t.Fatalf("the wait shrank from %v to %v", longest, wait)
		}
		longest = max(longest, wait)
		f.Clock.Advance(wait + time.Second)
	}
	if longest > 15*time.Minute || longest < 10*time.Minute {
		t.Fatalf("the longest wait is %v", longest)
	}
	if err := f.try(password, stranger, "b"); err != nil {
		t.Fatalf("after the wait the right password works: %v", err)
	}
	for range 5 {
		if err := f.try("guess", stranger, "b"); !errors.Is(err, credential.ErrWrong) {
			t.Fatalf("success starts the count anew: %v", err)
		}
	}
}

// named makes somebody who has a username besides the address, and a password.
func (f *fixture) named(username, email string) (made *user.User) {
	f.T.Helper()
	f.InTx(func(ctx context.Context, tx *store.Tx) (err error) {
		made, err = f.Users.Create(ctx, tx, domaintest.Operator, user.User{OrgID: f.acme.ID, Username: username, Email: email})
		return err
	})
	f.set(made, password)
	return made
}

// guess tries a password for whom a text names.
func (f *fixture) guess(identifier, tried, browser string) error {
	_, err := f.passwords.Verify(f.T.Context(), credential.Attempt{OrgID: f.acme.ID, Identifier: identifier, Password: tried, BrowserHash: []byte(browser)})
	return err
}

// block guesses until a name has to wait.
func (f *fixture) block(identifier string) {
	f.T.Helper()
	for range 20 {
		if errors.Is(f.guess(identifier, "guess", "stranger"), credential.ErrTooMany) {
			return
		}
	}
	f.T.Fatalf("%s never waits", identifier)
}

// Otherwise a wait that one name brought about would tell which other name is of the same account, and that there is one.
func TestAWaitTellsNobodyWhichNamesAreOneAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	grace := f.named("grace", "grace@acme.test")
	f.named("hedy", "hedy@acme.test")
	for first, second := range map[string]string{"grace@acme.test": "grace", "hedy": "hedy@acme.test", "nobody@acme.test": "nobody", "niemand": "niemand@acme.test"} {
		f.block(first)
		if err := f.guess(second, "guess", "stranger"); !errors.Is(err, credential.ErrWrong) {
			t.Errorf("after a wait of %s, %s: %v", first, second, err)
		}
		if err := f.guess(" "+strings.ToUpper(first), "guess", "another"); !errors.Is(err, credential.ErrTooMany) {
			t.Errorf("%s in another case: %v", first, err)
		}
	}
	ida := f.named("ida", "ida@acme.test")
	for _, counted := range []string{ida.ID.String(), "second-factor:" + ida.ID.String()} {
		f.block(counted)
	}
	if err := f.guess("ida", password, "stranger"); err != nil {
		t.Errorf("what no one is called by slows her down: %v", err)
	}
	f.Session(f.acme, grace) // in a browser that is known for her both are hers anyway, and counted together
	for _, name := range []string{"grace", "grace@acme.test", "grace", "grace@acme.test", "grace", "grace@acme.test"} {
		if err := f.guess(name, "guess", "browser"); !errors.Is(err, credential.ErrWrong) {
			t.Errorf("in her browser, %s: %v", name, err)
		}
	}
	if err := f.guess("grace", "guess", "browser"); !errors.Is(err, credential.ErrTooMany) {
		t.Errorf("in her browser there is no end to it: %v", err)
	}
}

func TestASuccessForgetsTheFailuresOfBothNames(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.named("grace", "grace@acme.test")
	names := []string{"grace", "grace@acme.test"}
	for _, by := range names {
		for range 5 {
			for _, name := range names {
				if err := f.guess(name, "guess", "b"); !errors.Is(err, credential.ErrWrong) {
					t.Fatalf("before a success by %s, %s: %v", by, name, err)
				}
			}
		}
		if err := f.guess(by, password, "b"); err != nil {
			t.Fatalf("%s: %v", by, err)
		}
	}
	var left int
	if err := f.DB.QueryRow(t.Context(), "SELECT count(*) FROM sign_in_failures").Scan(&left); err != nil || left != 0 {
		t.Errorf("%d counts are left: %v", left, err)
	}
	// Whose address is the username of somebody else forgets nothing of theirs, or could guess on and on.
	f.named("victim@acme.test", "victim@elsewhere.test")
	f.named("mallory", "victim@acme.test")
	f.block("victim@acme.test")
	if err := f.guess("mallory", password, "b"); err != nil {
		t.Fatal(err)
	}
	if err := f.guess("victim@acme.test", "guess", "stranger"); !errors.Is(err, credential.ErrTooMany) {
		t.Errorf("%v", err)
	}
}

func TestSprayingFromOneAddressIsSlowedDown(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	from := reqctx.With(t.Context(), reqctx.Request{Address: netip.MustParseAddr("2001:db8::1")})
	blocked := 0
	for i := range 120 {
		_, err := f.passwords.Verify(from, credential.Attempt{OrgID: f.acme.ID, Identifier: "nobody" + string(rune('a'+i%26)) + strings.Repeat("x", i/26) + "@acme.test", Password: "guess"})
		if errors.Is(err, credential.ErrTooMany) {
			blocked++
		}
	}
	if blocked < 15 {
		t.Fatalf("only %d of 120 sprayed guesses were stopped", blocked)
	}
	if err := f.try(password, "2001:db8::2", "b"); !errors.Is(err, credential.ErrTooMany) {
		t.Fatalf("the rest of the /64 is the same customer: %v", err)
	}
	if err := f.try(password, "2001:db9::2", "b"); err != nil {
		t.Fatalf("other networks are not: %v", err)
	}
}

func TestManyGoodSignInsFromOneOfficeAreNotGuessing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for range 130 {
		if err := f.try(password, "198.51.100.7", "b"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestParametersAreBroughtUpToDateAtSignIn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	stronger := f.with(hasher(t, passwordhash.Parameters{Memory: 128, Passes: 2, Parallelism: 1}))
	stored := func() (s string) {
		if err := f.DB.QueryRow(t.Context(), "SELECT secret FROM credentials").Scan(&s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	since := func() time.Time {
		at, err := f.passwords.Since(t.Context(), f.DB, f.acme.ID, f.ada.ID)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	before, chosen := stored(), since()
	f.Clock.Advance(time.Hour)
	if _, err := stronger.Verify(t.Context(), credential.Attempt{OrgID: f.acme.ID, Identifier: "ada@acme.test", Password: "wrong"}); err == nil || stored() != before {
		t.Fatalf("rehashed on a wrong password: %v", err)
	}
	if _, err := stronger.Verify(t.Context(), credential.Attempt{OrgID: f.acme.ID, Identifier: "ada@acme.test", Password: password}); err != nil {
		t.Fatal(err)
	}
	if after := stored(); after == before || !strings.Contains(after, "m=128,t=2") {
		t.Fatalf("%s", after)
	}
	if at := since(); !at.Equal(chosen) {
		t.Fatalf("she chose it at %v, and it is said to be of %v", chosen, at)
	}
	if err := f.try(password, "", ""); err != nil {
		t.Fatal(err)
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	rival := f.Organization("rival")
	create := func() (token string) {
		f.InTx(func(ctx context.Context, tx *store.Tx) (err error) {
			token, _, err = f.links.Create(ctx, tx, domaintest.Operator, f.acme.ID, f.ada.ID)
			return err
		})
		return token
	}
	use := func(organization *org.Organization, token string) error {
		return f.DB.InTx(context.Background(), func(ctx context.Context, tx *store.Tx) error {
			_, err := f.links.Use(ctx, tx, organization.ID, secret.Hash(token))
			return err
		})
	}
	first := create()
	second := create()
	if err := use(f.acme, first); !errors.Is(err, credential.ErrLinkInvalid) {
		t.Fatalf("a newer link cancels the older: %v", err)
	}
	if err := use(rival, second); !errors.Is(err, credential.ErrLinkInvalid) {
		t.Fatalf("another organization: %v", err)
	}
	if _, name, err := f.links.Person(t.Context(), f.DB, f.acme.ID, secret.Hash(second)); err != nil || name != f.ada.Username {
		t.Fatalf("%s %v", name, err)
	}
	errs := make([]error, 6)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { errs[i] = use(f.acme, second) })
	}
	all.Wait()
	if n := len(slices.DeleteFunc(errs, func(err error) bool { return err != nil })); n != 1 {
		t.Fatalf("a link was used %d times", n)
	}
	third := create()
	f.Clock.Advance(credential.LinkLifetime + time.Second)
	if err := use(f.acme, third); !errors.Is(err, credential.ErrLinkInvalid) {
		t.Fatalf("expired: %v", err)
	}
	fourth := create()
	f.set(f.ada, "Another-No-1843")
	if err := use(f.acme, fourth); !errors.Is(err, credential.ErrLinkInvalid) {
		t.Fatalf("a new password cancels open links: %v", err)
	}
	f.Clock.Advance(100 * time.Hour)
	if _, err := credential.DeleteExpired(t.Context(), f.DB, f.Clock.Now(), 100); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := f.DB.QueryRow(t.Context(), "SELECT count(*) FROM one_time_links").Scan(&left); err != nil || left != 0 {
		t.Fatalf("%d links left, %v", left, err)
	}
}

func TestAProofHoldsAsLongAsThePasswordThatWasProved(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	holds := func(proof *credential.Proof) error {
		return f.passwords.StillHolds(t.Context(), f.DB, f.acme.ID, f.ada.ID, proof.Password)
	}
	attempt := credential.Attempt{OrgID: f.acme.ID, Identifier: "ada@acme.test", Password: password}
	rehashed, err := f.with(hasher(t, passwordhash.Parameters{Memory: 128, Passes: 1, Parallelism: 1})).Verify(t.Context(), attempt)
	if err != nil || holds(rehashed) != nil {
		t.Fatalf("storing the same password under new parameters ends nothing: %v, %v", err, holds(rehashed))
	}
	f.set(f.ada, "Another-No-1844")
	if err := holds(rehashed); !errors.Is(err, credential.ErrReplaced) {
		t.Errorf("after a change: %v", err)
	}
	attempt.Password = "Another-No-1844"
	fresh, err := f.passwords.Verify(t.Context(), attempt)
	if err != nil || holds(fresh) != nil {
		t.Fatalf("%v, %v", err, holds(fresh))
	}
	rival := f.Organization("rival")
	if err := f.passwords.StillHolds(t.Context(), f.DB, rival.ID, f.ada.ID, fresh.Password); !errors.Is(err, credential.ErrReplaced) {
		t.Errorf("at another organization: %v", err)
	}
	f.InTx(func(ctx context.Context, tx *store.Tx) error {
		disabled := *f.ada
		disabled.Status = user.Disabled
		_, err := f.Users.Update(ctx, tx, domaintest.Operator, disabled)
		return err
	})
	if err := holds(fresh); !errors.Is(err, credential.ErrReplaced) {
		t.Errorf("of a disabled person: %v", err)
	}
	for name, nothing := range map[string][]byte{"no proof": nil, "an empty one": {}} {
		if err := holds(&credential.Proof{Password: nothing}); !errors.Is(err, credential.ErrReplaced) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
