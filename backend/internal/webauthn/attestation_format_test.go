package webauthn_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"maps"
	"testing"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fido"
	"github.com/clavex/clavex/backend/internal/fidotest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/webauthn"
)

// changed is a statement one of whose members is another one.
func changed(of fidotest.Statement, member string, change func(any) any) fidotest.Statement {
	return func(authenticatorData, clientDataHash []byte) map[string]any {
		made := maps.Clone(of(authenticatorData, clientDataHash))
		made[member] = change(made[member])
		return made
	}
}

// flipped is the member with another last byte.
func flipped(value any) any {
	changed := append([]byte{}, value.([]byte)...)
	changed[len(changed)-1] ^= 1
	return changed
}

// WebAuthn Level 3 §8.3, §8.4, §8.6, §8.8, §8.9: what others than "packed" prove. Statements of Android and of Apple lead to roots of Google
// and of Apple that the library holds, so tests cannot make one that is accepted.
func TestFormatsOfAttestation(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tpm, stranger := fidotest.NewModel("TPM"), fidotest.NewModel("Stranger")
	for _, model := range []*fidotest.Model{tpm, stranger} {
		model.Batch, model.Types = model.Root.AttestationIdentity(), []string{"attca"}
	}
	key, phone := fidotest.NewModel("Key"), fidotest.NewModel("Phone")
	phone.Types = []string{"anonca", "basic_full"}
	f.load(1, fidotest.Entry{Model: tpm}, fidotest.Entry{Model: key}, fidotest.Entry{Model: phone})
	basic := &fidotest.Model{AAGUID: uuid.Nil, Root: key.Root, Batch: key.Root.Batch(uuid.Nil)}
	android := func(authenticatorData, clientDataHash []byte) map[string]any {
		made := phone.PackedStatement(authenticatorData, clientDataHash)
		made["x5c"] = [][]byte{phone.Batch.Certificate.Raw, phone.Root.Certificate.Raw}
		return made
	}
	plain := tpm.Root.Issue(&x509.Certificate{Subject: pkix.Name{CommonName: "Not that of a TPM"}, BasicConstraintsValid: true})
	other := &fidotest.Model{AAGUID: tpm.AAGUID, Root: tpm.Root, Batch: plain}
	demanding := org.Attestation{Conveyance: org.ConveyDirect, UnknownModels: org.Refuse}
	invalid := webauthn.ErrNotAccepted
	for _, c := range []struct {
		name      string
		format    string
		statement fidotest.Statement
		policy    org.Attestation
		aaguid    uuid.UUID
		attested  bool
		want      *fault.Error
	}{
		{"tpm", "tpm", tpm.TPMStatement, demanding, tpm.AAGUID, true, nil},
		{"tpm of another maker", "tpm", stranger.TPMStatement, org.Attestation{}, tpm.AAGUID, false, nil},
		{"tpm of another maker, proof is demanded", "tpm", stranger.TPMStatement, demanding, tpm.AAGUID, false, fido.ErrModelUnproved},
		{"tpm, its name is not that of the key", "tpm", changed(tpm.TPMStatement, "pubArea", flipped), demanding, tpm.AAGUID, false, invalid},
		{"tpm, something else was certified", "tpm", changed(tpm.TPMStatement, "certInfo", flipped), demanding, tpm.AAGUID, false, invalid},
		{"tpm, another signature", "tpm", changed(tpm.TPMStatement, "sig", flipped), demanding, tpm.AAGUID, false, invalid},
		{"tpm, a former version", "tpm", changed(tpm.TPMStatement, "ver", func(any) any { return "1.2" }), demanding, tpm.AAGUID, false, invalid},
		{"tpm, a certificate that is none of a TPM", "tpm", other.TPMStatement, demanding, tpm.AAGUID, false, invalid},
		{"tpm where the model attests otherwise", "tpm", (&fidotest.Model{Root: key.Root, Batch: key.Root.AttestationIdentity()}).TPMStatement, demanding, key.AAGUID, false, fido.ErrModelUnproved},
		{"u2f", "fido-u2f", basic.U2FStatement, org.Attestation{}, uuid.Nil, false, nil},
		{"u2f proves no model", "fido-u2f", basic.U2FStatement, demanding, uuid.Nil, false, fido.ErrModelUnproved},
		{"u2f in the name of a model", "fido-u2f", basic.U2FStatement, demanding, key.AAGUID, false, invalid},
		{"u2f, another signature", "fido-u2f", changed(basic.U2FStatement, "sig", flipped), org.Attestation{}, uuid.Nil, false, invalid},
		{"u2f, of two makers", "fido-u2f", changed(basic.U2FStatement, "x5c", func(x5c any) any { return append(x5c.([][]byte), stranger.Batch.Certificate.Raw) }), org.Attestation{}, uuid.Nil, false, invalid},
		{"apple, below a root of somebody else", "apple", phone.AppleStatement, org.Attestation{}, phone.AAGUID, false, invalid},
		{"android, below a root of somebody else", "android-key", android, org.Attestation{}, phone.AAGUID, false, invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			f.attestation(c.policy)
			made, err := f.make(c.aaguid, fidotest.VouchAs(c.format, c.statement))
			if !is(err, c.want) || err == nil && (made.Attested != c.attested || made.AAGUID != c.aaguid || made.Attestation.Format != c.format) {
				t.Errorf("%+v %v, want %v", made, err, c.want)
			}
		})
	}
	packed, u2f, theirs := fidotest.Part{Format: "packed", Statement: key.PackedStatement}, fidotest.Part{Format: "fido-u2f", Statement: basic.U2FStatement}, fidotest.Part{Format: "packed", Statement: stranger.PackedStatement}
	for _, c := range []struct {
		name     string
		parts    []fidotest.Part
		attested bool
		want     *fault.Error
	}{
		{"both parts prove the model", []fidotest.Part{packed, packed}, true, nil},
		{"one part", []fidotest.Part{packed}, false, invalid},
		{"one part is of another maker", []fidotest.Part{packed, theirs}, false, invalid},
		{"a part of U2F, which names no model", []fidotest.Part{u2f, u2f}, false, invalid},
		{"a part of U2F beside one that does", []fidotest.Part{packed, u2f}, false, invalid},
	} {
		t.Run("compound: "+c.name, func(t *testing.T) {
			f.attestation(demanding)
			if made, err := f.make(key.AAGUID, fidotest.VouchTogether(c.parts...)); !is(err, c.want) || err == nil && made.Attested != c.attested {
				t.Errorf("%v %v, want %v", made.Attested, err, c.want)
			}
		})
	}
}
