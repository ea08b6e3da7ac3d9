package webauthn_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fido"
	"github.com/clavex/clavex/backend/internal/fidotest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/webauthn"
)

// load takes over a BLOB that describes models.
func (f *fixture) load(number int64, entries ...fidotest.Entry) {
	f.T.Helper()
	if _, err := f.Models.Load(f.T.Context(), f.Metadata.BLOB(number, entries...), ""); err != nil {
		f.T.Fatal(err)
	}
}

func (f *fixture) attestation(policy org.Attestation) {
	f.T.Helper()
	f.SetPolicies(f.acme, func(p *org.Policies) { p.Attestation = policy })
}

// make is a new passkey on a model, vouched for as vouch does; nil for not at all.
func (f *fixture) make(aaguid uuid.UUID, vouch func(string) string) (credential.Passkey, error) {
	f.T.Helper()
	r := newResponse(newID(32), nil, newKey(virtualwebauthn.KeyTypeEC2), "webauthn.create", f.create("attestation"))
	r.aaguid = aaguid
	answer := r.created()
	if vouch != nil {
		answer = vouch(answer)
	}
	return f.ceremonies.Created(f.T.Context(), f.about("attestation"), answer)
}

// self attests by the passkey's own key, which anybody can in the name of any model (WebAuthn Level 3 §8.2).
func (f *fixture) self(aaguid uuid.UUID) (credential.Passkey, error) {
	f.T.Helper()
	authenticator := virtualwebauthn.NewAuthenticator()
	authenticator.Aaguid = aaguid
	options, err := virtualwebauthn.ParseAttestationOptions(string(f.create("self")))
	if err != nil {
		f.T.Fatal(err)
	}
	party := virtualwebauthn.RelyingParty{ID: rpID, Name: "ACME", Origin: origin}
	return f.ceremonies.Created(f.T.Context(), f.about("self"),
		virtualwebauthn.CreateAttestationResponse(party, authenticator, virtualwebauthn.Credential{ID: newID(32), Key: newKey(virtualwebauthn.KeyTypeEC2)}, *options))
}

