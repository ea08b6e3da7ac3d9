package webauthn_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
	"github.com/fxamacker/cbor/v2"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/webauthn"
)

// WebAuthn Level 3 §7.2.
func TestAuthentication(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	rival := f.Organization("rival")
	_, other := f.registered(f.User(f.acme, "bob@acme.test"), unchanged)
	_, synced := f.registered(f.ada, func(r *response) { r.flags |= eligible | backedUp })
	for name, c := range map[string]struct {
		want   string
		change func(*response)
	}{
		"as it should be":                        {"", unchanged},
		"step 5: an unknown credential":          {"passkey_refused", func(r *response) { r.id = newID(32) }},
		"step 6: without user handle":            {"passkey_refused", func(r *response) { r.handle = nil }},
		"step 6: the user handle of another":     {"passkey_refused", func(r *response) { r.handle = other.handle }},
		"step 6: the credential of another":      {"passkey_refused", func(r *response) { r.id = other.id }},
		"step 10: of the other ceremony":         {"passkey_refused", func(r *response) { r.client["type"] = "webauthn.create" }},
		"step 11: a challenge of nobody":         {"passkey_ceremony_over", func(r *response) { r.client["challenge"] = b64(newID(56)) }},
		"step 12: at another origin":             {"passkey_refused", func(r *response) { r.client["origin"] = "https://id.example.com.evil.test" }},
		"step 12: at another port":               {"passkey_refused", func(r *response) { r.client["origin"] = origin + ":444" }},
		"step 13: in a frame":                    {"passkey_refused", func(r *response) { r.client["crossOrigin"] = true }},
		"step 14: below another page":            {"passkey_refused", func(r *response) { r.client["topOrigin"] = "https://evil.test" }},
		"step 15: of another RP ID":              {"passkey_refused", func(r *response) { r.rpID = "example.com" }},
		"step 16: nobody present":                {"passkey_refused", func(r *response) { r.flags &^= present }},
		"step 17: user not verified":             {"passkey_user_not_verified", func(r *response) { r.flags &^= verified }},
		"step 19: may not be backed up any more": {"passkey_refused", func(r *response) { r.flags &^= eligible }},
		"step 19: neither backed up":             {"passkey_refused", func(r *response) { r.flags &^= eligible | backedUp }},
		"step 19: not backed up any more":        {"", func(r *response) { r.flags &^= backedUp }},
		"step 21: signed by another key":         {"passkey_refused", func(r *response) { r.key = other.key }},
		"step 21: not signed":                    {"passkey_refused", func(r *response) { r.signature = []byte{} }},
	} {
		t.Run(name, func(t *testing.T) {
			f.forgive()
			proof, err := f.use(f.assertion(synced, name, c.change), name)
			if code(err) != c.want {
				t.Fatalf("%v, want %q", err, c.want)
			}
			if err == nil && (proof.Person.ID != f.ada.ID || !proof.UserVerified || !proof.Passkey.BackupEligible) {
				t.Errorf("%+v", proof)
			}
		})
	}
	t.Run("as another factor", func(t *testing.T) {
		for name, c := range map[string]struct {
			want   string
			change func(*response)
		}{
			"as it should be":            {"", unchanged},
			"a user who is not verified": {"", func(r *response) { r.flags &^= verified }},
			"without user handle":        {"", func(r *response) { r.handle = nil }},
			"the user handle of another": {"passkey_not_theirs", func(r *response) { r.handle = other.handle }},
			"the passkey of another": {"passkey_not_theirs", func(r *response) {
				r.id, r.key, r.handle, r.flags = other.id, other.key, other.handle, other.flags&^attested
			}},
			"an unknown one":        {"passkey_not_theirs", func(r *response) { r.id = newID(32) }},
			"nobody present":        {"passkey_not_theirs", func(r *response) { r.flags &^= present }},
			"at another origin":     {"passkey_not_theirs", func(r *response) { r.client["origin"] = "https://evil.test" }},
			"signed by another key": {"passkey_not_theirs", func(r *response) { r.key = other.key }},
		} {
			f.forgive()
			options, err := f.ceremonies.RequestOf(f.about(name), f.ada.ID, nil)
			if err != nil {
				t.Fatal(err)
			}
			answer := newResponse(synced.id, synced.handle, synced.key, "webauthn.get", options)
			answer.flags, answer.counter = synced.flags&^attested, synced.counter
			c.change(answer)
			proof, err := f.ceremonies.RequestedOf(t.Context(), f.about(name), f.ada.ID, []byte("browser"), answer.asserted())
			if code(err) != c.want || err == nil && proof.UserVerified == (name == "a user who is not verified") {
				t.Errorf("%s: %v %+v, want %q", name, err, proof, c.want)
			}
		}
		// A challenge is for one of the two, and for one person.
		f.forgive()
		if _, err := f.ceremonies.RequestedOf(t.Context(), f.about("s"), f.ada.ID, []byte("browser"), f.assertion(synced, "s", unchanged)); code(err) != "passkey_ceremony_over" {
			t.Errorf("a challenge of a sign-in: %v", err)
		}
		options, err := f.ceremonies.RequestOf(f.about("s"), f.ada.ID, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer := newResponse(synced.id, synced.handle, synced.key, "webauthn.get", options)
		answer.flags = synced.flags &^ (attested | verified)
		if _, err := f.use(answer.asserted(), "s"); code(err) != "passkey_ceremony_over" {
			t.Errorf("a challenge for another factor signs in: %v", err)
		}
		if _, err := f.ceremonies.RequestedOf(t.Context(), f.about("s"), uuid.New(), []byte("browser"), answer.asserted()); code(err) != "passkey_ceremony_over" {
			t.Errorf("a challenge for somebody else: %v", err)
		}
	})
	t.Run("who fails again and again waits", func(t *testing.T) {
		f.forgive()
		refused := 0
		for range 8 {
			_, err := f.use(f.assertion(synced, "s", func(r *response) { r.signature = []byte("wrong") }), "s")
			if errors.Is(err, credential.ErrTooMany) && fault.From(err).RetryAfter > 0 {
				refused++
			}
		}
		if _, err := f.use(f.assertion(other, "s", unchanged), "s"); err != nil || refused < 2 {
			t.Errorf("%d were refused; somebody else: %v", refused, err)
		}
		f.forgive()
	})
	t.Run("another organization knows no such passkey", func(t *testing.T) {
		about := f.about("s")
		about.OrgID = rival.ID
		options, err := f.ceremonies.Request(about)
		if err != nil {
			t.Fatal(err)
		}
		answer := newResponse(synced.id, synced.handle, synced.key, "webauthn.get", options)
		answer.flags = synced.flags &^ attested
		if _, err := f.ceremonies.Requested(t.Context(), about, []byte("b"), answer.asserted()); !errors.Is(err, credential.ErrPasskeyRefused) {
			t.Errorf("%v", err)
		}
	})
	t.Run("of a disabled person", func(t *testing.T) {
		_, made := f.registered(f.User(f.acme, "eve@acme.test"), unchanged)
		if _, err := f.DB.Exec(t.Context(), "UPDATE users SET status = 'disabled' WHERE username = 'eve@acme.test'"); err != nil {
			t.Fatal(err)
		}
		if _, err := f.use(f.assertion(made, "s", unchanged), "s"); !errors.Is(err, credential.ErrPasskeyRefused) {
			t.Errorf("%v", err)
		}
	})
	t.Run("that was made for another RP ID", func(t *testing.T) {
		stored, made := f.registered(f.ada, unchanged)
		if _, err := f.DB.Exec(t.Context(), "UPDATE passkeys SET rp_id = 'old.example.com' WHERE id = $1", stored.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := f.use(f.assertion(made, "s", unchanged), "s"); !errors.Is(err, credential.ErrPasskeyRefused) {
			t.Errorf("%v", err)
		}
	})
	if !slices.Contains(f.Events(f.acme.ID), "sign_in.failed") {
		t.Error("failures are not recorded")
	}
}

// WebAuthn Level 3 §13.4.3: a challenge is used once, for what it was made for, in time.
func TestChallenges(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, made := f.registered(f.ada, unchanged)
	rival := f.Organization("rival")
	expect := func(t *testing.T, about webauthn.About, answer, want string) {
		t.Helper()
		if _, err := f.ceremonies.Requested(t.Context(), about, []byte("b"), answer); code(err) != want {
			t.Errorf("%v, want %q", err, want)
		}
	}
	over := webauthn.ErrChallenge.Code
	t.Run("replayed", func(t *testing.T) {
		answer := f.assertion(made, "s", unchanged)
		expect(t, f.about("s"), answer, "")
		expect(t, f.about("s"), answer, over)
	})
	t.Run("replayed after it failed", func(t *testing.T) {
		options, err := f.ceremonies.Request(f.about("s"))
		if err != nil {
			t.Fatal(err)
		}
		wrong := newResponse(made.id, made.handle, newKey(virtualwebauthn.KeyTypeEC2), "webauthn.get", options)
		expect(t, f.about("s"), wrong.asserted(), credential.ErrPasskeyRefused.Code)
		wrong.key = made.key
		expect(t, f.about("s"), wrong.asserted(), over)
	})
	t.Run("of another transaction", func(t *testing.T) { expect(t, f.about("t"), f.assertion(made, "s", unchanged), over) })
	t.Run("of another browser", func(t *testing.T) {
		about := f.about("s")
		about.Browser = "another"
		expect(t, about, f.assertion(made, "s", unchanged), over)
	})
	t.Run("of another organization", func(t *testing.T) {
		about := f.about("s")
		about.OrgID = rival.ID
		expect(t, about, f.assertion(made, "s", unchanged), over)
	})
	t.Run("of a registration", func(t *testing.T) {
		answer := newResponse(made.id, made.handle, made.key, "webauthn.get", f.create("s"))
		expect(t, f.about("s"), answer.asserted(), over)
	})
	t.Run("twice at once", func(t *testing.T) {
		answer := f.assertion(made, "s", unchanged)
		succeeded := make([]bool, 6)
		var all sync.WaitGroup
		for i := range succeeded {
			all.Go(func() {
				_, err := f.use(answer, "s")
				succeeded[i] = err == nil
			})
		}
		all.Wait()
		if n := len(slices.DeleteFunc(succeeded, func(ok bool) bool { return !ok })); n != 1 {
			t.Errorf("it signed in %d times", n)
		}
	})
	t.Run("lost marks are taken for used", func(t *testing.T) {
		answer := f.assertion(made, "s", unchanged)
		if _, err := f.DB.Exec(t.Context(), "TRUNCATE kv_entries, kv_birth"); err != nil {
			t.Fatal(err)
		}
		expect(t, f.about("s"), answer, over)
		f.Clock.Advance(time.Minute)
		expect(t, f.about("s"), f.assertion(made, "s", unchanged), "")
	})
	t.Run("expired", func(t *testing.T) {
		answer := f.assertion(made, "s", unchanged)
		f.Clock.Advance(31 * time.Minute)
		expect(t, f.about("s"), answer, over)
	})
}

// WebAuthn Level 3 §7.2 step 22, §6.1.1: a counter that goes back says that there are two.
func TestCountersThatGoBack(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	at := func(counter uint32) func(*response) { return func(r *response) { r.counter = counter } }
	use := func(made *response, counter uint32) string {
		_, err := f.use(f.assertion(made, "s", at(counter)), "s")
		return code(err)
	}
	stored, made := f.registered(f.ada, at(5))
	begin := func(passkey uuid.UUID) (begun session.Session) {
		f.InTx(func(ctx context.Context, tx *store.Tx) (err error) {
			begun, _, err = f.Sessions.Begin(ctx, tx, session.Authenticated{Organization: f.acme, User: f.ada, BrowserHash: []byte("browser"), Methods: []string{"hwk"}, At: f.Clock.Now(), PasskeyID: passkey})
			return err
		})
		return begun
	}
	withIt, without := begin(stored.ID), begin(uuid.Nil)
	for _, step := range []struct {
		counter uint32
		want    string
	}{{6, ""}, {60, ""}, {60, "passkey_copied"}, {61, "passkey_refused"}, {1000, "passkey_refused"}} {
		if got := use(made, step.counter); got != step.want {
			t.Fatalf("%d: %q, want %q", step.counter, got, step.want)
		}
	}
	passkeys, err := f.passkeys.OfUser(t.Context(), f.DB, f.acme.ID, f.ada.ID)
	if err != nil || len(passkeys) != 1 || passkeys[0].ID != stored.ID || passkeys[0].SuspendedAt.IsZero() || passkeys[0].SignCount != 60 {
		t.Errorf("%+v %v", passkeys, err)
	}
	if err := f.passkeys.StillHolds(t.Context(), f.DB, f.acme.ID, f.ada.ID, stored.ID); !errors.Is(err, credential.ErrReplaced) {
		t.Errorf("a proof of before: %v", err)
	}
	if !slices.Contains(f.Events(f.acme.ID), "credential.passkey_suspended") {
		t.Error("it is not recorded")
	}
	f.InTx(func(ctx context.Context, tx *store.Tx) error {
		if err := f.Sessions.StillLive(ctx, tx, f.acme.ID, withIt.ID); err == nil {
			t.Error("what was begun with it goes on")
		}
		return f.Sessions.StillLive(ctx, tx, f.acme.ID, without.ID)
	})
	_, uncounted := f.registered(f.ada, at(0))
	for range 3 {
		if got := use(uncounted, 0); got != "" {
			t.Errorf("without a counter: %q", got)
		}
	}
	if got := use(uncounted, 1); got != "" {
		t.Errorf("a counter that begins: %q", got)
	}
	if got := use(uncounted, 0); got != "passkey_copied" {
		t.Errorf("a counter that ends: %q", got)
	}
}

// transplanted is an answer with the statement of another one's attestation.
func transplanted(from, into string) string {
	statement := object(from)["attStmt"]
	changed := object(into)
	changed["fmt"], changed["attStmt"] = "packed", statement
	encoded, _ := cbor.Marshal(changed)
	var outer map[string]any
	_ = json.Unmarshal([]byte(into), &outer)
	outer["response"].(map[string]any)["attestationObject"] = b64(encoded)
	answer, _ := json.Marshal(outer)
	return string(answer)
}

// object is the attestation object of an answer.
func object(answer string) (read map[string]any) {
	var outer struct {
		Response struct{ AttestationObject string }
	}
	_ = json.Unmarshal([]byte(answer), &outer)
	decoded, _ := base64.RawURLEncoding.DecodeString(outer.Response.AttestationObject)
	_ = cbor.Unmarshal(decoded, &read)
	return read
}
