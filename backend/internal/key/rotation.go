package key

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// Outcome says what a rotation did.
type Outcome string

// ErrNoKey says that there is no key to rotate.
var ErrNoKey = fault.New(fault.Invalid, "signing_key_missing", "The organization has no signing key for this algorithm.")

// The outcomes of a rotation.
const (
	Published Outcome = "published" // the next key is published; rotate again after PublishLead
	Waiting   Outcome = "waiting"   // the next key has not been published for long enough
	Rotated   Outcome = "rotated"   // the next key signs now, the former one is retired
)

// Rotate moves the organization one step towards a new key for the algorithm: it publishes the next
// key, or, when that has been published for PublishLead, makes it sign. With immediately it does both
// at once: relying parties that cache the JWK set must then fetch it again on an unknown key id. ErrNoKey when
// the organization needed no key for the algorithm so far. A key that others encrypt to is always replaced at once: the
// former one is not published any more, but decrypts for RetiredRetention (OpenID Connect Core 1.0 §10.2.1).
func (k *Keys) Rotate(ctx context.Context, actor audit.Actor, orgID uuid.UUID, algorithm jose.Algorithm, immediately bool) (Outcome, error) {
	if err := k.rotatable(ctx, orgID, algorithm); err != nil {
		return "", err
	}
	immediately = immediately || algorithm.Encrypts()
	spare, err := k.obtain(ctx, algorithm) // before the transaction: making an RSA key takes long
	if err != nil {
		return "", err
	}
	var outcome Outcome
	err = k.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		outcome, err = k.rotate(ctx, tx, orgID, algorithm, immediately, spare)
		if err != nil || outcome == Waiting {
			return err
		}
		return k.log.Record(ctx, tx, orgID, audit.Event{Action: "signing_key." + string(outcome), Actor: actor,
			Target: audit.Target{Kind: "signing_key", ID: spare.KeyID}, Details: map[string]any{"algorithm": algorithm}})
	})
	if err == nil && outcome != Waiting {
		k.cache.Forget(orgID.String())
	}
	return outcome, err
}

// rotatable reports whether the organization has, or always should have, a key for the algorithm.
func (k *Keys) rotatable(ctx context.Context, orgID uuid.UUID, algorithm jose.Algorithm) error {
	if slices.Contains(always(), algorithm) {
		return nil
	}
	keys, err := k.load(ctx, orgID)
	if err == nil && !keys.has(algorithm) {
		return ErrNoKey.WithMessage("The organization has no key for %s: none of its clients needed one.", algorithm)
	}
	return err
}

func (k *Keys) rotate(ctx context.Context, tx *store.Tx, orgID uuid.UUID, algorithm jose.Algorithm, immediately bool, spare dbq.SigningKeyPool) (Outcome, error) {
	queries := dbq.New(tx)
	rows, err := queries.LockSigningKeys(ctx, dbq.LockSigningKeysParams{OrgID: orgID, Algorithm: string(algorithm)})
	if err != nil {
		return "", err
	}
	position := slices.IndexFunc(rows, func(row dbq.SigningKey) bool { return State(row.State) == Next })
	switch {
	case position < 0:
		if err := k.insert(ctx, tx, orgID, spare, Next, nil); err != nil {
			return "", err
		}
		if !immediately {
			return Published, nil
		}
	case !immediately && k.now().Sub(rows[position].CreatedAt) < PublishLead:
		return Waiting, nil
	}
	now := k.now()
	if _, err := queries.RetireActiveSigningKey(ctx, dbq.RetireActiveSigningKeyParams{OrgID: orgID, Algorithm: string(algorithm), At: &now}); err != nil {
		return "", err
	}
	_, err = queries.ActivateNextSigningKey(ctx, dbq.ActivateNextSigningKeyParams{OrgID: orgID, Algorithm: string(algorithm), At: &now})
	return Rotated, err
}

// RotateDue rotates keys that have signed for RotationPeriod, at most limit of them, and returns how many
// it looked at. Called by a periodic job.
func (k *Keys) RotateDue(ctx context.Context, limit int32) (int, error) {
	due, err := dbq.New(k.db).SigningKeysDueForRotation(ctx, dbq.SigningKeysDueForRotationParams{Before: new(k.now().Add(-RotationPeriod)), RowLimit: limit})
	if err != nil {
		return 0, err
	}
	for i, row := range due {
		if _, err := k.Rotate(ctx, audit.Actor{Kind: audit.System, Name: "key rotation"}, row.OrgID, jose.Algorithm(row.Algorithm), false); err != nil {
			return i, err
		}
	}
	return len(due), nil
}

// FillPool makes pre-generated keys until the pool holds size of them or ctx ends.
func (k *Keys) FillPool(ctx context.Context, size int64) error {
	queries := dbq.New(k.db)
	for {
		count, err := queries.CountPooledSigningKeys(ctx, string(pooled))
		if err != nil || count >= size {
			return err
		}
		made, err := k.make(pooled)
		if err != nil {
			return err
		}
		if err := queries.InsertPooledSigningKey(ctx, dbq.InsertPooledSigningKeyParams(made)); err != nil {
			return err
		}
	}
}

// Reseal brings every private key and every organization's secret under the current key-encryption key, in batches,
// and returns how many it changed. When it returns without error none of them needs a previous one any more.
func (k *Keys) Reseal(ctx context.Context) (changed int, err error) {
	queries, current := dbq.New(k.db), k.ring.CurrentKeyID()
	if _, err := queries.DeletePooledSigningKeysSealedByOther(ctx, current); err != nil {
		return 0, err
	}
	for {
		rows, err := queries.SigningKeysSealedByOther(ctx, dbq.SigningKeysSealedByOtherParams{Current: current, RowLimit: 200})
		if err != nil {
			return changed, err
		}
		if len(rows) == 0 {
			secrets, err := k.resealSecrets(ctx)
			return changed + secrets, err
		}
		for _, row := range rows {
			sealedBy, sealed, err := k.ring.Rewrap(row.SealedBy, row.PrivateKey)
			if err != nil {
				return changed, fmt.Errorf("signing key %s of organization %s: %w", row.KeyID, row.OrgID, err)
			}
			if _, err := queries.ResealSigningKey(ctx, dbq.ResealSigningKeyParams{OrgID: row.OrgID, ID: row.ID, PrivateKey: sealed, SealedBy: sealedBy, ExpectedSealedBy: row.SealedBy}); err != nil {
				return changed, err
			}
			changed++
		}
	}
}

// DeleteExpired removes keys retired for longer than RetiredRetention, at most limit of them.
func (k *Keys) DeleteExpired(ctx context.Context, limit int32) (int64, error) {
	return dbq.New(k.db).DeleteRetiredSigningKeys(ctx, dbq.DeleteRetiredSigningKeysParams{Before: new(k.now().Add(-RetiredRetention)), RowLimit: limit})
}
