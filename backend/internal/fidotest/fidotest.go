// Package fidotest is a FIDO Metadata Service and makers of authenticators of a test's own: a root, the certificate that
// signs BLOBs, models with attestation certificates, and packed attestations by them (WebAuthn Level 3 §8.2). It serves
// tests only.
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
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/uuid"
)

// Signer is the name of the service's certificate.
const Signer = "mds.fidoalliance.org"

// Authority is a certificate with its key.
type Authority struct {
	Certificate *x509.Certificate
	Key         *ecdsa.PrivateKey
}

// PEM is the certificate.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate.Raw})
}

// Issue makes a certificate; by itself when a is nil.
func (a *Authority) Issue(template *x509.Certificate) *Authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	return a.certify(template, key, &key.PublicKey)
}

// certify makes a certificate for a public key; key signs where there is no authority.
func (a *Authority) certify(template *x509.Certificate, key *ecdsa.PrivateKey, public *ecdsa.PublicKey) *Authority {
	var err error
	template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
	check(err)
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-24*time.Hour), time.Now().Add(365*24*time.Hour)
	}
	parent, signer := template, key
	if a != nil {
		parent, signer = a.Certificate, a.Key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	check(err)
	made, err := x509.ParseCertificate(der)
	check(err)
	return &Authority{made, key}
}

// NewRoot makes a root.
func NewRoot(name string) *Authority {
	return (*Authority)(nil).Issue(&x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign})
}

// RevocationList is a list of the authority's, in PEM.
func (a *Authority) RevocationList(next time.Time, revoked ...*Authority) []byte {
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: next}
	for _, each := range revoked {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: each.Certificate.SerialNumber, RevocationTime: time.Now().Add(-time.Hour)})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.Certificate, a.Key)
	check(err)
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
}

// Service signs BLOBs.
type Service struct {
	Root   *Authority
	Signer *Authority
}

// NewService makes a service with a root.
func NewService() *Service {
	root := NewRoot("Metadata root")
	return &Service{Root: root, Signer: root.Issue(&x509.Certificate{Subject: pkix.Name{CommonName: Signer}, DNSNames: []string{Signer}})}
}

// Status is a report of a model's status.
type Status struct {
	Status    string `json:"status"`
	Effective string `json:"effectiveDate,omitempty"` // 2026-01-31
	Sunset    string `json:"sunsetDate,omitempty"`
}

// Entry is what a BLOB says of a model.
type Entry struct {
	Model    *Model
	Statuses []Status
}

// BLOB is one with a number; the next is due in thirty days.
func (s *Service) BLOB(number int64, entries ...Entry) string {
	return s.Sign(Payload(number, time.Now().AddDate(0, 0, 30), entries...))
}

// Payload is that of a BLOB.
func Payload(number int64, next time.Time, entries ...Entry) map[string]any {
	listed := []map[string]any{{"aaid": "4e4e#4005", "statusReports": []Status{{Status: "FIDO_CERTIFIED"}}, "timeOfLastStatusChange": "2020-01-01"}}
	for _, e := range entries {
		listed = append(listed, map[string]any{"aaguid": e.Model.AAGUID.String(), "statusReports": e.Statuses, "timeOfLastStatusChange": "2026-01-01",
			"metadataStatement": map[string]any{"aaguid": e.Model.AAGUID.String(), "description": e.Model.Name, "attestationTypes": e.Model.types(),
				"attestationRootCertificates": []string{base64.StdEncoding.EncodeToString(e.Model.Root.Certificate.Raw)}}})
	}
	return map[string]any{"legalHeader": "A test.", "no": number, "nextUpdate": next.Format(time.DateOnly), "entries": listed}
}

// Sign makes a BLOB of any payload.
func (s *Service) Sign(payload map[string]any) string {
	return s.SignAs(map[string]any{"alg": "ES256", "typ": "JWT", "x5c": []string{base64.StdEncoding.EncodeToString(s.Signer.Certificate.Raw)}}, payload)
}

// SignAs makes a JWS with any header, by ES256.
func (s *Service) SignAs(header, payload map[string]any) string {
	input := segment(header) + "." + segment(payload)
	digest := sha256.Sum256([]byte(input))
	r, v, err := ecdsa.Sign(rand.Reader, s.Signer.Key, digest[:])
	check(err)
	signature := append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...)
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func segment(value map[string]any) string {
	encoded, err := json.Marshal(value)
	check(err)
	return base64.RawURLEncoding.EncodeToString(encoded)
}

