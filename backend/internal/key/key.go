// Package key keeps the keys of organizations. Of those that sign there is one active key per algorithm, published
// together with the next and the retired ones for as long as a token signed by them may live, so a
// rotation never fails a verification. Of those that others encrypt to, an RSA key and one on P-256, only the active
// ones are published; the retired ones go on decrypting for a while. No key does both. Every organization has keys
// for RS256 and ES256, for another algorithm once a client needs it: a key signs by one algorithm only. Private keys
// are sealed at rest; keys are made on first use, those of RSA from a pool of pre-generated ones, so no request pays
// for them.
//
// The package keeps and rotates; signing, verifying and decrypting is package jose.
package key

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/seal"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// State is where a key stands in its life.
type State string

// The states of a key. Those that sign are published in all of them.
const (
	Next    State = "next"    // published before it signs, so that caches know it in time
	Active  State = "active"  // signs, or is published to be encrypted to
	Retired State = "retired" // signs no more, but tokens it signed may live; or is not published any more, but decrypts
)

// Times of a key's life.
const (
	RotationPeriod   = 90 * 24 * time.Hour // how long a key signs
	PublishLead      = 24 * time.Hour      // how long a key is published before it signs
	RetiredRetention = 90 * 24 * time.Hour // longer than any token lives; expired ID tokens stay usable as hints
	reloadInterval   = 5 * time.Second     // how often an unknown key id may cause a fresh look at the database
)

// always are the algorithms that every organization has keys for: the default of the protocol and ours.
func always() []jose.Algorithm { return []jose.Algorithm{jose.RS256, jose.ES256} }

// Key describes a key without its private part.
type Key struct {
	ID          uuid.UUID      `json:"id"`
	KeyID       string         `json:"kid"`
	Use         string         `json:"use"` // "sig" or "enc"
	Algorithm   jose.Algorithm `json:"alg"`
	State       State          `json:"state"`
	CreatedAt   time.Time      `json:"created_at"`
	ActivatedAt *time.Time     `json:"activated_at,omitempty"`
	RetiredAt   *time.Time     `json:"retired_at,omitempty"`
}

// Keys finds, makes and rotates keys. It is safe for concurrent use.
type Keys struct {
	db      *store.Store
	ring    *seal.Ring
	log     *audit.Log
	now     func() time.Time
	cache   *store.Cache[*organizationKeys]
	secrets *store.Cache[[]byte]
}

// New makes the keeper of keys with a cache for at most cacheSize organizations.
func New(db *store.Store, hub *store.Invalidations, ring *seal.Ring, log *audit.Log, now func() time.Time, cacheSize int) *Keys {
	keys := &Keys{db: db, ring: ring, log: log, now: now}
	keys.cache = store.NewCache[*organizationKeys](hub, cacheSize, func(change store.Change) []string {
		if change.Table != "signing_keys" {
			return nil
		}
		return []string{change.OrgID}
	})
	keys.secrets = store.NewCache[[]byte](hub, cacheSize, func(store.Change) []string { return nil }) // they never change
	return keys
}

// organizationKeys are the keys of one organization as they were at loadedAt.
type organizationKeys struct {
	published  jose.KeySet // those that verify
	document   []byte      // the JWK set as served
	active     map[jose.Algorithm]*sealedSigner
	decrypting []*sealedDecryptionKey // oldest first
	loadedAt   time.Time
}

// has reports whether there is an active key that was made for the algorithm.
func (o *organizationKeys) has(algorithm jose.Algorithm) bool {
	return o.active[algorithm] != nil ||
		slices.ContainsFunc(o.decrypting, func(key *sealedDecryptionKey) bool { return key.active && key.algorithm == algorithm })
}

// sealedSigner opens its private key on first use: most organizations in a cache only verify. It keeps no
// more of the row than that needs, because a cache holds ten thousand of them.
type sealedSigner struct {
	keyID, sealedBy string
	private         []byte // PKCS #8, sealed; nil: read it when it is needed
	opened          atomic.Pointer[jose.Signer]
}

func (o *organizationKeys) hasAll(algorithms []jose.Algorithm) bool {
	return !slices.ContainsFunc(algorithms, func(a jose.Algorithm) bool { return !o.has(a) })
}

