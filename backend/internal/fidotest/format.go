package fidotest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"slices"

	"github.com/fxamacker/cbor/v2"
)

// Attested credential data of authenticator data (WebAuthn Level 3 §6.5.1): behind hash, flags and counter the AAGUID, the
// length of the credential ID, that, and the public key.
const (
	afterCounter = 37
	afterAAGUID  = afterCounter + 16
	afterLength  = afterAAGUID + 2
)

// attestedKey is the ID and the public key (ES256) of the credential that authenticator data is about.
func attestedKey(authenticatorData []byte) (id []byte, key *ecdsa.PublicKey) {
	length := int(binary.BigEndian.Uint16(authenticatorData[afterAAGUID:afterLength]))
	var cose struct {
		X []byte `cbor:"-2,keyasint"`
		Y []byte `cbor:"-3,keyasint"`
	}
	_, err := cbor.UnmarshalFirst(authenticatorData[afterLength+length:], &cose)
	check(err)
	key, err = ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, cose.X, cose.Y))
	check(err)
	return authenticatorData[afterLength : afterLength+length], key
}

func (a *Authority) sign(message []byte) []byte {
	digest := sha256.Sum256(message)
	signature, err := a.Key.Sign(rand.Reader, digest[:], crypto.SHA256)
	check(err)
	return signature
}

// point is a public key as an uncompressed point (SEC 1 §2.3.3): 4, x, y.
func point(key *ecdsa.PublicKey) []byte {
	encoded, err := key.Bytes()
	check(err)
	return encoded
}

// U2FStatement is an attestation statement of an authenticator of FIDO U2F (§8.6).
func (m *Model) U2FStatement(authenticatorData, clientDataHash []byte) map[string]any {
	id, key := attestedKey(authenticatorData)
	signed := slices.Concat([]byte{0}, authenticatorData[:32], clientDataHash, id, point(key))
	return map[string]any{"sig": m.Batch.sign(signed), "x5c": [][]byte{m.Batch.Certificate.Raw}}
}

// Object identifiers of the Trusted Computing Group and of X.509 for certificates of TPMs (§8.3.1).
var (
	oidSubjectAlternativeName = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidAIKCertificate         = asn1.ObjectIdentifier{2, 23, 133, 8, 3}
	oidTPMManufacturer        = asn1.ObjectIdentifier{2, 23, 133, 2, 1}
	oidTPMModel               = asn1.ObjectIdentifier{2, 23, 133, 2, 2}
	oidTPMVersion             = asn1.ObjectIdentifier{2, 23, 133, 2, 3}
)

// AttestationIdentity makes a certificate of a TPM's attestation identity key (§8.3.1).
func (a *Authority) AttestationIdentity() *Authority {
	name, err := asn1.Marshal(pkix.RDNSequence{{{Type: oidTPMManufacturer, Value: "id:414D4400"}, {Type: oidTPMModel, Value: "A TPM"}, {Type: oidTPMVersion, Value: "id:00070002"}}})
	check(err)
	alternative, err := asn1.Marshal([]asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: 4, IsCompound: true, Bytes: name}})
	check(err)
	return a.Issue(&x509.Certificate{BasicConstraintsValid: true, UnknownExtKeyUsage: []asn1.ObjectIdentifier{oidAIKCertificate},
		ExtraExtensions: []pkix.Extension{{Id: oidSubjectAlternativeName, Critical: true, Value: alternative}}})
}

// TPMStatement is an attestation statement of a TPM (§8.3), whose batch is an AttestationIdentity.
func (m *Model) TPMStatement(authenticatorData, clientDataHash []byte) map[string]any {
	_, key := attestedKey(authenticatorData)
	x, y := point(key)[1:33], point(key)[33:]
	const (
		ecc, sha256Name, none, ecdsaScheme, p256 = 0x0023, 0x000b, 0x0010, 0x0018, 0x0003
		attributes                               = 0x00050072 // fixed, made here, restricted, signs
		generated, certify                       = 0xff544347, 0x8017
	)
	public := join(uint16(ecc), uint16(sha256Name), uint32(attributes), sized(nil), uint16(none), uint16(ecdsaScheme), uint16(sha256Name), uint16(p256), uint16(none), sized(x), sized(y))
	digest := sha256.Sum256(public)
	name := join(uint16(sha256Name), digest[:])
	signed := sha256.Sum256(slices.Concat(authenticatorData, clientDataHash))
	attested := join(uint32(generated), uint16(certify), sized(nil), sized(signed[:]), uint64(1), uint32(0), uint32(0), uint8(1), uint64(1), sized(name), sized(nil))
	return map[string]any{"ver": "2.0", "alg": -7, "x5c": [][]byte{m.Batch.Certificate.Raw}, "sig": m.Batch.sign(attested), "certInfo": attested, "pubArea": public}
}

// sized is a buffer with its length (TPM 2.0 Library, part 2 §10.4).
func sized(content []byte) []byte { return join(uint16(len(content)), content) }

func join(parts ...any) (joined []byte) {
	for _, part := range parts {
		var err error
		joined, err = binary.Append(joined, binary.BigEndian, part)
		check(err)
	}
	return joined
}

// AppleStatement is an anonymous attestation statement as devices of Apple make it (§8.8).
func (m *Model) AppleStatement(authenticatorData, clientDataHash []byte) map[string]any {
	_, key := attestedKey(authenticatorData)
	nonce := sha256.Sum256(slices.Concat(authenticatorData, clientDataHash))
	value, err := asn1.Marshal(struct {
		Nonce []byte `asn1:"tag:1,explicit"`
	}{nonce[:]})
	check(err)
	leaf := m.Root.certify(&x509.Certificate{Subject: pkix.Name{CommonName: "A passkey"}, BasicConstraintsValid: true,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 8, 2}, Value: value}}}, nil, key)
	return map[string]any{"x5c": [][]byte{leaf.Certificate.Raw, m.Root.Certificate.Raw}}
}
