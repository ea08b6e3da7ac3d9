package key

import (
	"context"
	"encoding/json"

	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// obtain takes a key from the pool, or makes one when the pool is empty or the kind is cheap to make: P-256 takes
// microseconds, RSA a tenth of a second.
func (k *Keys) obtain(ctx context.Context, algorithm jose.Algorithm) (dbq.SigningKeyPool, error) {
	if algorithm.RSA() {
		taken, err := dbq.New(k.db).TakePooledSigningKey(ctx, string(pooled))
		if !store.IsNotFound(err) {
			if err == nil {
				err = dedicate(&taken, algorithm)
			}
			return taken, err
		}
	}
	return k.make(algorithm)
}

// dedicate makes a key of the pool one for the algorithm. Its id, the thumbprint, does not tell the algorithm.
func dedicate(taken *dbq.SigningKeyPool, algorithm jose.Algorithm) error {
	if taken.Algorithm == string(algorithm) {
		return nil
	}
	pooled, err := jose.ParsePublicKey(taken.PublicKey)
	if err != nil {
		return err
	}
	var public json.Marshaler
	if algorithm.Encrypts() {
		public, err = jose.NewEncryptionKey(algorithm, pooled.Raw())
	} else {
		public, err = jose.NewPublicKey(algorithm, pooled.Raw())
	}
	if err != nil {
		return err
	}
	taken.Algorithm = string(algorithm)
	taken.PublicKey, err = json.Marshal(public)
	return err
}

func (k *Keys) make(algorithm jose.Algorithm) (dbq.SigningKeyPool, error) {
	if algorithm.Encrypts() {
		key, err := jose.GenerateDecryptionKey(algorithm)
		if err != nil {
			return dbq.SigningKeyPool{}, err
		}
		return k.seal(algorithm, key.KeyID(), key.Public(), key)
	}
	signer, err := jose.GenerateSigner(algorithm)
	if err != nil {
		return dbq.SigningKeyPool{}, err
	}
	return k.seal(algorithm, signer.KeyID(), signer.Public(), signer)
}

// seal makes the row of a key that was just generated.
func (k *Keys) seal(algorithm jose.Algorithm, keyID string, public json.Marshaler, exports interface{ PKCS8() ([]byte, error) }) (dbq.SigningKeyPool, error) {
	published, err := json.Marshal(public)
	if err != nil {
		return dbq.SigningKeyPool{}, err
	}
	private, err := exports.PKCS8()
	if err != nil {
		return dbq.SigningKeyPool{}, err
	}
	sealedBy, sealed := k.ring.Seal(private, []byte(keyID))
	return dbq.SigningKeyPool{ID: store.NewID(), KeyID: keyID, Algorithm: string(algorithm), PublicKey: published,
		PrivateKey: sealed, SealedBy: sealedBy, CreatedAt: k.now()}, nil
}

// pooled is the algorithm under which RSA keys stand in the pool, whatever they will be taken for.
const pooled = jose.RS256
