// Package kv keeps short-lived state: login transactions, pushed authorization requests, replay
// marks for assertions and proofs, ceremony challenges, short rate counters. One interface, two
// implementations: Postgres (unlogged tables, the default) and Redis (6.2 or later, maxmemory-policy
// noeviction). Every operation is one round trip and atomic; both pass one test suite.
//
// # The store can be lost
//
// A crash of PostgreSQL empties unlogged tables, so does promoting a standby; a restarted Redis has
// lost at least its last moments, a flushed one everything. What that means to callers:
//
//   - A transaction or pushed request that is gone makes the person start again. Say so on a page.
//   - A replay mark that is gone would let a used assertion be used again. The store therefore keeps
//     the time of its birth, a new one after each loss, and PutIfAbsent returns it in the same round
//     trip: what was issued before birth plus the accepted clock skew must be refused, see
//     Placed.FirstUse. The client issues a new one and succeeds.
//   - Counters start again. Lock-out that must not be lost lives in PostgreSQL's logged tables.
//
// Two losses the store cannot see, because its birth comes along: a logical restore (use pg_dump
// --no-unlogged-table-data) and a change from one implementation to the other in the configuration.
// Truncate kv_entries and kv_birth on these occasions. Writes that a partitioned Redis primary accepts
// after its replica was promoted are lost unnoticed as well.
//
// Values carry their own format version, readable by the previous release; that is the callers' duty.
// Whatever must survive belongs to PostgreSQL's logged tables, not here.
package kv

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/secret"
)

// Limits of what is stored.
const (
	MaximumValueBytes = 64 << 10
	MaximumKindBytes  = 40
	MaximumIDBytes    = 256
	MaximumLifetime   = 30 * 24 * time.Hour
)

// ErrUnavailable is returned when the server behind the store is away, full or being replaced.
var ErrUnavailable = fault.New(fault.Unavailable, "kv_unavailable",
	"A part of the service cannot be reached at the moment. Try again in a few seconds.").WithRetryAfter(5 * time.Second)

// ErrTooLarge is returned for a value of more than MaximumValueBytes.
var ErrTooLarge = fault.New(fault.TooLarge, "kv_value_too_large", "The request is too large to be kept.")

// Key names an entry or a counter; entries and counters of one key do not meet.
type Key struct {
	OrgID uuid.UUID // uuid.Nil for what belongs to no organization
	Kind  string    // what it is, such as "login_transaction": [a-z][a-z0-9_-]*, at most 40 bytes
	ID    string    // printable ASCII without spaces, at most 256 bytes; ID makes one of anything
}

// ID makes the ID of a key of any texts, such as a client id and its "jti": 43 characters that are
// different for different texts and tell nothing about them.
func ID(parts ...string) string { return secret.DeriveToken(nil, "clavex kv id v1", parts...) }

// Version names one state of an entry. It is random: a version never comes back, not even after the
// entry was deleted or lost.
type Version int64

// Entry is what is stored under a key.
type Entry struct {
	Value   []byte
	Version Version
}

// Placed is the result of PutIfAbsent.
type Placed struct {
	Stored bool      // false when an entry was there that has not expired
	Birth  time.Time // since when the store has lost nothing
}

// FirstUse reports whether this was certainly the first use of something single-use that was issued
// at the given time: no mark was there, and none can have been lost. Skew is by how much the issuer's
// clock may run ahead of ours. Keep the mark until the thing expires, skew included.
func (p Placed) FirstUse(issuedAt time.Time, skew time.Duration) bool {
	return p.Stored && !issuedAt.Before(p.Birth.Add(skew))
}

// Count is the state of a counter.
type Count struct {
	Value int64
	Reset time.Duration // until the window ends and the counter starts again
}

// Store is the interface of both implementations. All operations are atomic and take one round trip;
// an expired entry is as good as none. Errors: ErrUnavailable, ErrTooLarge, the context's error when
// it was canceled; others are faults of the program (an invalid key or lifetime).
type Store interface {
	// Put stores a value for the lifetime, in place of any other.
	Put(ctx context.Context, key Key, value []byte, lifetime time.Duration) (Version, error)
	// PutIfAbsent stores a value for the lifetime unless there is one. Of simultaneous calls one stores.
	PutIfAbsent(ctx context.Context, key Key, value []byte, lifetime time.Duration) (Placed, error)
	// Get returns the entry, or false.
	Get(ctx context.Context, key Key) (Entry, bool, error)
	// Take returns the entry and deletes it, or false. Of simultaneous calls one gets it.
	Take(ctx context.Context, key Key) (Entry, bool, error)
	// Replace stores a value for a new lifetime if the entry still has the version. Of simultaneous
	// calls with one version one succeeds; the others, and those on a missing entry, get false.
	Replace(ctx context.Context, key Key, version Version, value []byte, lifetime time.Duration) (Version, bool, error)
	// Delete removes the entry, if there is one.
	Delete(ctx context.Context, key Key) error
	// Increment adds one to a counter. The first call starts a window; with its end the counter does.
	Increment(ctx context.Context, key Key, window time.Duration) (Count, error)
	// Birth returns since when the store has lost nothing, and begins a new life when it finds a loss.
	// A replay check takes the birth from PutIfAbsent instead, never from an earlier call of this.
	Birth(ctx context.Context) (time.Time, error)
}

func (k Key) check() error {
	if len(k.Kind) == 0 || len(k.Kind) > MaximumKindBytes || len(k.ID) == 0 || len(k.ID) > MaximumIDBytes {
		return fmt.Errorf("kv: kind or id of a key is empty or too long (kind %q)", k.Kind)
	}
	for i := range len(k.Kind) {
		c := k.Kind[i]
		if !('a' <= c && c <= 'z' || i > 0 && ('0' <= c && c <= '9' || c == '_' || c == '-')) {
			return fmt.Errorf("kv: kind %q of a key has other characters than a-z, 0-9, _ and -", k.Kind)
		}
	}
	for i := range len(k.ID) {
		if k.ID[i] <= ' ' || k.ID[i] > '~' {
			return fmt.Errorf("kv: the id of a key of kind %q is not printable ASCII", k.Kind)
		}
	}
	return nil
}

func (k Key) checkWith(value []byte, lifetime time.Duration) error {
	if err := k.check(); err != nil {
		return err
	}
	// A millisecond is what Redis counts in.
	if lifetime < time.Millisecond || lifetime > MaximumLifetime {
		return fmt.Errorf("kv: lifetime %v of a %q is out of bounds", lifetime, k.Kind)
	}
	if len(value) > MaximumValueBytes {
		return ErrTooLarge
	}
	return nil
}

func newVersion(random io.Reader) (Version, error) {
	var raw [8]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return 0, fmt.Errorf("kv: the source of randomness failed: %w", err)
	}
	return Version(binary.BigEndian.Uint64(raw[:]) >> 1), nil
}
