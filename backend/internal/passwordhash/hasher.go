package passwordhash

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
)

// MaximumPasswordBytes is the length of the longest password that can be set, in bytes.
const MaximumPasswordBytes = 1024

// ErrTooLong is returned by Hash for a password longer than MaximumPasswordBytes.
var ErrTooLong = fault.New(fault.Invalid, "password_too_long", fmt.Sprintf("The password is longer than %d bytes.", MaximumPasswordBytes))

// Hasher hashes and verifies passwords through a queue. It is safe for concurrent use; a process has one.
type Hasher struct {
	parameters Parameters
	queue      *Queue
	random     io.Reader
	kind       Kind
	verified   map[Scheme]*atomic.Uint64
}

// NewHasher makes a hasher that hashes new passwords with the parameters and does all work in turns
// of the queue. It refuses parameters out of bounds. The random reader is crypto/rand.Reader but in tests.
func NewHasher(parameters Parameters, queue *Queue, random io.Reader) (*Hasher, error) {
	if err := parameters.bounds(); err != nil {
		return nil, err
	}
	hasher := &Hasher{parameters: parameters, queue: queue, random: random, verified: map[Scheme]*atomic.Uint64{}}
	for _, scheme := range Schemes() {
		hasher.verified[scheme] = new(atomic.Uint64)
	}
	blank, err := hasher.blank(tagBytes)
	if err != nil {
		return nil, err
	}
	hasher.kind, err = KindOf(blank.encode())
	return hasher, err
}

// Parameters returns what new passwords are hashed with.
func (h *Hasher) Parameters() Parameters { return h.parameters }

// Stats returns a snapshot of the queue, for metrics.
func (h *Hasher) Stats() Stats { return h.queue.Stats() }

// Kind returns the kind that new hashes are of.
func (h *Hasher) Kind() Kind { return h.kind }

// Verified returns how many passwords were held against a hash of a scheme since the start, those of nobody (Dummy) included.
func (h *Hasher) Verified(scheme Scheme) uint64 { return h.verified[scheme].Load() }

// Hash returns the PHC string of a password under a new salt. The organization is whose turn the work
// takes. Errors: ErrTooLong, ErrQueueFull, or the context's error when it ended before the work began.
func (h *Hasher) Hash(ctx context.Context, orgID uuid.UUID, password string) (string, error) {
	if len(password) > MaximumPasswordBytes {
		return "", ErrTooLong
	}
	hash, err := h.blank(tagBytes)
	if err != nil {
		return "", err
	}
	if err := h.queue.Do(ctx, orgID, func() { hash.tag = hash.compute(password) }); err != nil {
		return "", err
	}
	return hash.encode(), nil
}

// Verify reports whether the password is the one whose hash was stored, by us or by a system that people came from (see
// Check); the tags are compared in constant time. Errors: ErrMalformed for a stored string that cannot be read or asks for
// absurd work, ErrQueueFull, or the context's error when it ended before the work began.
func (h *Hasher) Verify(ctx context.Context, orgID uuid.UUID, encoded, password string) (bool, error) {
	hash, scheme, err := read(encoded)
	if err != nil {
		return false, err
	}
	// What cannot have been set cannot match, but shall not be told apart by time either.
	possible := len(password) <= MaximumPasswordBytes
	if !possible {
		password = password[:MaximumPasswordBytes]
	}
	matched := false
	err = h.queue.Do(ctx, orgID, func() { matched = hash.matches(password) })
	if err == nil {
		h.verified[scheme].Add(1)
	}
	return err == nil && matched && possible, err
}

// Dummy does the work of a Verify that fails at a hash of the kind, for a person who does not exist or has no password: the answer
// must not come at another time. A kind that is none that could be verified is replaced by that of new hashes.
func (h *Hasher) Dummy(ctx context.Context, orgID uuid.UUID, kind Kind, password string) error {
	_, err := h.Verify(ctx, orgID, string(kind), password)
	if errors.Is(err, ErrMalformed) {
		_, err = h.Verify(ctx, orgID, string(h.kind), password)
	}
	return err
}

// NeedsRehash reports whether a stored string was made with other parameters than new ones are, by
// another system, or cannot be read. After a successful Verify such a password should be hashed again.
func (h *Hasher) NeedsRehash(encoded string) bool {
	hash, err := parse(encoded)
	return err != nil || hash.Parameters != h.parameters || len(hash.salt) < saltBytes || len(hash.tag) < tagBytes
}

// blank makes a hash with a new salt and a tag of zeros.
func (h *Hasher) blank(size int) (stored, error) {
	hash := stored{Parameters: h.parameters, salt: make([]byte, saltBytes), tag: make([]byte, size)}
	if _, err := io.ReadFull(h.random, hash.salt); err != nil {
		return stored{}, fmt.Errorf("passwordhash: the source of randomness failed: %w", err)
	}
	return hash, nil
}
