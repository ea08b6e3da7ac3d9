package certificate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// selfSigned makes a pair that is good for now, but for what change changes.
func selfSigned(t *testing.T, key crypto.Signer, change func(*x509.Certificate)) (chain, private []byte) {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "id.example.test"}, DNSNames: []string{"id.example.test"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	chain, private, err = encode(der, key)
	if err != nil {
		t.Fatal(err)
	}
	return chain, private
}

func curve(t *testing.T, of elliptic.Curve) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(of, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestParse(t *testing.T) {
	t.Parallel()
	p256 := curve(t, elliptic.P256())
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good, goodKey := selfSigned(t, p256, nil)
	_, otherKey := selfSigned(t, curve(t, elliptic.P256()), nil)
	for name, c := range map[string]struct {
		key        crypto.Signer
		change     func(*x509.Certificate)
		chain, own []byte // instead of those
		says       string // "": accepted
	}{
		"P-256":              {key: p256},
		"P-384":              {key: curve(t, elliptic.P384())},
		"RSA":                {key: long},
		"Ed25519":            {key: edwards, says: "P-256 and P-384 only"},
		"P-521":              {key: curve(t, elliptic.P521()), says: "P-256 and P-384 only"},
		"expired":            {key: p256, change: func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Minute) }, says: "expired on 2026-05-01 11:59 UTC"},
		"not yet valid":      {key: p256, change: func(c *x509.Certificate) { c.NotBefore = now.Add(time.Minute) }, says: "not valid before"},
		"no names":           {key: p256, change: func(c *x509.Certificate) { c.DNSNames = nil }, says: "names no host"},
		"for clients":        {key: p256, change: func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, says: "not for servers"},
		"for servers":        {key: p256, change: func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }},
		"another key":        {chain: good, own: otherKey, says: "does not match"},
		"no certificate":     {chain: goodKey, own: goodKey, says: "no certificate in PEM"},
		"no key":             {chain: good, own: good, says: "no private key in PEM"},
		"nothing":            {chain: []byte{}, own: []byte{}, says: "no certificate in PEM"},
		"encrypted (PKCS 8)": {chain: good, own: pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")}), says: "passphrase"},
		"encrypted (PEM)": {chain: good, says: "passphrase", own: pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: []byte("x"),
			Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}})},
		"half a certificate": {chain: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("half")}), own: goodKey, says: "malformed"},
		"half a key":         {chain: good, own: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("half")}), says: "private key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chain, private := c.chain, c.own
			if c.key != nil {
				chain, private = selfSigned(t, c.key, c.change)
			}
			pair, err := Parse(chain, private, now)
			if c.says == "" && (err != nil || pair.Leaf == nil) {
				t.Fatalf("%v", err)
			}
			if c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Fatalf("%v, want %q", err, c.says)
			}
		})
	}
}

func TestAuthority(t *testing.T) {
	t.Parallel()
	made, err := NewAuthority(now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key, err := made.Encode()
	if err != nil {
		t.Fatal(err)
	}
	authority, err := OpenAuthority(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	hosts := []string{"id.clavex.test", "app.example.test"}
	chain, private, err := authority.Issue(hosts, now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := Parse(chain, private, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := pair.Leaf.PublicKey.(*rsa.PublicKey); !ok {
		t.Errorf("FAPI 1.0 Part 2 §8.5 permits no suite of TLS 1.2 with a key of %T", pair.Leaf.PublicKey)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	for _, host := range append(hosts, "localhost", "demo.localhost", "127.0.0.1", "::1") {
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: roots, CurrentTime: now}); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	if !authority.Covers(pair.Leaf, hosts, now) {
		t.Error("what it issued does not do")
	}
	if authority.Covers(pair.Leaf, hosts[:1], now) || authority.Covers(pair.Leaf, append(hosts, "more.test"), now) {
		t.Error("a certificate for other hosts does")
	}
	if authority.Covers(pair.Leaf, hosts, now.Add(IssuedLifetime-IssuedRenewal)) {
		t.Error("a certificate that ends soon does")
	}
	other, err := NewAuthority(now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if other.Covers(pair.Leaf, hosts, now) {
		t.Error("another authority's certificate does")
	}
	if !authority.Fresh(now) || authority.Fresh(now.Add(AuthorityLifetime-AuthorityRenewal)) || authority.Fresh(now.Add(-2*time.Hour)) {
		t.Error("the authority's lifetime")
	}
	if _, _, err := authority.Issue([]string{"id.example.com"}, now, rand.Reader); err == nil {
		t.Error("it named a host of the Internet")
	}
	_, otherKey, _ := other.Encode()
	for name, pair := range map[string][2][]byte{"another key": {certificate, otherKey}, "no key": {certificate, nil}, "no certificate": {nil, key}, "nonsense": {key, certificate}} {
		if _, err := OpenAuthority(pair[0], pair[1]); err == nil {
			t.Errorf("%s is an authority", name)
		}
	}
}

// RFC 5280 §4.2.1.10: even with its key nobody can pretend to be a host of the Internet.
func TestAuthorityIsConstrained(t *testing.T) {
	t.Parallel()
	authority, err := NewAuthority(now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := curve(t, elliptic.P256())
	roots := x509.NewCertPool()
	roots.AddCert(authority.certificate)
	for name, change := range map[string]func(*x509.Certificate){
		"www.example.com":                func(c *x509.Certificate) { c.DNSNames = []string{"www.example.com"} },
		"nottest.test.example.com":       func(c *x509.Certificate) { c.DNSNames = []string{"nottest.test.example.com"} },
		"192.0.2.1":                      func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, []net.IP{{192, 0, 2, 1}} },
		"an authority below, of a .test": func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true },
	} {
		template := &x509.Certificate{SerialNumber: big.NewInt(7), DNSNames: []string{"id.example.test"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
		change(template)
		der, err := x509.CreateCertificate(rand.Reader, template, authority.certificate, key.Public(), authority.key)
		if err != nil {
			t.Fatal(err)
		}
		made, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		if made.IsCA {
			below := &Authority{certificate: made, key: key}
			chain, _, err := below.Issue(nil, now, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			block, _ := pem.Decode(chain)
			leaf, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			between := x509.NewCertPool()
			between.AddCert(made)
			if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now}); err == nil {
				t.Error("an authority below it is believed")
			}
			continue
		}
		if _, err := made.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now}); err == nil {
			t.Errorf("%s is believed", name)
		}
	}
}

func TestNameProblem(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"id.clavex.test", "localhost", "a.localhost", "x-1.internal", "nas.home.arpa"} {
		if problem := NameProblem(host); problem != "" {
			t.Error(problem)
		}
	}
	for _, host := range []string{"", "id.example.com", "latest", "Id.clavex.test", "a..test", "-a.test", "*.test", "id.clavex.test:8443", "https://id.test", "127.0.0.1", strings.Repeat("a", 64) + ".test"} {
		if NameProblem(host) == "" {
			t.Errorf("%q is accepted", host)
		}
	}
}
