package client

import (
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fetch"
	"github.com/clavex/clavex/backend/internal/jose"
)

// The faults of clients' key sets; those of fetching one are package fetch's.
var (
	ErrNoKeySet        = fault.New(fault.Invalid, "client_keys_missing", "The client has registered neither jwks nor jwks_uri.")
	ErrKeySet          = fault.New(fault.Invalid, "client_keys_invalid", "The client's key set cannot be used.")
	ErrNoEncryptionKey = fault.New(fault.Invalid, "client_encryption_key_missing", "The client's key set has no key for the encryption that it registered.")
)

const (
	keySetMemory = 32 << 20 // of fetched sets, bytes
	keySetBytes  = 64 << 10 // of one, the most that package jose reads

	inlineKeySets = 1000 // registered sets, each of at most 32 KiB, that are kept parsed
)

// KeySets finds the public keys of clients: in their metadata, or at their jwks_uri, from where they are kept for as
// long as the client's server says, within bounds. A key that is not found is looked for in a set fetched anew, so
// that a client may rotate its keys without telling us (OpenID Connect Core 1.0 §10.1.1); how often is limited,
// because everybody can name a key that does not exist. It is safe for concurrent use.
type KeySets struct {
	documents *fetch.Documents[jose.KeySet]
	inline    *otter.Cache[[sha256.Size]byte, jose.KeySet] // registered jwks by their content: strangers make us look at them
}

// NewKeySets makes the directory of clients' keys.
func NewKeySets(client *fetch.Client, now func() time.Time) *KeySets {
	inline := otter.Must(&otter.Options[[sha256.Size]byte, jose.KeySet]{MaximumSize: inlineKeySets})
	return &KeySets{inline: inline, documents: fetch.NewDocuments(client, now, keySetMemory, fetch.Policy[jose.KeySet]{
		Request:  fetch.Request{ContentTypes: []string{"application/json", "application/jwk-set+json"}, MaximumBytes: keySetBytes},
		Parse:    func(response *fetch.Response) (jose.KeySet, error) { return parseKeySet(response.Body) },
		Lifetime: 5 * time.Minute, Shortest: time.Minute, Longest: time.Hour, StaleIfError: time.Hour,
		FirstRetry: 5 * time.Second, LastRetry: time.Minute, Refreshes: 4, RefreshEvery: 15 * time.Second,
	})}
}

// Verify runs verify with the keys of the client's registered jwks or, without one, jwks_uri. When the error says
// that the key is not known or the signature is wrong, it runs it once more with a set fetched anew, if there is one.
// verify therefore must change nothing, and let jose.ErrKeyUnknown and jose.ErrSignature through. An error of this
// method itself is a fault: the set is missing, malformed or out of reach.
func (k *KeySets) Verify(ctx context.Context, jwks json.RawMessage, jwksURI string, verify func(jose.Lookup) error) error {
	set, err := k.get(ctx, jwks, jwksURI)
	if err != nil {
		return err
	}
	failure := verify(set.Lookup)
	if len(jwks) > 0 || !errors.Is(failure, jose.ErrKeyUnknown) && !errors.Is(failure, jose.ErrSignature) {
		return failure
	}
	if newer, changed, err := k.documents.Refresh(ctx, jwksURI); err == nil && changed {
		return verify(newer.Lookup)
	}
	return failure
}

// EncryptionKey finds the key to encrypt to by the algorithm (OpenID Connect Core 1.0 §10.2): one whose "use" is
// "enc" before one that says nothing of its use. The error is a fault.
func (k *KeySets) EncryptionKey(ctx context.Context, jwks json.RawMessage, jwksURI string, algorithm jose.KeyManagement) (jose.EncryptionKey, error) {
	set, err := k.get(ctx, jwks, jwksURI)
	if err != nil {
		return jose.EncryptionKey{}, err
	}
	found, err := set.ForEncryption(algorithm)
	if err == nil {
		return found, nil
	}
	if len(jwks) == 0 {
		if newer, changed, err := k.documents.Refresh(ctx, jwksURI); err == nil && changed {
			if found, err := newer.ForEncryption(algorithm); err == nil {
				return found, nil
			}
		}
	}
	return jose.EncryptionKey{}, ErrNoEncryptionKey.WithMessage("The client's key set has no key for %s.", algorithm)
}

// Holds reports whether the public key of a certificate is among the client's keys, in a set fetched anew if need be.
// The error is a fault.
func (k *KeySets) Holds(ctx context.Context, jwks json.RawMessage, jwksURI string, key crypto.PublicKey) (bool, error) {
	thumbprint, err := jose.KeyThumbprint(key)
	if err != nil {
		return false, nil //nolint:nilerr // a key of a kind that no set contains
	}
	set, err := k.get(ctx, jwks, jwksURI)
	if err != nil || set.HasKey(thumbprint) || len(jwks) > 0 {
		return err == nil && set.HasKey(thumbprint), err
	}
	newer, changed, err := k.documents.Refresh(ctx, jwksURI)
	return err == nil && changed && newer.HasKey(thumbprint), nil
}

func (k *KeySets) get(ctx context.Context, jwks json.RawMessage, jwksURI string) (jose.KeySet, error) {
	switch {
	case len(jwks) > 0:
		return k.parsed(jwks)
	case jwksURI == "":
		return jose.KeySet{}, ErrNoKeySet
	}
	return k.documents.Get(ctx, jwksURI)
}

// parsed reads a registered set once, for all clients that have it. What is wrong with one was said when it was
// registered, so failures are not kept.
func (k *KeySets) parsed(jwks json.RawMessage) (jose.KeySet, error) {
	digest := sha256.Sum256(jwks)
	if known, ok := k.inline.GetIfPresent(digest); ok {
		return known, nil
	}
	set, err := parseKeySet(jwks)
	if err == nil {
		k.inline.Set(digest, set)
	}
	return set, err
}

// parseKeySet reads a set; the fault says what is wrong with it.
func parseKeySet(data []byte) (jose.KeySet, error) {
	set, err := jose.ParseKeySet(data)
	switch {
	case errors.Is(err, jose.ErrPrivateKey):
		return jose.KeySet{}, ErrKeySet.WithMessage("The key set contains a private or symmetric key. Replace that key: it is not secret any more.")
	case err != nil:
		return jose.KeySet{}, ErrKeySet.WithMessage("The key set cannot be used: %s.", strings.ReplaceAll(err.Error(), "jose: ", ""))
	case set.Len() == 0 && len(set.EncryptionKeys()) == 0:
		return jose.KeySet{}, ErrKeySet.WithMessage("The key set contains no key of a type, use and algorithm that is known here.")
	}
	return set, nil
}
