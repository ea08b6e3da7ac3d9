package key

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/jose"
)

// encryption are the algorithms that name an organization's keys for encryption, one of each type of key. The one for
// key agreement serves every algorithm of ECDH-ES.
func encryption() []jose.KeyManagement { return []jose.KeyManagement{jose.RSAOAEP256, jose.ECDHES} }

// maximumTried bounds how many keys of a type are tried for what names no key.
const maximumTried = 4

// sealedDecryptionKey opens its private key on first use.
type sealedDecryptionKey struct {
	keyID     string
	algorithm jose.KeyManagement
	active    bool
	opened    atomic.Pointer[jose.DecryptionKey]
}

// fits reports whether the key serves the algorithm: its own, or another one of ECDH-ES.
func (s *sealedDecryptionKey) fits(algorithm jose.KeyManagement) bool {
	return s.algorithm == algorithm || algorithm.Encrypts() && !algorithm.RSA() && !s.algorithm.RSA()
}

// Decrypt opens what was encrypted to a key of the organization, one that is published now or, until RetiredRetention
// is over, was before (OpenID Connect Core 1.0 §10.2.1). algorithms and encryptions are those that are acceptable. An
// error that matches jose.ErrInvalid is about the token; whoever sent it must not learn more than that. No database
// round trip when warm.
func (k *Keys) Decrypt(ctx context.Context, orgID uuid.UUID, token string, algorithms []jose.KeyManagement, encryptions []jose.Encryption) (*jose.Decrypted, error) {
	return jose.Decrypt(token, func(keyID string, algorithm jose.KeyManagement) ([]*jose.DecryptionKey, error) {
		keys, err := k.of(ctx, orgID)
		if err != nil {
			return nil, err
		}
		found, err := k.openAll(ctx, orgID, keys, keyID, algorithm)
		if !errors.Is(err, jose.ErrKeyUnknown) || k.now().Sub(keys.loadedAt) < reloadInterval {
			return found, err
		}
		k.cache.Forget(orgID.String()) // another replica may have made it
		if keys, err = k.of(ctx, orgID); err != nil {
			return nil, err
		}
		return k.openAll(ctx, orgID, keys, keyID, algorithm)
	}, algorithms, encryptions)
}

// openAll opens the keys that a token may mean, newest first; ErrKeyUnknown when there are none.
func (k *Keys) openAll(ctx context.Context, orgID uuid.UUID, keys *organizationKeys, keyID string, algorithm jose.KeyManagement) ([]*jose.DecryptionKey, error) {
	var found []*jose.DecryptionKey
	for _, candidate := range slices.Backward(keys.decrypting) {
		if keyID != "" && keyID != candidate.keyID || !candidate.fits(algorithm) || len(found) == maximumTried {
			continue
		}
		opened, err := k.open(ctx, orgID, candidate)
		if err != nil {
			return nil, err
		}
		found = append(found, opened)
	}
	if len(found) == 0 {
		return nil, jose.ErrKeyUnknown
	}
	return found, nil
}

func (k *Keys) open(ctx context.Context, orgID uuid.UUID, found *sealedDecryptionKey) (*jose.DecryptionKey, error) {
	if key := found.opened.Load(); key != nil {
		return key, nil
	}
	sealedBy, sealed, err := k.sealed(ctx, orgID, found.keyID)
	if err != nil {
		return nil, err
	}
	private, err := k.ring.Open(sealedBy, sealed, []byte(found.keyID))
	if err != nil {
		return nil, fmt.Errorf("encryption key %s of organization %s: %w", found.keyID, orgID, err)
	}
	key, err := jose.ParseDecryptionKey(found.algorithm, private)
	if err != nil {
		return nil, fmt.Errorf("encryption key %s of organization %s: %w", found.keyID, orgID, err)
	}
	found.opened.Store(key)
	return key, nil
}

// OpenActive proves that the configured key-encryption keys open every private key that is in use. It makes none.
func (k *Keys) OpenActive(ctx context.Context, orgID uuid.UUID) error {
	keys, err := k.load(ctx, orgID)
	if err != nil {
		return err
	}
	for algorithm := range keys.active {
		if _, err := k.Signer(ctx, orgID, algorithm); err != nil {
			return err
		}
	}
	for _, found := range keys.decrypting {
		if found.active {
			if _, err := k.open(ctx, orgID, found); err != nil {
				return err
			}
		}
	}
	return nil
}