// Model is a model of authenticators with what its maker vouches for it by.
type Model struct {
	AAGUID uuid.UUID
	Name   string
	Root   *Authority
	Batch  *Authority // whose key is in each authenticator
	Types  []string   // of attestation that it makes (FIDO Registry §3.6.3); nil for basic_full
}

func (m *Model) types() []string {
	if m.Types == nil {
		return []string{"basic_full"}
	}
	return m.Types
}

// NewModel makes a model.
func NewModel(name string) *Model {
	aaguid, root := uuid.New(), NewRoot("Maker of "+name)
	return &Model{AAGUID: aaguid, Name: name, Root: root, Batch: root.Batch(aaguid)}
}

// oidAAGUID is id-fido-gen-ce-aaguid.
var oidAAGUID = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 4}

// Batch makes an attestation certificate for a model (§8.2.1); of uuid.Nil it names no model.
func (a *Authority) Batch(aaguid uuid.UUID) *Authority {
	template := &x509.Certificate{Subject: pkix.Name{Country: []string{"IT"}, Organization: []string{"A maker"}, OrganizationalUnit: []string{"Authenticator Attestation"}, CommonName: "Batch 1"},
		BasicConstraintsValid: true}
	if aaguid != uuid.Nil {
		value, err := asn1.Marshal(aaguid[:])
		check(err)
		template.ExtraExtensions = []pkix.Extension{{Id: oidAAGUID, Value: value}}
	}
	return a.Issue(template)
}

// PackedStatement is a packed attestation statement (§8.2).
func (m *Model) PackedStatement(authenticatorData, clientDataHash []byte) map[string]any {
	digest := sha256.Sum256(append(append([]byte{}, authenticatorData...), clientDataHash...))
	signature, err := m.Batch.Key.Sign(rand.Reader, digest[:], crypto.SHA256)
	check(err)
	return map[string]any{"alg": -7, "sig": signature, "x5c": [][]byte{m.Batch.Certificate.Raw}}
}

// Vouch puts the model's attestation into what a browser answered to a registration, in the place of the one that is there.
func (m *Model) Vouch(response string) string { return VouchAs("packed", m.PackedStatement)(response) }

// Statement makes an attestation statement of authenticator data and the hash of the client data.
type Statement = func(authenticatorData, clientDataHash []byte) map[string]any

// VouchAs puts an attestation statement of a format into what a browser answered to a registration.
func VouchAs(format string, statement Statement) func(response string) string {
	return func(response string) string {
		return vouch(response, format, func(authenticatorData, clientDataHash []byte) any {
			return statement(authenticatorData, clientDataHash)
		})
	}
}

// Part is one of the statements of a compound attestation (§8.9).
type Part struct {
	Format    string
	Statement Statement
}

// VouchTogether puts a compound attestation into what a browser answered to a registration.
func VouchTogether(parts ...Part) func(response string) string {
	return func(response string) string {
		return vouch(response, "compound", func(authenticatorData, clientDataHash []byte) any {
			statements := make([]map[string]any, len(parts))
			for i, part := range parts {
				statements[i] = map[string]any{"fmt": part.Format, "attStmt": part.Statement(authenticatorData, clientDataHash)}
			}
			return statements
		})
	}
}

func vouch(response, format string, statement func(authenticatorData, clientDataHash []byte) any) string {
	var outer map[string]any
	check(json.Unmarshal([]byte(response), &outer))
	inner := outer["response"].(map[string]any)
	bytes := func(name string) []byte {
		decoded, err := base64.RawURLEncoding.DecodeString(inner[name].(string))
		check(err)
		return decoded
	}
	var object struct {
		AuthData []byte `cbor:"authData"`
	}
	check(cbor.Unmarshal(bytes("attestationObject"), &object))
	hash := sha256.Sum256(bytes("clientDataJSON"))
	encoded, err := cbor.Marshal(map[string]any{"fmt": format, "authData": object.AuthData, "attStmt": statement(object.AuthData, hash[:])})
	check(err)
	inner["attestationObject"] = base64.RawURLEncoding.EncodeToString(encoded)
	changed, err := json.Marshal(outer)
	check(err)
	return string(changed)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
