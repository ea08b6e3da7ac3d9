// Package certificate judges the certificates that Clavex shows when it terminates TLS, says how it speaks TLS
// (RFC 9325, which FAPI 2.0 Security Profile §5.2.1 demands), and holds the authority of `clavex dev --tls`. Files
// are read by config, and followed by server; certificates of clients are not this package's.
package certificate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

const shortestRSA = 2048 // bits (RFC 9325 §4.5)

// Parse reads a certificate with its chain, and its private key, both in PEM. It refuses what no browser would
// accept: a key that belongs to another certificate, one that is encrypted, short or of a kind that browsers do not
// know, and a certificate that is not valid at the moment or not for servers. The error is fit to be shown and tells
// nothing of the key. Leaf of the result is set.
func Parse(chain, key []byte, now time.Time) (*tls.Certificate, error) {
	if !hasBlock(chain, "CERTIFICATE") {
		return nil, errors.New("there is no certificate in PEM")
	}
	if block := privateKey(key); block == nil {
		return nil, errors.New("there is no private key in PEM")
	} else if strings.Contains(block.Type, "ENCRYPTED") || block.Headers["DEK-Info"] != "" {
		return nil, errors.New("the private key is encrypted with a passphrase; hand it over without, in a file that only Clavex reads")
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		// The library's words name the fault and no part of the key.
		return nil, errors.New(strings.TrimPrefix(err.Error(), "tls: "))
	}
	if err := judgeKey(pair.Leaf); err != nil {
		return nil, err
	}
	return &pair, judge(pair.Leaf, now)
}

// Same reports whether both show the same certificates, and therefore have the same key.
func Same(a, b *tls.Certificate) bool {
	return slices.EqualFunc(a.Certificate, b.Certificate, bytes.Equal)
}

func judge(leaf *x509.Certificate, now time.Time) error {
	switch {
	case now.After(leaf.NotAfter):
		return fmt.Errorf("the certificate expired on %s", moment(leaf.NotAfter))
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("the certificate is not valid before %s", moment(leaf.NotBefore))
	case len(leaf.DNSNames)+len(leaf.IPAddresses) == 0:
		return errors.New("the certificate names no host (subjectAltName), and browsers look nowhere else")
	case len(leaf.ExtKeyUsage) > 0 && !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageServerAuth) && !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageAny):
		return errors.New("the certificate is not for servers (extendedKeyUsage)")
	}
	return nil
}

func judgeKey(leaf *x509.Certificate) error {
	switch key := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < shortestRSA {
			return fmt.Errorf("the RSA key has %d bits, and %d are the least", key.N.BitLen(), shortestRSA)
		}
		return nil
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() || key.Curve == elliptic.P384() {
			return nil
		}
	case ed25519.PublicKey:
	}
	return errors.New("browsers accept certificates with RSA keys and with those of the curves P-256 and P-384 only")
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func hasBlock(content []byte, kind string) bool {
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == kind {
			return true
		}
	}
	return false
}

func privateKey(content []byte) *pem.Block {
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return block
		}
	}
	return nil
}
