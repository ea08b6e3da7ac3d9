package client

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// errNoSymmetricSecret says that a client's secret is stored as a digest only.
var errNoSymmetricSecret = errors.New("client: the client did not register a symmetric algorithm, so its secret is not kept")

// SecretMatches compares a presented secret with the stored digest in constant time. A fast digest is
// right here: generated secrets have 256 bits, there is nothing to guess.
func (c *Client) SecretMatches(presented string) bool {
	if len(c.SecretHash) != sha256.Size {
		return false
	}
	return secret.Matches(presented, c.SecretHash)
}

// symmetric reports whether the client registered an algorithm whose key is its secret, which must then be
// kept readable.
func (c *Client) symmetric() bool {
	return c.AuthenticationMethod == ClientSecretJWT ||
		slices.Contains([]string{c.IDTokenSignedResponseAlg, c.Metadata.UserinfoSignedResponseAlg, c.Metadata.RequestObjectSigningAlg,
			c.Metadata.AuthorizationSignedResponseAlg, c.Metadata.IntrospectionSignedResponseAlg}, HS256)
}

// setSecret gives the client a secret: its digest, and sealed when an algorithm of the client needs it.
func (c *Clients) setSecret(changed *Client, plain string) {
	changed.SecretHash, changed.SealedSecret, changed.SecretSealedBy = secret.Hash(plain), nil, ""
	if changed.symmetric() {
		changed.SecretSealedBy, changed.SealedSecret = c.ring.Seal([]byte(plain), secretData(changed))
	}
}

// SymmetricSecret returns the secret of a client that registered a symmetric algorithm, the key of its HS256.
// An error when the client did not, or when the key-encryption key is not configured any more.
func (c *Clients) SymmetricSecret(of *Client) ([]byte, error) {
	if len(of.SealedSecret) == 0 {
		return nil, errNoSymmetricSecret
	}
	return c.ring.Open(of.SecretSealedBy, of.SealedSecret, secretData(of))
}

// secretData binds a sealed secret to its client.
func secretData(of *Client) []byte {
	return []byte("client-secret:" + of.OrgID.String() + ":" + of.ClientID)
}

// Reseal brings every sealed secret under the current key-encryption key, in batches, and returns how many it
// changed. When it returns without error no secret needs a previous key-encryption key any more.
func (c *Clients) Reseal(ctx context.Context) (changed int, err error) {
	queries, current := dbq.New(c.db), c.ring.CurrentKeyID()
	for {
		rows, err := queries.ClientSecretsSealedByOther(ctx, dbq.ClientSecretsSealedByOtherParams{Current: &current, RowLimit: 200})
		if err != nil || len(rows) == 0 {
			return changed, err
		}
		for _, row := range rows {
			sealedBy, sealed, err := c.ring.Rewrap(*row.SecretSealedBy, row.SealedSecret)
			if err != nil {
				return changed, fmt.Errorf("secret of client %s of organization %s: %w", row.ClientID, row.OrgID, err)
			}
			if _, err := queries.ResealClientSecret(ctx, dbq.ResealClientSecretParams{OrgID: row.OrgID, ID: row.ID, SealedSecret: sealed,
				SecretSealedBy: &sealedBy, ExpectedSealedBy: row.SecretSealedBy}); err != nil {
				return changed, err
			}
			changed++
		}
	}
}
