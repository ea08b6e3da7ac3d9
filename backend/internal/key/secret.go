package key

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// secretBytes is the size of an organization's secret: 256 bits.
const secretBytes = 32

// Secret returns the organization's secret for a purpose, a constant of at most 50 characters: 32 random bytes that
// are made at the first use, the same on every replica, and never change as long as the organization lives. They are
// to derive from, not to show; the bytes are shared, do not change them. No database round trip when warm.
func (k *Keys) Secret(ctx context.Context, orgID uuid.UUID, purpose string) ([]byte, error) {
	return k.secrets.Get(ctx, orgID.String()+":"+purpose, func(ctx context.Context) ([]byte, error) {
		found, err := k.openSecret(ctx, orgID, purpose)
		if !store.IsNotFound(err) {
			return found, err
		}
		made := make([]byte, secretBytes)
		_, _ = rand.Read(made) // never fails
		sealedBy, sealed := k.ring.Seal(made, secretPlace(orgID, purpose))
		if _, err := dbq.New(k.db).InsertOrganizationSecret(ctx, dbq.InsertOrganizationSecretParams{OrgID: orgID, Name: purpose,
			Sealed: sealed, SealedBy: sealedBy, CreatedAt: k.now()}); err != nil {
			return nil, err
		}
		return k.openSecret(ctx, orgID, purpose) // of replicas that race one has won
	})
}

func (k *Keys) openSecret(ctx context.Context, orgID uuid.UUID, purpose string) ([]byte, error) {
	row, err := dbq.New(k.db).OrganizationSecret(ctx, dbq.OrganizationSecretParams{OrgID: orgID, Name: purpose})
	if err != nil {
		return nil, err
	}
	opened, err := k.ring.Open(row.SealedBy, row.Sealed, secretPlace(orgID, purpose))
	if err != nil {
		return nil, fmt.Errorf("secret %s of organization %s: %w", purpose, orgID, err)
	}
	return opened, nil
}

// secretPlace binds a sealed secret to its organization and purpose.
func secretPlace(orgID uuid.UUID, purpose string) []byte {
	return []byte("organization-secret:" + orgID.String() + ":" + purpose)
}

// resealSecrets does for the secrets what Reseal does for keys.
func (k *Keys) resealSecrets(ctx context.Context) (changed int, err error) {
	queries, current := dbq.New(k.db), k.ring.CurrentKeyID()
	for {
		rows, err := queries.OrganizationSecretsSealedByOther(ctx, dbq.OrganizationSecretsSealedByOtherParams{Current: current, RowLimit: 200})
		if err != nil || len(rows) == 0 {
			return changed, err
		}
		for _, row := range rows {
			sealedBy, sealed, err := k.ring.Rewrap(row.SealedBy, row.Sealed)
			if err != nil {
				return changed, fmt.Errorf("secret %s of organization %s: %w", row.Name, row.OrgID, err)
			}
			if _, err := queries.ResealOrganizationSecret(ctx, dbq.ResealOrganizationSecretParams{OrgID: row.OrgID, Name: row.Name,
				Sealed: sealed, SealedBy: sealedBy, ExpectedSealedBy: row.SealedBy}); err != nil {
				return changed, err
			}
			changed++
		}
	}
}
