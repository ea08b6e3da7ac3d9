package credential

import (
	"context"
	"encoding/hex"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/ratelimit"
	"github.com/clavex/clavex/backend/internal/reqctx"
	"github.com/clavex/clavex/backend/internal/seal"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// How guessing is slowed down. The waits double from one second up to the longest; nobody is ever
// locked out for good, because that would be a weapon.
const (
	accountFree    = 5   // wrong passwords of one account before waits begin
	addressFree    = 100 // from one address, over all accounts: offices share an address
	accountLongest = 15 * time.Minute
	addressLongest = 5 * time.Minute
	quiet          = time.Hour // after which counting starts again
)

// A stranger who guesses now and then keeps an account waiting, so waiting must not be all that its owner can do. What a
// network has guessed at an account counts for more than what others have: networks that have hardly tried need not wait for
// them. How many guesses that adds for somebody who has many networks is bounded (decision 0016).
const (
	networkTries  = 3   // of one network at an account, in a day
	networksTries = 100 // of all of them while the account waits, in a day
	triesDay      = 24 * time.Hour
)

// damping counts failed sign-ins per account, or what was typed for one, and per address. A browser in which the person signed
// in before has a count of its own: a stranger's guesses do not slow it down.
type damping struct {
	db  *store.Store
	of  string // what is guessed, for the audit log
	key []byte
	now func() time.Time
	// newNetworks says that an account which waits does not wait in networks that have hardly tried it. Not for second
	// factors: few digits are guessed, by somebody who has proved the first one.
	newNetworks bool
}

func newDamping(db *store.Store, of string, ring *seal.Ring, now func() time.Time, newNetworks bool) damping {
	return damping{db: db, of: of, key: ring.DeriveKey("sign-in-damping").Key, now: now, newNetworks: newNetworks}
}

// reservation is an attempt that was let through and counted.
type reservation struct {
	attempt  uuid.UUID
	at       time.Time
	account  string
	browser  []byte   // it was counted for, nil for one that is not known
	network  string   // it came from, "" where networks have no tries of their own
	subjects [][]byte // by which it was counted
}

// dampedSubject is something that attempts are counted by.
type dampedSubject struct {
	hash      []byte
	free      int32 // attempts before waits begin
	doublings int32 // after which the wait is the longest
	longest   time.Duration
	quiet     time.Duration // after which counting starts again
}

// waits is a subject with waits that double from a second.
func waits(hash []byte, free int32, longest time.Duration) dampedSubject {
	return dampedSubject{hash: hash, free: free, doublings: doublings(longest), longest: longest, quiet: quiet}
}

// tries is a subject that has some attempts, then none for a day.
func tries(hash []byte, most int32) dampedSubject {
	return dampedSubject{hash: hash, free: most - 1, longest: triesDay, quiet: triesDay}
}

// reserve counts an attempt, or refuses it with ErrTooMany and counts nothing. person is who has the account, uuid.Nil for
// nobody: only the audit log makes a difference.
func (d damping) reserve(ctx context.Context, orgID uuid.UUID, account string, person uuid.UUID, knownBrowser bool, browser []byte, address netip.Addr) (reservation, error) {
	reserved := reservation{attempt: uuid.New(), at: d.now().Truncate(time.Microsecond), account: account}
	if knownBrowser {
		reserved.browser = browser
	} else if d.newNetworks && address.IsValid() {
		reserved.network = reqctx.WideNetwork(address)
	}
	if by, subject, err := d.count(ctx, orgID, &reserved, address); err != nil {
		if failed := d.forgive(ctx, orgID, reserved); failed != nil {
			return reservation{}, failed
		}
		if fault.IsKind(err, fault.RateLimited) {
			refusal := ratelimit.Refusal{OrgID: orgID, Limit: d.of, Wait: true, By: by, Subject: hex.EncodeToString(subject)}
			if by != ratelimit.ByAddress { // which waits whomever it guessed at
				refusal.Person = person
			}
			err = fault.From(err).WithCause(&refusal)
		}
		return reservation{}, err
	}
	return reserved, nil
}

// count counts an attempt by all its subjects, and says which of them has to wait; what it was counted by is in reserved
// whatever it returns.
func (d damping) count(ctx context.Context, orgID uuid.UUID, reserved *reservation, address netip.Addr) (ratelimit.By, []byte, error) {
	if reserved.browser != nil {
		subject := d.ofBrowser(reserved.account, reserved.browser)
		return ratelimit.ByBrowser, subject, d.take(ctx, orgID, reserved, waits(subject, accountFree, accountLongest))
	}
	// The address first: what it may not try leaves nothing behind.
	if address.IsValid() {
		subject := secret.Derive(d.key, "address", reqctx.Network(address))
		if err := d.take(ctx, orgID, reserved, waits(subject, addressFree, addressLongest)); err != nil {
			return ratelimit.ByAddress, subject, err
		}
	}
	isNew := false
	if reserved.network != "" {
		// Before the account and whatever that says: what a network tries while nobody waits makes it one that has tried.
		err := d.take(ctx, orgID, reserved, tries(d.ofNetwork(reserved.account, reserved.network), networkTries))
		if err != nil && !fault.IsKind(err, fault.RateLimited) {
			return "", nil, err
		}
		isNew = err == nil
	}
	subject := d.ofAccount(reserved.account)
	waiting := d.take(ctx, orgID, reserved, waits(subject, accountFree, accountLongest))
	if fault.IsKind(waiting, fault.RateLimited) && isNew {
		if err := d.take(ctx, orgID, reserved, tries(d.ofNewNetworks(reserved.account), networksTries)); !fault.IsKind(err, fault.RateLimited) {
			waiting = err
		}
	}
	return ratelimit.ByAccount, subject, waiting
}

// take counts an attempt by one subject: ErrTooMany when that has to wait.
func (d damping) take(ctx context.Context, orgID uuid.UUID, reserved *reservation, subject dampedSubject) error {
	row, err := dbq.New(d.db).ReserveSignInAttempt(ctx, dbq.ReserveSignInAttemptParams{OrgID: orgID, SubjectHash: subject.hash, Attempt: reserved.attempt, At: reserved.at,
		QuietSince: reserved.at.Add(-subject.quiet), Free: subject.free, LongestSeconds: int32(subject.longest / time.Second), Doublings: subject.doublings})
	if err != nil {
		return err
	}
	if row.Attempt != reserved.attempt {
		return ErrTooMany.WithRetryAfter(row.BlockedUntil.Sub(reserved.at))
	}
	reserved.subjects = append(reserved.subjects, subject.hash)
	return nil
}

// forgive takes an attempt back that was not a wrong guess.
func (d damping) forgive(ctx context.Context, orgID uuid.UUID, reserved reservation) error {
	if len(reserved.subjects) == 0 {
		return nil
	}
	return dbq.New(d.db).ForgiveSignInAttempt(ctx, dbq.ForgiveSignInAttemptParams{OrgID: orgID, Subjects: reserved.subjects, Attempt: reserved.attempt})
}

// ofBrowser is what attempts at an account are counted by in a browser that is known for it.
func (d damping) ofBrowser(account string, browser []byte) []byte {
	return secret.Derive(d.key, "account-in-known-browser", account, string(browser))
}

// ofAccount is what they are counted by in all others.
func (d damping) ofAccount(account string) []byte { return secret.Derive(d.key, "account", account) }

// ofNetwork is what those of them are counted by that one network makes.
func (d damping) ofNetwork(account, network string) []byte {
	return secret.Derive(d.key, "account-in-network", account, network)
}

// ofNewNetworks is what those of them are counted by that new networks make while the account waits.
func (d damping) ofNewNetworks(account string) []byte {
	return secret.Derive(d.key, "account-in-new-networks", account)
}

// succeeded forgets the account's failures, those of what else it is called in browsers that are not known, and takes the
// attempt back where others share the count.
func (d damping) succeeded(ctx context.Context, orgID uuid.UUID, reserved reservation, others ...string) error {
	if err := d.forgive(ctx, orgID, reserved); err != nil {
		return err
	}
	var forgotten [][]byte
	if reserved.browser != nil {
		forgotten = append(forgotten, d.ofBrowser(reserved.account, reserved.browser))
	} else {
		others = append(others, reserved.account)
	}
	for _, account := range others {
		forgotten = append(forgotten, d.ofAccount(account), d.ofNewNetworks(account), d.ofNetwork(account, reserved.network))
	}
	return dbq.New(d.db).ForgetSignInFailures(ctx, dbq.ForgetSignInFailuresParams{OrgID: orgID, Subjects: forgotten})
}

// doublings is after how many doublings of a second the longest wait is reached.
func doublings(longest time.Duration) int32 {
	count := int32(0)
	for wait := time.Second; wait < longest; wait *= 2 {
		count++
	}
	return count
}