// Signer returns the organization's active key for the algorithm, and makes it when there is none yet. No
// database round trip when warm.
func (k *Keys) Signer(ctx context.Context, orgID uuid.UUID, algorithm jose.Algorithm) (*jose.Signer, error) {
	if !algorithm.Known() {
		return nil, fmt.Errorf("key: no organization signs by %q", string(algorithm))
	}
	keys, err := k.with(ctx, orgID, algorithm)
	if err != nil {
		return nil, err
	}
	found := keys.active[algorithm]
	if signer := found.opened.Load(); signer != nil {
		return signer, nil
	}
	sealedBy, sealed := found.sealedBy, found.private
	if sealed == nil {
		if sealedBy, sealed, err = k.sealed(ctx, orgID, found.keyID); err != nil {
			return nil, err
		}
	}
	private, err := k.ring.Open(sealedBy, sealed, []byte(found.keyID))
	if err != nil {
		return nil, fmt.Errorf("signing key %s of organization %s: %w", found.keyID, orgID, err)
	}
	signer, err := jose.ParseSigner(algorithm, private)
	if err != nil {
		return nil, fmt.Errorf("signing key %s of organization %s: %w", found.keyID, orgID, err)
	}
	found.opened.Store(signer)
	return signer, nil
}

// sealed reads a private key, which may have been sealed anew since the others were read.
func (k *Keys) sealed(ctx context.Context, orgID uuid.UUID, keyID string) (sealedBy string, private []byte, err error) {
	rows, err := dbq.New(k.db).SigningKeys(ctx, orgID)
	if err != nil {
		return "", nil, err
	}
	for _, row := range rows {
		if row.KeyID == keyID {
			return row.SealedBy, row.PrivateKey, nil
		}
	}
	return "", nil, fmt.Errorf("key: key %s of organization %s is gone", keyID, orgID)
}

// Document returns the organization's JWK set as served at jwks_uri. Nobody can encrypt to a key that was never
// published, so this is where those keys are made. The bytes are shared.
func (k *Keys) Document(ctx context.Context, orgID uuid.UUID) ([]byte, error) {
	keys, err := k.with(ctx, orgID, encryption()...)
	if err != nil {
		return nil, err
	}
	return keys.document, nil
}

// Lookup returns the look-up with which the organization's own tokens are verified. A key id that is
// not known here is looked for in the database once in a while: another replica may have made it.
func (k *Keys) Lookup(ctx context.Context, orgID uuid.UUID) jose.Lookup {
	return func(keyID string, algorithm jose.Algorithm) (jose.PublicKey, error) {
		keys, err := k.of(ctx, orgID)
		if err != nil {
			return jose.PublicKey{}, err
		}
		found, err := keys.published.Lookup(keyID, algorithm)
		if !errors.Is(err, jose.ErrKeyUnknown) || k.now().Sub(keys.loadedAt) < reloadInterval {
			return found, err
		}
		k.cache.Forget(orgID.String())
		if keys, err = k.of(ctx, orgID); err != nil {
			return jose.PublicKey{}, err
		}
		return keys.published.Lookup(keyID, algorithm)
	}
}

// Algorithms lists those that the organization has keys for or would be given keys for when it is first asked, in the
// order of jose.Algorithms, those of keys for encryption behind them.
func (k *Keys) Algorithms(ctx context.Context, orgID uuid.UUID) ([]jose.Algorithm, error) {
	keys, err := k.load(ctx, orgID)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(append(jose.Algorithms(), encryption()...), func(a jose.Algorithm) bool {
		return !keys.has(a) && !slices.Contains(always(), a)
	}), nil
}

// List describes the organization's keys, oldest first.
func (k *Keys) List(ctx context.Context, orgID uuid.UUID) ([]Key, error) {
	rows, err := dbq.New(k.db).SigningKeys(ctx, orgID)
	if err != nil {
		return nil, err
	}
	keys := make([]Key, len(rows))
	for i, row := range rows {
		keys[i] = fromRow(row)
	}
	return keys, nil
}

func fromRow(row dbq.SigningKey) Key {
	use := "sig"
	if jose.Algorithm(row.Algorithm).Encrypts() {
		use = "enc"
	}
	return Key{ID: row.ID, KeyID: row.KeyID, Use: use, Algorithm: jose.Algorithm(row.Algorithm), State: State(row.State), CreatedAt: row.CreatedAt,
		ActivatedAt: row.ActivatedAt, RetiredAt: row.RetiredAt}
}

// Ensure gives the organization a key for each of the algorithms that it has none for, and publishes it. Called
// when a client was registered for an algorithm, so that relying parties know the key before it signs; algorithms
// that are no asymmetric signature's are left out, as are those that every organization has keys for. A failure
// costs nothing but that lead: whoever signs first makes the key.
func (k *Keys) Ensure(ctx context.Context, orgID uuid.UUID, algorithms ...jose.Algorithm) error {
	for _, algorithm := range algorithms {
		if !algorithm.Known() || slices.Contains(always(), algorithm) {
			continue
		}
		if _, err := k.with(ctx, orgID, algorithm); err != nil {
			return err
		}
	}
	return nil
}

