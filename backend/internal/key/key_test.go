package key_test

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/key"
	"github.com/clavex/clavex/backend/internal/seal"
	"github.com/clavex/clavex/backend/internal/store"
)

func sign(t *testing.T, w *domaintest.World, keys *key.Keys, slug string) string {
	t.Helper()
	organization, err := w.Organizations.BySlug(t.Context(), slug)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := keys.Signer(t.Context(), organization.ID, jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signer.Sign(t.Context(), "JWT", map[string]any{"iss": slug, "aud": "x", "exp": w.Clock.Now().Add(time.Hour).Unix()})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func verify(w *domaintest.World, keys *key.Keys, slug, token string) error {
	organization, err := w.Organizations.BySlug(w.T.Context(), slug)
	if err != nil {
		return err
	}
	_, err = jose.Verify(token, keys.Lookup(w.T.Context(), organization.ID), jose.Expected{Types: []string{"JWT"}, Algorithms: jose.Algorithms(), Issuer: slug,
		AnyAudience: true, Now: w.Clock.Now(), AcceptExpired: true})
	return err
}

func TestRotationNeverFailsAVerification(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme := w.Organization("acme")
	rotate := func(immediately bool, want key.Outcome) {
		t.Helper()
		if got, err := w.Keys.Rotate(t.Context(), domaintest.Operator, acme.ID, jose.ES256, immediately); err != nil || got != want {
			t.Fatalf("got %s, %v, want %s", got, err, want)
		}
	}
	tokens := []string{sign(t, w, w.Keys, "acme")}
	check := func() {
		t.Helper()
		for i, token := range tokens {
			if err := verify(w, w.Keys, "acme", token); err != nil {
				t.Fatalf("token %d: %v", i, err)
			}
		}
	}
	check()
	rotate(false, key.Published)
	if sign(t, w, w.Keys, "acme")[:40] != tokens[0][:40] {
		t.Fatal("a key signs before it was published for long enough")
	}
	rotate(false, key.Waiting)
	check()
	w.Clock.Advance(key.PublishLead)
	rotate(false, key.Rotated)
	tokens = append(tokens, sign(t, w, w.Keys, "acme"))
	if tokens[0][:60] == tokens[1][:60] {
		t.Fatal("the same key signs after a rotation")
	}
	check()
	rotate(true, key.Rotated)
	tokens = append(tokens, sign(t, w, w.Keys, "acme"))
	check()
	if list, err := w.Keys.List(t.Context(), acme.ID); err != nil || len(list) != 4 { // three ES256 and one RS256
		t.Fatalf("%d keys, %v", len(list), err)
	}
	w.Clock.Advance(key.RetiredRetention + time.Minute)
	if deleted, err := w.Keys.DeleteExpired(t.Context(), 100); err != nil || deleted != 2 {
		t.Fatalf("deleted %d, %v", deleted, err)
	}
}

// TestEveryAlgorithmHasItsOwnKeyOnceItIsNeeded: OpenID Connect Core 1.0 §10.1, RFC 8725 §3.1.
func TestEveryAlgorithmHasItsOwnKeyOnceItIsNeeded(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme := w.Organization("acme")
	if err := w.Keys.FillPool(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	published := func(want int) jose.KeySet {
		t.Helper()
		document, err := w.Keys.Document(t.Context(), acme.ID)
		if err != nil {
			t.Fatal(err)
		}
		set, err := jose.ParseKeySet(document)
		if err != nil || set.Len() != want {
			t.Fatalf("%d keys are published, %v; want %d", set.Len(), err, want)
		}
		return set
	}
	published(2)
	// What is no asymmetric signature needs no key, and gets none.
	if err := w.Keys.Ensure(t.Context(), acme.ID, jose.ES384, "HS256", "none", "", "RSA-OAEP-256", jose.ES256); err != nil {
		t.Fatal(err)
	}
	published(3)
	for _, unknown := range []jose.Algorithm{"none", "HS256", "ES256K", ""} {
		if _, err := w.Keys.Signer(t.Context(), acme.ID, unknown); err == nil {
			t.Errorf("a signer for %q", unknown)
		}
	}
	for _, algorithm := range jose.Algorithms() {
		signer, err := w.Keys.Signer(t.Context(), acme.ID, algorithm)
		if err != nil || signer.Algorithm() != algorithm {
			t.Fatalf("%s: %v", algorithm, err)
		}
		token, err := signer.Sign(t.Context(), "JWT", map[string]any{"iss": "acme", "aud": "x", "exp": w.Clock.Now().Add(time.Hour).Unix()})
		if err != nil {
			t.Fatal(err)
		}
		if err := verify(w, w.Keys, "acme", token); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
	ids := map[string]bool{}
	for _, public := range published(len(jose.Algorithms())).Keys() {
		if public.Algorithm == "" || ids[public.KeyID] {
			t.Errorf("%s is published for %q", public.KeyID, public.Algorithm)
		}
		ids[public.KeyID] = true
	}
	var left int
	if err := w.DB.QueryRow(t.Context(), "SELECT count(*) FROM signing_key_pool").Scan(&left); err != nil || left != 0 {
		t.Fatalf("%d keys are left in the pool, %v: RSA keys serve every algorithm of RSA", left, err)
	}
}

func TestReplicasAgreeOnAKeyMadeOnDemandAndFindIt(t *testing.T) {
	t.Parallel()
	db := store.FromPool(dbtest.New(t))
	kek := seal.GenerateKey(rand.Reader)
	acme := domaintest.NewOn(t, db, kek).Organization("acme")
	replicasAgree(t, 4, acme.ID, jose.EdDSA, func() *domaintest.World {
		replica := domaintest.NewOn(t, db, kek)
		if _, err := replica.Keys.Document(t.Context(), acme.ID); err != nil { // knows the others already
			t.Fatal(err)
		}
		return replica
	})
}

// replicasAgree has several replicas ask for an organization's key at once: they sign with one.
func replicasAgree(t *testing.T, count int, orgID uuid.UUID, algorithm jose.Algorithm, replica func() *domaintest.World) {
	t.Helper()
	ids := make([]string, count)
	var all sync.WaitGroup
	for i := range ids {
		asked := replica()
		all.Go(func() {
			signer, err := asked.Keys.Signer(context.Background(), orgID, algorithm)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = signer.KeyID()
		})
	}
	all.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("replicas sign with different keys: %v", ids)
		}
	}
}

func TestAlgorithmsRotateOnTheirOwn(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme := w.Organization("acme")
	if _, err := w.Keys.Rotate(t.Context(), domaintest.Operator, acme.ID, jose.PS256, false); !errors.Is(err, key.ErrNoKey) {
		t.Fatalf("a key that nobody needed is rotated: %v", err)
	}
	if list, err := w.Keys.List(t.Context(), acme.ID); err != nil || len(list) != 0 {
		t.Fatalf("%d keys, %v", len(list), err)
	}
	before := map[jose.Algorithm]string{}
	for _, algorithm := range []jose.Algorithm{jose.RS256, jose.PS256, jose.ES512} {
		signer, err := w.Keys.Signer(t.Context(), acme.ID, algorithm)
		if err != nil {
			t.Fatal(err)
		}
		before[algorithm] = signer.KeyID()
	}
	if outcome, err := w.Keys.Rotate(t.Context(), domaintest.Operator, acme.ID, jose.PS256, true); err != nil || outcome != key.Rotated {
		t.Fatal(outcome, err)
	}
	for algorithm, id := range before {
		signer, err := w.Keys.Signer(t.Context(), acme.ID, algorithm)
		if err != nil || (signer.KeyID() == id) == (algorithm == jose.PS256) {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
	if got, err := w.Keys.Algorithms(t.Context(), acme.ID); err != nil || !slices.Equal(got, []jose.Algorithm{jose.RS256, jose.ES256, jose.PS256, jose.ES512}) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestKeysOfAnotherOrganizationVerifyNothing(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	w.Organization("acme")
	w.Organization("rival")
	if err := verify(w, w.Keys, "rival", sign(t, w, w.Keys, "acme")); !errors.Is(err, jose.ErrKeyUnknown) {
		t.Fatalf("%v", err)
	}
}

func TestReplicasThatRaceAgreeOnOneKey(t *testing.T) {
	t.Parallel()
	db := store.FromPool(dbtest.New(t))
	kek := seal.GenerateKey(rand.Reader)
	first := domaintest.NewOn(t, db, kek)
	acme := first.Organization("acme")
	replicasAgree(t, 6, acme.ID, jose.ES256, func() *domaintest.World { return domaintest.NewOn(t, db, kek) })
}

func TestAnotherReplicasNewKeyIsFound(t *testing.T) {
	t.Parallel()
	db := store.FromPool(dbtest.New(t))
	kek := seal.GenerateKey(rand.Reader)
	here, there := domaintest.NewOn(t, db, kek), domaintest.NewOn(t, db, kek) // no listener connects them
	acme := here.Organization("acme")
	if err := verify(there, there.Keys, "acme", sign(t, here, here.Keys, "acme")); err != nil {
		t.Fatal(err)
	}
	if _, err := here.Keys.Rotate(t.Context(), domaintest.Operator, acme.ID, jose.ES256, true); err != nil {
		t.Fatal(err)
	}
	token := sign(t, here, here.Keys, "acme")
	there.Clock.Advance(10 * time.Second) // looked up again at most every few seconds
	here.Clock.Advance(10 * time.Second)
	if err := verify(there, there.Keys, "acme", token); err != nil {
		t.Fatal(err)
	}
}

func TestPrivateKeysAreSealedAndMoveToANewKeyEncryptionKey(t *testing.T) {
	t.Parallel()
	db := store.FromPool(dbtest.New(t))
	old, fresh := seal.GenerateKey(rand.Reader), seal.GenerateKey(rand.Reader)
	before := domaintest.NewOn(t, db, old)
	before.Organization("acme")
	token := sign(t, before, before.Keys, "acme")
	if err := before.Keys.FillPool(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	var readable int
	if err := db.QueryRow(t.Context(), "SELECT count(*) FROM signing_keys WHERE position('\\x2a8648ce3d'::bytea in private_key) > 0 OR position('\\x2a864886f70d01'::bytea in private_key) > 0").Scan(&readable); err != nil || readable != 0 {
		t.Fatalf("%d plain keys, %v", readable, err)
	}
	during := domaintest.NewOn(t, db, fresh, old)
	if changed, err := during.Keys.Reseal(t.Context()); err != nil || changed != 2 {
		t.Fatalf("%d resealed, %v", changed, err)
	}
	after := domaintest.NewOn(t, db, fresh)
	if err := verify(after, after.Keys, "acme", token); err != nil {
		t.Fatal(err)
	}
	sign(t, after, after.Keys, "acme")
	lost := domaintest.NewOn(t, db, old)
	acme, _ := lost.Organizations.BySlug(t.Context(), "acme")
	if _, err := lost.Keys.Signer(t.Context(), acme.ID, jose.ES256); err == nil || !strings.Contains(err.Error(), "not configured") {
		t.Fatalf("a missing key-encryption key must be named: %v", err)
	}
}

func TestKeysDueAreRotatedInTwoSteps(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme := w.Organization("acme")
	sign(t, w, w.Keys, "acme")
	states := func() (next, active, retired int) {
		list, err := w.Keys.List(t.Context(), acme.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range list {
			switch k.State {
			case key.Next:
				next++
			case key.Active:
				active++
			case key.Retired:
				retired++
			}
		}
		return next, active, retired
	}
	for _, step := range []struct {
		after                 time.Duration
		next, active, retired int
	}{{0, 0, 2, 0}, {key.RotationPeriod + time.Minute, 2, 2, 0}, {time.Hour, 2, 2, 0}, {key.PublishLead, 0, 2, 2}, {time.Hour, 0, 2, 2}} {
		w.Clock.Advance(step.after)
		if _, err := w.Keys.RotateDue(t.Context(), 100); err != nil {
			t.Fatal(err)
		}
		if n, a, r := states(); n != step.next || a != step.active || r != step.retired {
			t.Fatalf("after %v: next %d active %d retired %d, want %+v", step.after, n, a, r, step)
		}
	}
}