// WebAuthn Level 3 §7.1 steps 21 to 24: who vouches for the model, and what follows from it.
func TestAttestationsAreJudged(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	key, sibling, stranger, expired, anchored := fidotest.NewModel("Key"), fidotest.NewModel("Sibling"), fidotest.NewModel("Stranger"), fidotest.NewModel("Expired"), fidotest.NewModel("Anchored")
	sibling.Root = key.Root // of the same maker
	sibling.Batch = key.Root.Batch(sibling.AAGUID)
	template := *expired.Batch.Certificate
	template.NotBefore, template.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-time.Hour)
	template.ExtraExtensions = []pkix.Extension{}
	expired.Batch = expired.Root.Issue(&template)
	anchored.Root = anchored.Batch // the metadata may name the attestation certificate itself
	f.load(1, fidotest.Entry{Model: key, Statuses: []fidotest.Status{{Status: "FIDO_CERTIFIED_L1"}}}, fidotest.Entry{Model: sibling}, fidotest.Entry{Model: expired}, fidotest.Entry{Model: anchored})
	forged := func(as, by *fidotest.Model) func(string) string { // by another's certificates
		return (&fidotest.Model{AAGUID: as.AAGUID, Root: by.Root, Batch: by.Root.Batch(uuid.Nil)}).Vouch
	}
	ca := *key
	ca.Batch = key.Root.Issue(&x509.Certificate{Subject: pkix.Name{Country: []string{"IT"}, Organization: []string{"A maker"}, OrganizationalUnit: []string{"Authenticator Attestation"},
		CommonName: "An authority"}, BasicConstraintsValid: true, IsCA: true})
	allow := org.Attestation{Conveyance: org.ConveyDirect, AllowedModels: []uuid.UUID{key.AAGUID, stranger.AAGUID, expired.AAGUID, anchored.AAGUID}}
	certified := org.Attestation{Conveyance: org.ConveyEnterprise, MinimumCertification: "FIDO_CERTIFIED_L1"}
	known := org.Attestation{Conveyance: org.ConveyDirect, UnknownModels: org.Refuse}
	unproved, refused, invalid := fido.ErrModelUnproved, fido.ErrModelRefused, webauthn.ErrNotAccepted
	for _, c := range []struct {
		name     string
		policy   org.Attestation
		aaguid   uuid.UUID
		vouch    func(string) string
		attested bool
		want     *fault.Error
	}{
		{"nothing is demanded", org.Attestation{}, key.AAGUID, nil, false, nil},
		{"nothing is demanded, it is proved", org.Attestation{}, key.AAGUID, key.Vouch, true, nil},
		{"nothing is demanded, nobody knows the maker", org.Attestation{}, stranger.AAGUID, stranger.Vouch, false, nil},
		{"nothing is demanded, forged", org.Attestation{Conveyance: org.ConveyIndirect}, key.AAGUID, forged(key, stranger), false, nil},
		{"allowed", allow, key.AAGUID, key.Vouch, true, nil},
		{"allowed, by the certificate of the metadata", allow, anchored.AAGUID, anchored.Vouch, true, nil},
		{"allowed, without attestation", allow, key.AAGUID, nil, false, unproved},
		{"allowed, not in the metadata", allow, stranger.AAGUID, stranger.Vouch, false, unproved},
		{"allowed, by another maker", allow, key.AAGUID, forged(key, stranger), false, unproved},
		{"allowed, by a certificate of another model", allow, key.AAGUID, sibling.Vouch, false, invalid},
		{"allowed, by an authority", allow, key.AAGUID, ca.Vouch, false, invalid},
		{"allowed, by a certificate that expired", allow, expired.AAGUID, expired.Vouch, false, invalid},
		{"allowed, for another answer", allow, key.AAGUID, func(answer string) string {
			other := newResponse(newID(32), nil, newKey(virtualwebauthn.KeyTypeEC2), "webauthn.create", f.create("attestation"))
			other.aaguid = key.AAGUID
			return transplanted(key.Vouch(other.created()), answer)
		}, false, invalid},
		{"not allowed", allow, sibling.AAGUID, sibling.Vouch, true, refused},
		{"certified", certified, key.AAGUID, key.Vouch, true, nil},
		{"not certified", certified, sibling.AAGUID, sibling.Vouch, true, refused},
		{"certified, without attestation", certified, key.AAGUID, nil, false, unproved},
		{"known", known, sibling.AAGUID, sibling.Vouch, true, nil},
		{"no model at all", known, uuid.Nil, nil, false, unproved},
		{"no model at all, by certificates", known, uuid.Nil, forged(&fidotest.Model{}, key), false, unproved},
		{"denied", org.Attestation{DeniedModels: []uuid.UUID{key.AAGUID}}, key.AAGUID, nil, false, refused},
	} {
		t.Run(c.name, func(t *testing.T) {
			f.attestation(c.policy)
			made, err := f.make(c.aaguid, c.vouch)
			if !is(err, c.want) || err == nil && (made.Attested != c.attested || made.AAGUID != c.aaguid) {
				t.Errorf("%v %v, want %v", made.Attested, err, c.want)
			}
		})
	}
	t.Run("in the name of a model that is allowed", func(t *testing.T) {
		f.attestation(allow)
		if _, err := f.self(key.AAGUID); !is(err, unproved) {
			t.Error(err)
		}
		f.attestation(org.Attestation{})
		if made, err := f.self(key.AAGUID); err != nil || made.Attested {
			t.Errorf("%+v %v", made, err)
		}
	})
	t.Run("another organization's policy does not matter", func(t *testing.T) {
		rival := f.Organization("rival")
		f.SetPolicies(rival, func(p *org.Policies) { p.Attestation = allow })
		f.attestation(org.Attestation{})
		if _, err := f.make(sibling.AAGUID, sibling.Vouch); err != nil {
			t.Error(err)
		}
	})
	options, err := f.ceremonies.Create(webauthn.NewPasskey{About: f.about("x"), Handle: []byte("h"), Conveyance: org.ConveyEnterprise})
	if err != nil || !strings.Contains(string(options), `"attestation":"enterprise"`) {
		t.Errorf("%s %v", options, err)
	}
}

func is(err error, want *fault.Error) bool {
	if want == nil {
		return err == nil
	}
	return errors.Is(err, want)
}
