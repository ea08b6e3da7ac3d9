package credential

import (
	"context"
	"net/netip"
	"time"

	"github.com/google/uuid"

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

// damping counts failed sign-ins per account, or what was typed for one, and per address. A browser in which the person signed
// in before has a count of its own: a stranger's guesses do not slow it down.
type damping struct {
	db  *store.Store
	key []byte
	now func() time.Time
}

func newDamping(db *store.Store, ring *seal.Ring, now func() time.Time) damping {
	return damping{db: db, key: ring.DeriveKey("sign-in-damping").Key, now: now}
}

// reservation is an attempt that was let through and counted.
type reservation struct {
	attempt  uuid.UUID
	account  []byte
	known    bool // counted for the browser
	subjects [][]byte
}

type dampedSubject struct {
	hash    []byte
	free    int32
	longest time.Duration
}

func (d damping) reserve(ctx context.Context, orgID uuid.UUID, account string, knownBrowser bool, browser []byte, address netip.Addr) (reservation, error) {
	subjects := []dampedSubject{{d.ofAccount(account), accountFree, accountLongest}}
	if knownBrowser {
		subjects[0].hash = secret.Derive(d.key, "account-in-known-browser", account, string(browser))
	} else if address.IsValid() {
		subjects = append(subjects, dampedSubject{secret.Derive(d.key, "address", reqctx.Network(address)), addressFree, addressLongest})
	}
	reserved := reservation{attempt: uuid.New(), account: subjects[0].hash, known: knownBrowser}
	now := d.now().Truncate(time.Microsecond)
	for _, subject := range subjects {
		row, err := dbq.New(d.db).ReserveSignInAttempt(ctx, dbq.ReserveSignInAttemptParams{OrgID: orgID, SubjectHash: subject.hash, Attempt: reserved.attempt, At: now,
			QuietSince: now.Add(-quiet), Free: subject.free, LongestSeconds: int32(subject.longest / time.Second), Doublings: doublings(subject.longest)})
		if err != nil {
			return reservation{}, err
		}
		if row.Attempt != reserved.attempt {
			if err := d.forgive(ctx, orgID, reserved); err != nil {
				return reservation{}, err
			}
			return reservation{}, ErrTooMany.WithRetryAfter(row.BlockedUntil.Sub(now))
		}
		reserved.subjects = append(reserved.subjects, subject.hash)
	}
	return reserved, nil
}

// forgive takes an attempt back that was not a wrong guess.
func (d damping) forgive(ctx context.Context, orgID uuid.UUID, reserved reservation) error {
	if len(reserved.subjects) == 0 {
		return nil
	}
	return dbq.New(d.db).ForgiveSignInAttempt(ctx, dbq.ForgiveSignInAttemptParams{OrgID: orgID, Subjects: reserved.subjects, Attempt: reserved.attempt, At: d.now()})
}

// ofAccount is what attempts at an account are counted by in browsers that are not known.
func (d damping) ofAccount(account string) []byte { return secret.Derive(d.key, "account", account) }

// succeeded forgets the account's failures, those of what else it is called in browsers that are not known, and takes the
// attempt back where others share the count.
func (d damping) succeeded(ctx context.Context, orgID uuid.UUID, reserved reservation, others ...string) error {
	if err := d.forgive(ctx, orgID, reserved); err != nil {
		return err
	}
	forgotten := [][]byte{reserved.account}
	for _, other := range others {
		forgotten = append(forgotten, d.ofAccount(other))
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
