// Package idempotency remembers which creating request of the Admin API made what, so that a request
// repeated with the same Idempotency-Key creates nothing twice (draft-ietf-httpapi-idempotency-key-header).
//
// Only the id of what was made is kept: answers are rendered anew, so no secret is ever stored here.
package idempotency

import (
	"context"
	"crypto/hmac"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/seal"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// Retention is how long a key is remembered.
const Retention = 24 * time.Hour

const label = "idempotency-request"

// The faults of this package.
var (
	// ErrUsed says that the key was used before, for another request.
	ErrUsed = fault.New(fault.Invalid, "idempotency_key_reused", "This Idempotency-Key was used for another request. Use a new one.").WithField("Idempotency-Key")
	// ErrTaken says that a request with the same key finished meanwhile: roll back and Find it.
	ErrTaken = fault.New(fault.Conflict, "idempotency_key_taken", "The same request was answered a moment ago. Repeat it to see the answer.")
)

// Keys remembers requests. It is safe for concurrent use.
type Keys struct {
	now  func() time.Time
	ring *seal.Ring
}

// New makes the memory. Requests are recognised by a keyed digest: a plain one would let whoever reads
// the table guess the passwords that requests contain.
func New(now func() time.Time, ring *seal.Ring) *Keys { return &Keys{now: now, ring: ring} }

// Request is a creating request. Method, Path and Body are what must be the same when it is repeated.
type Request struct {
	OrgID   uuid.UUID // of the actor
	ActorID uuid.UUID
	Key     string // the header's value
	Method  string
	Path    string
	Body    []byte
}

func (r Request) digest(key seal.DerivedKey) []byte {
	return secret.Derive(key.Key, label, r.Method, r.Path, string(r.Body))
}

// Find returns the id of what the request made before; false when its key is new. ErrUsed when the key
// belongs to another request.
func (k *Keys) Find(ctx context.Context, db store.DB, request Request) (uuid.UUID, bool, error) {
	row, err := dbq.New(db).IdempotencyKey(ctx, dbq.IdempotencyKeyParams{OrgID: request.OrgID, ActorID: request.ActorID, KeyHash: secret.Hash(request.Key), At: k.now()})
	if store.IsNotFound(err) {
		return uuid.Nil, false, nil
	}
	if err != nil {
		return uuid.Nil, false, err
	}
	for _, key := range k.ring.DeriveKeys(label) {
		if hmac.Equal(row.RequestHash, request.digest(key)) {
			return row.ResourceID, true, nil
		}
	}
	return uuid.Nil, false, ErrUsed
}

// Remember stores what the request made, in the transaction that made it. ErrTaken when a request with
// the same key was faster: it waits for the other's transaction, so of two at once exactly one commits.
func (k *Keys) Remember(ctx context.Context, tx *store.Tx, request Request, status int, made uuid.UUID) error {
	now := k.now()
	stored, err := dbq.New(tx).InsertIdempotencyKey(ctx, dbq.InsertIdempotencyKeyParams{OrgID: request.OrgID, ActorID: request.ActorID,
		KeyHash: secret.Hash(request.Key), RequestHash: request.digest(k.ring.DeriveKey(label)), Status: int32(status), ResourceID: made,
		ExpiresAt: now.Add(Retention), At: now})
	if err != nil {
		return err
	}
	if stored == 0 {
		return ErrTaken
	}
	return nil
}

// DeleteExpired forgets expired keys, at most limit of them. Called by a periodic job.
func (k *Keys) DeleteExpired(ctx context.Context, db *store.Store, limit int32) (int64, error) {
	return dbq.New(db).DeleteExpiredIdempotencyKeys(ctx, dbq.DeleteExpiredIdempotencyKeysParams{Before: k.now(), RowLimit: limit})
}
