package client_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/seal"
	"github.com/clavex/clavex/backend/internal/store"
)

func TestASecretThatSignsIsSealedAndMovesToANewKeyEncryptionKey(t *testing.T) {
	t.Parallel()
	db := store.FromPool(dbtest.New(t))
	old, fresh := seal.GenerateKey(rand.Reader), seal.GenerateKey(rand.Reader)
	before := domaintest.NewOn(t, db, old)
	acme := before.Organization("acme")
	made, plain := register(t, before, acme, client.Client{ClientID: "signs", IDTokenSignedResponseAlg: client.HS256})
	if key, err := before.Clients.SymmetricSecret(made); err != nil || string(key) != plain || !made.SecretMatches(plain) {
		t.Fatalf("%q, %v", key, err)
	}
	during := domaintest.NewOn(t, db, fresh, old)
	if changed, err := during.Clients.Reseal(t.Context()); err != nil || changed != 1 {
		t.Fatalf("%d resealed, %v", changed, err)
	}
	after := domaintest.NewOn(t, db, fresh)
	found, err := after.Clients.ByClientID(t.Context(), acme.ID, "signs")
	if err != nil {
		t.Fatal(err)
	}
	if key, err := after.Clients.SymmetricSecret(found); err != nil || string(key) != plain {
		t.Fatalf("%q, %v", key, err)
	}
	elsewhere := *found
	elsewhere.ClientID = "other"
	if _, err := after.Clients.SymmetricSecret(&elsewhere); err == nil {
		t.Error("a sealed secret opens for another client")
	}
}

func TestASecretIsReadableOnlyWhileAnAlgorithmNeedsIt(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme := w.Organization("acme")
	made, first := register(t, w, acme, client.Client{ClientID: "changes"})
	if _, err := w.Clients.SymmetricSecret(made); err == nil {
		t.Fatal("the secret of a client without symmetric algorithm is kept")
	}
	symmetric := *made
	symmetric.Metadata.UserinfoSignedResponseAlg = client.HS256
	changed, second := update(t, w, symmetric)
	if key, err := w.Clients.SymmetricSecret(changed); err != nil || second == "" || string(key) != second || changed.SecretMatches(first) {
		t.Fatalf("a client that needs its secret readable gets a new one: %q, %v", second, err)
	}
	renamed := *changed
	renamed.Name = "Renamed"
	changed, third := update(t, w, renamed)
	if key, err := w.Clients.SymmetricSecret(changed); err != nil || third != "" || string(key) != second {
		t.Fatalf("%q %q, %v", key, third, err)
	}
	back := *changed
	back.Metadata.UserinfoSignedResponseAlg = ""
	if changed, _ = update(t, w, back); changed.SealedSecret != nil || !changed.SecretMatches(second) {
		t.Error("a secret that no algorithm needs is still kept")
	}
}

func register(t *testing.T, w *domaintest.World, organization *org.Organization, wanted client.Client) (made *client.Client, secret string) {
	t.Helper()
	wanted.OrgID, wanted.Origin, wanted.AuthenticationMethod = organization.ID, client.Administrator, client.ClientSecretBasic
	wanted.RedirectURIs = []string{"https://app.example.test/callback"}
	w.InTx(func(ctx context.Context, tx *store.Tx) (err error) {
		made, secret, err = w.Clients.Create(ctx, tx, domaintest.Operator, wanted, "")
		return err
	})
	return made, secret
}

func update(t *testing.T, w *domaintest.World, changed client.Client) (after *client.Client, secret string) {
	t.Helper()
	w.InTx(func(ctx context.Context, tx *store.Tx) (err error) {
		after, secret, err = w.Clients.Update(ctx, tx, domaintest.Operator, changed)
		return err
	})
	return after, secret
}

func TestASecretComesAndGoesWithTheMethod(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme := w.Organization("acme")
	made, _ := register(t, w, acme, client.Client{ClientID: "changes"})
	signer, err := jose.GenerateSigner(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(jose.NewKeySet(signer.Public()))
	if err != nil {
		t.Fatal(err)
	}
	own := *made
	own.AuthenticationMethod, own.Metadata.JWKS = client.PrivateKeyJWT, set
	changed, plain := update(t, w, own)
	if plain != "" || changed.SecretHash != nil || changed.SealedSecret != nil || changed.Public() {
		t.Fatalf("private_key_jwt has a secret, or is public: %q", plain)
	}
	err = w.DB.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		_, _, err := w.Clients.RotateSecret(ctx, tx, domaintest.Operator, acme.ID, changed.ID, changed.Version)
		return err
	})
	if !errors.Is(err, client.ErrPublic) {
		t.Errorf("a secret that does not exist was rotated: %v", err)
	}
	shared := *changed
	shared.AuthenticationMethod = client.ClientSecretJWT
	changed, plain = update(t, w, shared)
	if key, err := w.Clients.SymmetricSecret(changed); err != nil || plain == "" || string(key) != plain {
		t.Errorf("client_secret_jwt needs its secret readable: %q, %v", plain, err)
	}
}
