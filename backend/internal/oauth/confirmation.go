package oauth

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
)

// Confirmation is the claim "cnf" of an access token (RFC 7800 §3.1): what its sender has to prove. The zero value is
// that of a bearer token. With both members, both have to be proven.
type Confirmation struct {
	KeyThumbprint         string `json:"jkt,omitempty"`      // of the DPoP key (RFC 9449 §6.1, RFC 7638)
	CertificateThumbprint string `json:"x5t#S256,omitempty"` // of the TLS client certificate (RFC 8705 §3.1)
}

// Bound reports whether a sender has anything to prove.
func (c Confirmation) Bound() bool { return c != Confirmation{} }

// TokenType is the token_type of an access token with this confirmation (RFC 9449 §5, RFC 8705 §3).
func (c Confirmation) TokenType() string {
	if c.KeyThumbprint != "" {
		return SchemeDPoP
	}
	return SchemeBearer
}

// Holders are the names under which a grant remembers who may redeem its code or use its refresh token.
func (c Confirmation) Holders() []string {
	holders := []string{}
	if c.KeyThumbprint != "" {
		holders = append(holders, holderOfKey(c.KeyThumbprint))
	}
	if c.CertificateThumbprint != "" {
		holders = append(holders, "x5t#S256:"+c.CertificateThumbprint)
	}
	return holders
}

// Holder is the one of Holders that a new binding is made to, "" for none.
func (c Confirmation) Holder() string {
	if holders := c.Holders(); len(holders) > 0 {
		return holders[0]
	}
	return ""
}

func holderOfKey(thumbprint string) string { return "jkt:" + thumbprint }

// HolderOfKey is the holder that the parameter dpop_jkt names (RFC 9449 §10), "" for none.
func HolderOfKey(thumbprint string) string {
	if thumbprint == "" {
		return ""
	}
	return holderOfKey(thumbprint)
}

// CertificateThumbprint is the value of x5t#S256 (RFC 8705 §3.1).
func CertificateThumbprint(certificate *x509.Certificate) string {
	digest := sha256.Sum256(certificate.Raw)
	return base64.RawURLEncoding.EncodeToString(digest[:])
}
