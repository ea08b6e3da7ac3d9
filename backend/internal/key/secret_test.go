package key_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/seal"
	"github.com/clavex/clavex/backend/internal/store"
)

func secret(t *testing.T, w *domaintest.World, slug, purpose string) []byte {
	t.Helper()
	organization, err := w.Organizations.BySlug(t.Context(), slug)
	if err != nil {
		t.Fatal(err)
	}
	found, err := w.Keys.Secret(t.Context(), organization.ID, purpose)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestReplicasThatRaceAgreeOnOneSecret(t *testing.T) {
	t.Parallel()
	db := store.FromPool(dbtest.New(t))
	kek := seal.GenerateKey(rand.Reader)
	acme := domaintest.NewOn(t, db, kek).Organization("acme")
	secrets := make([][]byte, 6)
	var all sync.WaitGroup
	for i := range secrets {
		replica := domaintest.NewOn(t, db, kek)
		all.Go(func() {
			var err error
			if secrets[i], err = replica.Keys.Secret(context.Background(), acme.ID, "pairwise"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, found := range secrets {
		if len(found) != 32 || !bytes.Equal(found, secrets[0]) {
			t.Fatalf("replicas have different secrets: %x and %x", found, secrets[0])
		}
	}
}

func TestASecretBelongsToOneOrganizationAndOnePurpose(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme := w.Organization("acme")
	w.Organization("rival")
	own := secret(t, w, "acme", "pairwise")
	if bytes.Equal(own, secret(t, w, "rival", "pairwise")) || bytes.Equal(own, secret(t, w, "acme", "session_state")) {
		t.Fatal("the same secret twice")
	}
	fresh := domaintest.NewOn(t, w.DB, seal.GenerateKey(rand.Reader))
	if _, err := fresh.Keys.Secret(t.Context(), acme.ID, "pairwise"); err == nil || !strings.Contains(err.Error(), "not configured") {
		t.Fatalf("another key-encryption key: %v", err)
	}
	if _, err := w.Keys.Secret(t.Context(), uuid.New(), "pairwise"); err == nil {
		t.Fatal("an organization that does not exist has a secret")
	}
}

func TestACopiedSecretDoesNotOpen(t *testing.T) {
	t.Parallel()
	db := store.FromPool(dbtest.New(t))
	kek := seal.GenerateKey(rand.Reader)
	w := domaintest.NewOn(t, db, kek)
	acme, rival := w.Organization("acme"), w.Organization("rival")
	secret(t, w, "acme", "pairwise")
	if _, err := db.Exec(t.Context(), `INSERT INTO organization_secrets (org_id, name, sealed, sealed_by)
		SELECT $1, name, sealed, sealed_by FROM organization_secrets WHERE org_id = $2 UNION ALL
		SELECT org_id, 'other', sealed, sealed_by FROM organization_secrets WHERE org_id = $2`, rival.ID, acme.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Keys.Secret(t.Context(), rival.ID, "pairwise"); err == nil {
		t.Error("another organization's secret opens")
	}
	if _, err := w.Keys.Secret(t.Context(), acme.ID, "other"); err == nil {
		t.Error("the secret of another purpose opens")
	}
}

func TestASecretOutlivesTheKeyEncryptionKeyAndEndsWithTheOrganization(t *testing.T) {
	t.Parallel()
	db := store.FromPool(dbtest.New(t))
	old, fresh := seal.GenerateKey(rand.Reader), seal.GenerateKey(rand.Reader)
	before := domaintest.NewOn(t, db, old)
	acme := before.Organization("acme")
	own := secret(t, before, "acme", "pairwise")
	during := domaintest.NewOn(t, db, fresh, old)
	if changed, err := during.Keys.Reseal(t.Context()); err != nil || changed != 1 {
		t.Fatalf("%d resealed, %v", changed, err)
	}
	if !bytes.Equal(own, secret(t, domaintest.NewOn(t, db, fresh), "acme", "pairwise")) {
		t.Fatal("the secret changed with the key-encryption key")
	}
	if _, err := db.Exec(t.Context(), `DELETE FROM organizations WHERE id = $1`, acme.ID); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := db.QueryRow(t.Context(), `SELECT count(*) FROM organization_secrets`).Scan(&left); err != nil || left != 0 {
		t.Fatalf("%d secrets of a deleted organization, %v", left, err)
	}
}
