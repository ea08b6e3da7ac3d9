package fido

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/jose"
)

// MaximumBLOB is the size of the largest BLOB that is looked at; that of the FIDO Alliance has about 10 MB.
const MaximumBLOB = 48 << 20

const (
	maximumModels      = 20_000
	maximumDescription = 200
	signer             = "mds.fidoalliance.org" // whose certificate signs, §3.1.8 step 6
)

// The reasons not to take a BLOB over. Every one but ErrOlder and ErrChanged says that it is not to be believed.
var (
	ErrTooLarge   = fmt.Errorf("the BLOB has more than %d MB", MaximumBLOB>>20)
	ErrNoBLOB     = errors.New("this is no BLOB of the FIDO Metadata Service (a signed JWT with x5c)")
	ErrSignature  = errors.New("the BLOB's signature is wrong, or its algorithm is not accepted")
	ErrUntrusted  = errors.New("the certificate that signed the BLOB does not lead to the configured root")
	ErrSigner     = errors.New("the BLOB is not signed by " + signer)
	ErrRevoked    = errors.New("the certificate that signed the BLOB was revoked, or no current revocation list says that it was not")
	ErrUnreadable = errors.New("the BLOB's payload cannot be read")
	ErrOlder      = errors.New("the BLOB is older than the one that is loaded")
	ErrChanged    = errors.New("the BLOB has the number of the one that is loaded, and says something else")
)

//go:embed fido_root.pem
var fidoRoot []byte

// Trust is what signatures of BLOBs must lead to.
type Trust struct {
	roots  []*x509.Certificate
	lists  []*x509.RevocationList // when there is any, the chain must not be on one
	digest [sha256.Size]byte      // of the roots
}

// FIDORoot is the root of the FIDO Alliance's service (PEM): GlobalSign Root CA - R3, whose SHA-256 fingerprint is
// CB:B5:22:D7:B7:F1:27:AD:6A:01:13:86:5B:DF:1C:D4:10:2E:7D:07:59:AF:63:5A:7C:F4:72:0D:C9:63:C5:3B. It expires on
// 18 March 2029.
func FIDORoot() []byte { return slices.Clone(fidoRoot) }

// NewTrust reads roots (PEM), and revocation lists (PEM) of whoever issues below them; without any, revocation is not
// looked at.
func NewTrust(roots, revocationLists []byte) (trust Trust, err error) {
	hash := sha256.New()
	for block, rest := pem.Decode(roots); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return trust, err
		}
		trust.roots = append(trust.roots, certificate)
	}
	if len(trust.roots) == 0 {
		return trust, errors.New("there is no certificate in PEM")
	}
	slices.SortFunc(trust.roots, func(a, b *x509.Certificate) int { return slices.Compare(a.Raw, b.Raw) })
	for _, root := range trust.roots {
		hash.Write(root.Raw)
	}
	hash.Sum(trust.digest[:0])
	for block, rest := pem.Decode(revocationLists); block != nil; block, rest = pem.Decode(rest) {
		list, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return trust, err
		}
		trust.lists = append(trust.lists, list)
	}
	if len(revocationLists) > 0 && len(trust.lists) == 0 {
		return trust, errors.New("there is no revocation list in PEM")
	}
	return trust, nil
}

// judge returns the public key of the first certificate when it is the service's and leads to a root.
func (t Trust) judge(encoded [][]byte, now time.Time) (crypto.PublicKey, error) {
	certificates := make([]*x509.Certificate, len(encoded))
	for i, der := range encoded {
		var err error
		if certificates[i], err = x509.ParseCertificate(der); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUntrusted, err)
		}
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for _, root := range t.roots {
		roots.AddCert(root)
	}
	for _, certificate := range certificates[1:] {
		between.AddCert(certificate)
	}
	leaf := certificates[0]
	chains, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	if err := leaf.VerifyHostname(signer); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSigner, err)
	}
	if len(t.lists) > 0 && !slices.ContainsFunc(chains, func(chain []*x509.Certificate) bool { return t.unrevoked(chain, now) }) {
		return nil, ErrRevoked
	}
	return leaf.PublicKey, nil
}

// unrevoked reports whether a current list of each issuer says nothing of what it issued.
func (t Trust) unrevoked(chain []*x509.Certificate, now time.Time) bool {
	for i, issuer := range chain[1:] {
		issued, current := chain[i], false
		for _, list := range t.lists {
			if list.CheckSignatureFrom(issuer) != nil || now.After(list.NextUpdate) || now.Before(list.ThisUpdate) {
				continue
			}
			if slices.ContainsFunc(list.RevokedCertificateEntries, func(e x509.RevocationListEntry) bool { return e.SerialNumber.Cmp(issued.SerialNumber) == 0 }) {
				return false
			}
			current = true
		}
		if !current {
			return false
		}
	}
	return true
}

