package certificate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"time"
)

// How long an authority and what it issues are valid, and how long before the end they are made anew.
const (
	AuthorityLifetime = 10 * 365 * 24 * time.Hour
	AuthorityRenewal  = 365 * 24 * time.Hour
	IssuedLifetime    = 397 * 24 * time.Hour // the longest that browsers of every maker accept
	IssuedRenewal     = 60 * 24 * time.Hour
	clockSkew         = time.Hour // backwards, for machines whose clock is a little behind
)

// Authority issues certificates for servers on a developer's machine. Whoever gets its key can pretend to be hosts
// under Domains and loopback addresses, and nobody else: its certificate says so (RFC 5280 §4.2.1.10).
type Authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// Domains are those that an Authority may name hosts under: reserved for use on one's own (RFC 2606 §2, RFC 6761,
// RFC 8375, and internal, which ICANN reserved), so they are nobody's in the Internet.
func Domains() []string { return []string{"localhost", "test", "example", "internal", "home.arpa"} }

// NameProblem says why an Authority cannot name the host, "" when it can. A host is a DNS name in lower case.
func NameProblem(host string) string {
	label := func(text string) bool {
		return text != "" && len(text) <= 63 && text == strings.Trim(text, "-") && !strings.ContainsFunc(text, func(r rune) bool {
			return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-", r)
		})
	}
	if len(host) > 253 || slices.ContainsFunc(strings.Split(host, "."), func(part string) bool { return !label(part) }) {
		return fmt.Sprintf("%q is not the name of a host", host)
	}
	if !slices.ContainsFunc(Domains(), func(domain string) bool { return host == domain || strings.HasSuffix(host, "."+domain) }) {
		return fmt.Sprintf("%q is not under one of %s: the local authority may name no host of the Internet", host, strings.Join(Domains(), ", "))
	}
	return ""
}

// NewAuthority makes an authority that is valid from now on.
func NewAuthority(now time.Time, random io.Reader) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), random)
	if err != nil {
		return nil, err
	}
	serial, err := serialNumber(random)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		// Distinguishable in a list of authorities, for who has several data folders.
		Subject:      pkix.Name{Organization: []string{"Clavex (development)"}, CommonName: "Clavex development authority " + hex.EncodeToString(serial.Bytes()[:3])},
		SerialNumber: serial, NotBefore: now.Add(-clockSkew), NotAfter: now.Add(AuthorityLifetime),
		BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		ExtKeyUsage:                 []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: Domains(),
		PermittedIPRanges: []*net.IPNet{{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)}, {IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)}},
	}
	der, err := x509.CreateCertificate(random, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	made, err := x509.ParseCertificate(der)
	return &Authority{certificate: made, key: key}, err
}

// OpenAuthority reads what Encode wrote.
func OpenAuthority(certificate, key []byte) (*Authority, error) {
	block, _ := pem.Decode(certificate)
	if block == nil {
		return nil, errors.New("there is no certificate in PEM")
	}
	found, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, err
	}
	if block, _ = pem.Decode(key); block == nil {
		return nil, errors.New("there is no private key in PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || !private.PublicKey.Equal(found.PublicKey) {
		return nil, errors.New("the private key belongs to another certificate")
	}
	return &Authority{certificate: found, key: private}, nil
}

// Encode returns the certificate and the private key in PEM.
func (a *Authority) Encode() (certificate, key []byte, err error) {
	return encode(a.certificate.Raw, a.key)
}

// Fresh reports whether the authority is valid long enough to issue from it.
func (a *Authority) Fresh(now time.Time) bool {
	return now.After(a.certificate.NotBefore) && now.Before(a.certificate.NotAfter.Add(-AuthorityRenewal))
}

// Covers reports whether the certificate is of this authority, for exactly this machine and these hosts, and valid
// for a while.
func (a *Authority) Covers(leaf *x509.Certificate, hosts []string, now time.Time) bool {
	return leaf.CheckSignatureFrom(a.certificate) == nil && slices.Equal(leaf.DNSNames, names(hosts)) && now.Before(leaf.NotAfter.Add(-IssuedRenewal))
}

// Issue makes a certificate with a new key, both in PEM, for localhost and names under it, the loopback addresses,
// and the hosts. The key is an RSA key: of TLS 1.2's suites FAPI 1.0 (Part 2, §8.5), on which FAPI CIBA rests, permits none
// with another.
func (a *Authority) Issue(hosts []string, now time.Time, random io.Reader) (certificate, key []byte, err error) {
	for _, host := range hosts {
		if problem := NameProblem(host); problem != "" {
			return nil, nil, errors.New(problem)
		}
	}
	private, err := rsa.GenerateKey(random, 2048)
	if err != nil {
		return nil, nil, err
	}
	serial, err := serialNumber(random)
	if err != nil {
		return nil, nil, err
	}
	all := names(hosts)
	template := &x509.Certificate{
		Subject: pkix.Name{Organization: []string{"Clavex (development)"}, CommonName: all[0]}, SerialNumber: serial,
		NotBefore: now.Add(-clockSkew), NotAfter: now.Add(IssuedLifetime), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: all, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(random, template, a.certificate, private.Public(), a.key)
	if err != nil {
		return nil, nil, err
	}
	return encode(der, private)
}

func names(hosts []string) []string {
	all := []string{"localhost", "*.localhost"}
	for _, host := range hosts {
		if !slices.Contains(all, host) {
			all = append(all, host)
		}
	}
	return all
}

// serialNumber is random, positive and of at most 20 bytes (RFC 5280 §4.1.2.2).
func serialNumber(random io.Reader) (*big.Int, error) {
	serial := make([]byte, 16)
	if _, err := io.ReadFull(random, serial); err != nil {
		return nil, err
	}
	serial[0] = serial[0]&0x7f | 0x40
	return new(big.Int).SetBytes(serial), nil
}

func encode(certificate []byte, key crypto.Signer) (certificatePEM, keyPEM []byte, err error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