// of returns the organization's keys, with those that every organization has.
func (k *Keys) of(ctx context.Context, orgID uuid.UUID) (*organizationKeys, error) {
	return k.cache.Get(ctx, orgID.String(), func(ctx context.Context) (*organizationKeys, error) {
		return k.complete(ctx, orgID, always()...)
	})
}

// with returns the organization's keys, one for each of the algorithms among them.
func (k *Keys) with(ctx context.Context, orgID uuid.UUID, algorithms ...jose.Algorithm) (*organizationKeys, error) {
	keys, err := k.of(ctx, orgID)
	if err != nil || keys.hasAll(algorithms) {
		return keys, err
	}
	made, err := k.complete(ctx, orgID, algorithms...)
	if err != nil {
		return nil, err
	}
	k.cache.Forget(orgID.String())
	if keys, err = k.of(ctx, orgID); err == nil && keys.hasAll(algorithms) { // for those who come next
		return keys, nil
	}
	return made, nil
}

// complete reads the organization's keys and gives it those that it lacks for the algorithms.
func (k *Keys) complete(ctx context.Context, orgID uuid.UUID, algorithms ...jose.Algorithm) (*organizationKeys, error) {
	for assigned := false; ; assigned = true {
		keys, err := k.load(ctx, orgID)
		if err != nil {
			return nil, err
		}
		missing := slices.DeleteFunc(slices.Clone(algorithms), keys.has)
		if len(missing) == 0 {
			return keys, nil
		}
		if assigned {
			return nil, fmt.Errorf("key: organization %s lacks keys for %v", orgID, missing)
		}
		for _, algorithm := range missing {
			if err := k.assign(ctx, orgID, algorithm); err != nil {
				return nil, err
			}
		}
	}
}

func (k *Keys) load(ctx context.Context, orgID uuid.UUID) (*organizationKeys, error) {
	rows, err := dbq.New(k.db).SigningKeys(ctx, orgID)
	if err != nil {
		return nil, err
	}
	keys := &organizationKeys{active: map[jose.Algorithm]*sealedSigner{}, loadedAt: k.now()}
	var public []jose.PublicKey
	var encrypting []jose.EncryptionKey
	for _, row := range rows {
		if algorithm := jose.KeyManagement(row.Algorithm); algorithm.Encrypts() {
			known := &sealedDecryptionKey{keyID: row.KeyID, algorithm: algorithm, active: State(row.State) == Active}
			keys.decrypting = append(keys.decrypting, known)
			if !known.active {
				continue
			}
			published, err := jose.ParseEncryptionKey(row.PublicKey)
			if err != nil {
				return nil, fmt.Errorf("encryption key %s of organization %s: %w", row.KeyID, orgID, err)
			}
			encrypting = append(encrypting, published)
			continue
		}
		published, err := jose.ParsePublicKey(row.PublicKey)
		if err != nil {
			return nil, fmt.Errorf("signing key %s of organization %s: %w", row.KeyID, orgID, err)
		}
		public = append(public, published)
		if State(row.State) == Active {
			signer := &sealedSigner{keyID: row.KeyID, sealedBy: row.SealedBy, private: row.PrivateKey}
			if jose.Algorithm(row.Algorithm).RSA() {
				signer.private = nil // RSA: seven times as large, and few clients ask for it
			}
			keys.active[jose.Algorithm(row.Algorithm)] = signer
		}
	}
	keys.published = jose.NewKeySet(public...)
	keys.document, err = json.Marshal(keys.published.With(encrypting...))
	return keys, err
}

// assign gives the organization its first key for the algorithm. Of replicas that race, the unique
// index lets one win; the others' keys are dropped.
func (k *Keys) assign(ctx context.Context, orgID uuid.UUID, algorithm jose.Algorithm) error {
	made, err := k.obtain(ctx, algorithm)
	if err != nil {
		return err
	}
	now := k.now()
	return k.insert(ctx, k.db, orgID, made, Active, &now)
}

func (k *Keys) insert(ctx context.Context, db store.DB, orgID uuid.UUID, made dbq.SigningKeyPool, state State, activatedAt *time.Time) error {
	_, err := dbq.New(db).InsertSigningKey(ctx, dbq.InsertSigningKeyParams{
		OrgID: orgID, ID: made.ID, KeyID: made.KeyID, Algorithm: made.Algorithm, State: string(state), PublicKey: made.PublicKey,
		PrivateKey: made.PrivateKey, SealedBy: made.SealedBy, CreatedAt: k.now(), ActivatedAt: activatedAt,
	})
	return err
}