// blob is a BLOB that was verified.
type blob struct {
	number     int64
	nextUpdate time.Time
	digest     [sha256.Size]byte // of the payload
	models     []describedModel
}

// describedModel is a model as it is stored.
type describedModel struct {
	AAGUID      uuid.UUID `json:"aaguid"`
	Description string    `json:"description"`
	Types       []string  `json:"attestation_types"`
	Roots       []string  `json:"roots"`
	Reports     []Report  `json:"reports"`
}

// open verifies a BLOB (§3.1.8) and reads it.
func (t Trust) open(document string, now time.Time) (*blob, error) {
	if len(document) > MaximumBLOB {
		return nil, ErrTooLarge
	}
	payload, err := jose.VerifyCertified(strings.TrimSpace(document), MaximumBLOB, []jose.Algorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.ES256, jose.ES384, jose.ES512},
		func(certificates [][]byte) (crypto.PublicKey, error) { return t.judge(certificates, now) })
	switch {
	case errors.Is(err, jose.ErrMalformed):
		return nil, fmt.Errorf("%w: %w", ErrNoBLOB, err)
	case errors.Is(err, jose.ErrInvalid):
		return nil, fmt.Errorf("%w: %w", ErrSignature, err)
	case err != nil:
		return nil, err
	}
	return parse(payload)
}

// payload is what we read of a BLOB's payload (§3.1.6).
type payload struct {
	Number     *int64  `json:"no"`
	NextUpdate string  `json:"nextUpdate"`
	Entries    []entry `json:"entries"`
}

type entry struct {
	AAGUID    string `json:"aaguid"`
	Statement struct {
		Description string   `json:"description"`
		Types       []string `json:"attestationTypes"`
		Roots       []string `json:"attestationRootCertificates"`
	} `json:"metadataStatement"`
	Reports []struct {
		Status    string `json:"status"`
		Effective string `json:"effectiveDate"`
		Sunset    string `json:"sunsetDate"`
	} `json:"statusReports"`
}

func parse(content []byte) (*blob, error) {
	var read payload
	if err := json.Unmarshal(content, &read); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	next, err := time.Parse(time.DateOnly, read.NextUpdate)
	if err != nil || read.Number == nil || *read.Number < 0 || read.Entries == nil || len(read.Entries) > maximumModels {
		return nil, fmt.Errorf("%w: no, nextUpdate or entries", ErrUnreadable)
	}
	opened := &blob{number: *read.Number, nextUpdate: next, digest: sha256.Sum256(content), models: []describedModel{}}
	at := map[uuid.UUID]int{}
	for _, e := range read.Entries {
		aaguid, err := uuid.Parse(e.AAGUID)
		if err != nil || aaguid == uuid.Nil {
			continue // of an authenticator without AAGUID, which no passkey is on
		}
		model, err := e.model(aaguid)
		if err != nil {
			return nil, err
		}
		if i, known := at[aaguid]; known { // whatever is said of a model counts
			opened.models[i].Reports = append(opened.models[i].Reports, model.Reports...)
			opened.models[i].Roots = append(opened.models[i].Roots, model.Roots...)
			continue
		}
		at[aaguid] = len(opened.models)
		opened.models = append(opened.models, model)
	}
	return opened, nil
}

// model is an entry as it is kept. A root that cannot be read is left out: nothing leads to it.
func (e entry) model(aaguid uuid.UUID) (describedModel, error) {
	model := describedModel{AAGUID: aaguid, Description: clip(e.Statement.Description), Types: append([]string{}, e.Statement.Types...), Roots: []string{}, Reports: []Report{}}
	if model.Description == "" {
		model.Description = aaguid.String()
	}
	for _, root := range e.Statement.Roots {
		compact := strings.Join(strings.Fields(root), "")
		if der, err := base64.StdEncoding.DecodeString(compact); err == nil {
			if _, err := x509.ParseCertificate(der); err == nil {
				model.Roots = append(model.Roots, compact)
			}
		}
	}
	for _, r := range e.Reports {
		report := Report{Status: r.Status}
		for _, date := range []struct {
			text string
			into *time.Time
		}{{r.Effective, &report.Effective}, {r.Sunset, &report.Sunset}} {
			if date.text == "" {
				continue
			}
			parsed, err := time.Parse(time.DateOnly, date.text)
			if err != nil {
				return model, fmt.Errorf("%w: a date of the status of %s", ErrUnreadable, aaguid)
			}
			*date.into = parsed
		}
		model.Reports = append(model.Reports, report)
	}
	return model, nil
}

func clip(text string) string {
	runes := []rune(strings.Join(strings.Fields(strings.ToValidUTF8(text, "")), " "))
	return strings.ReplaceAll(string(runes[:min(len(runes), maximumDescription)]), "\x00", "")
}
