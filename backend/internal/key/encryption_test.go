package key_test

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/key"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/seal"
	"github.com/clavex/clavex/backend/internal/store"
)

// encrypt does what a client does: it takes the key set and encrypts to what it finds there.
func encrypt(t *testing.T, w *domaintest.World, organization *org.Organization, algorithm jose.KeyManagement) (token, keyID string) {
	t.Helper()
	document, err := w.Keys.Document(t.Context(), organization.ID)
	if err != nil {
		t.Fatal(err)
	}
	set, err := jose.ParseKeySet(document)
	if err != nil {
		t.Fatal(err)
	}
	recipient, err := set.ForEncryption(algorithm)
	if err != nil {
		t.Fatalf("%s: %v", algorithm, err)
	}
	token, err = recipient.Encrypt([]byte("content"), "JWT", algorithm, jose.A128GCM)
	if err != nil {
		t.Fatal(err)
	}
	return token, recipient.KeyID
}

func decrypt(w *domaintest.World, organization *org.Organization, token string) error {
	opened, err := w.Keys.Decrypt(w.T.Context(), organization.ID, token, jose.KeyManagements(), jose.Encryptions())
	if err == nil && string(opened.Payload) != "content" {
		return errors.New("another content")
	}
	return err
}

func TestKeysForEncryptionArePublishedAndDecrypt(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme, rival := w.Organization("acme"), w.Organization("rival")
	sign(t, w, w.Keys, "acme")
	if list, err := w.Keys.List(t.Context(), acme.ID); err != nil || len(list) != 2 {
		t.Fatalf("whoever only signs needs no keys for encryption: %d, %v", len(list), err)
	}
	if err := w.Keys.FillPool(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	for _, algorithm := range jose.KeyManagements() {
		token, _ := encrypt(t, w, acme, algorithm)
		if err := decrypt(w, acme, token); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
		encrypt(t, w, rival, algorithm) // has keys as well
		if err := decrypt(w, rival, token); !errors.Is(err, jose.ErrInvalid) {
			t.Errorf("%s: another organization opens it: %v", algorithm, err)
		}
	}
	list, err := w.Keys.List(t.Context(), acme.ID)
	if err != nil || len(list) != 4 {
		t.Fatalf("%d keys, %v", len(list), err)
	}
	for _, k := range list {
		if want := map[bool]string{true: "enc", false: "sig"}[k.Algorithm.Encrypts()]; k.Use != want || k.State != key.Active {
			t.Errorf("%+v", k)
		}
	}
	if err := w.Keys.OpenActive(t.Context(), acme.ID); err != nil {
		t.Error(err)
	}
	var pooled, readable int
	if err := w.DB.QueryRow(t.Context(), "SELECT count(*) FROM signing_key_pool").Scan(&pooled); err != nil || pooled != 0 {
		t.Errorf("%d keys are left in the pool, %v", pooled, err)
	}
	if err := w.DB.QueryRow(t.Context(), "SELECT count(*) FROM signing_keys WHERE position('\\x2a8648ce3d'::bytea in private_key) > 0 OR position('\\x2a864886f70d01'::bytea in private_key) > 0").Scan(&readable); err != nil || readable != 0 {
		t.Errorf("%d plain keys, %v", readable, err)
	}
}

// TestAFormerKeyStillDecrypts: OpenID Connect Core 1.0 §10.2.1.
func TestAFormerKeyStillDecrypts(t *testing.T) {
	t.Parallel()
	db := store.FromPool(dbtest.New(t))
	kek := seal.GenerateKey(rand.Reader)
	w := domaintest.NewOn(t, db, kek)
	acme := w.Organization("acme")
	for _, algorithm := range []jose.KeyManagement{jose.RSAOAEP256, jose.ECDHES} {
		before, former := encrypt(t, w, acme, algorithm)
		if outcome, err := w.Keys.Rotate(t.Context(), domaintest.Operator, acme.ID, algorithm, false); err != nil || outcome != key.Rotated {
			t.Fatal(outcome, err)
		}
		after, present := encrypt(t, w, acme, algorithm)
		if present == former {
			t.Fatalf("%s: the former key is still published", algorithm)
		}
		for _, token := range []string{before, after} {
			if err := decrypt(w, acme, token); err != nil {
				t.Errorf("%s: %v", algorithm, err)
			}
		}
		w.Clock.Advance(key.RetiredRetention + time.Minute)
		if _, err := w.Keys.DeleteExpired(t.Context(), 100); err != nil {
			t.Fatal(err)
		}
		fresh := domaintest.NewOn(t, db, kek) // remembers nothing
		if err := decrypt(fresh, acme, before); !errors.Is(err, jose.ErrKeyUnknown) {
			t.Errorf("%s: a key that is gone: %v", algorithm, err)
		}
		if err := decrypt(fresh, acme, after); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
	w.Clock.Advance(key.RotationPeriod)
	old, former := encrypt(t, w, acme, jose.ECDHES)
	if _, err := w.Keys.RotateDue(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
	if _, present := encrypt(t, w, acme, jose.ECDHES); present == former {
		t.Error("keys for encryption do not rotate by themselves")
	}
	if err := decrypt(w, acme, old); err != nil {
		t.Error(err)
	}
}

// TestAKeySignsOrDecrypts: RFC 8725 §3.1, §3.11.
func TestAKeySignsOrDecrypts(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme := w.Organization("acme")
	encrypt(t, w, acme, jose.RSAOAEP256)
	for _, algorithm := range jose.KeyManagements() {
		if _, err := w.Keys.Signer(t.Context(), acme.ID, algorithm); err == nil {
			t.Errorf("a signer for %s", algorithm)
		}
	}
	signer, err := w.Keys.Signer(t.Context(), acme.ID, jose.RS256)
	if err != nil {
		t.Fatal(err)
	}
	public, err := jose.NewEncryptionKey(jose.RSAOAEP256, signer.Public().Raw())
	if err != nil {
		t.Fatal(err)
	}
	token, err := public.Encrypt([]byte("content"), "JWT", jose.RSAOAEP256, jose.A128GCM)
	if err != nil {
		t.Fatal(err)
	}
	if err := decrypt(w, acme, token); !errors.Is(err, jose.ErrKeyUnknown) {
		t.Errorf("a signing key decrypts: %v", err)
	}
	list, err := w.Keys.List(t.Context(), acme.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range list {
		if k.Use != "enc" {
			continue
		}
		for _, algorithm := range jose.Algorithms() {
			if _, err := w.Keys.Lookup(t.Context(), acme.ID)(k.KeyID, algorithm); !errors.Is(err, jose.ErrKeyUnknown) {
				t.Errorf("a key for encryption verifies %s: %v", algorithm, err)
			}
		}
		if _, err := w.DB.Exec(t.Context(), "UPDATE signing_keys SET algorithm = 'RS512' WHERE key_id = $1", k.KeyID); err == nil {
			t.Error("the database lets a key for encryption become one that signs")
		}
	}
}

func TestReplicasAgreeOnKeysForEncryption(t *testing.T) {
	t.Parallel()
	db := store.FromPool(dbtest.New(t))
	kek := seal.GenerateKey(rand.Reader)
	acme := domaintest.NewOn(t, db, kek).Organization("acme")
	replicas := make([]*domaintest.World, 3)
	var all sync.WaitGroup
	for i := range replicas {
		replicas[i] = domaintest.NewOn(t, db, kek)
		if _, err := replicas[i].Keys.Signer(t.Context(), acme.ID, jose.ES256); err != nil { // knows the others already
			t.Fatal(err)
		}
		all.Go(func() {
			if _, err := replicas[i].Keys.Document(context.Background(), acme.ID); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	token, _ := encrypt(t, replicas[0], acme, jose.ECDHES)
	stranger := domaintest.NewOn(t, db, kek)
	for _, replica := range append(replicas[1:], stranger) {
		if err := decrypt(replica, acme, token); err != nil {
			t.Error(err)
		}
	}
	if _, err := replicas[0].Keys.Rotate(t.Context(), domaintest.Operator, acme.ID, jose.ECDHES, true); err != nil {
		t.Fatal(err)
	}
	token, _ = encrypt(t, replicas[0], acme, jose.ECDHES)
	stranger.Clock.Advance(10 * time.Second) // no listener connects them: looked up again at most every few seconds
	if err := decrypt(stranger, acme, token); err != nil {
		t.Errorf("another replica's new key is not found: %v", err)
	}
}
