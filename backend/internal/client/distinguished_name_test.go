package client

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net"
	"net/url"
	"testing"
	"time"
)

func testCertificate(t *testing.T, template x509.Certificate) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.NotBefore, template.NotAfter = big.NewInt(1), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// RFC 8705 §2.1.2, RFC 4514 §3, RFC 4518 §2.
func TestSubjectsOfCertificates(t *testing.T) {
	t.Parallel()
	identifier := pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 97}, Value: "PSDIT-BI-12345"}
	certificate := testCertificate(t, x509.Certificate{Subject: pkix.Name{CommonName: `Payroll, "A+B"`, Organization: []string{"Acme  GmbH"}, Country: []string{"IT"},
		ExtraNames: []pkix.AttributeTypeAndValue{identifier}}})
	for subject, want := range map[string]bool{
		`2.5.4.97=PSDIT-BI-12345,CN=Payroll\, \"A\+B\",O=Acme  GmbH,C=IT`:                   true,
		`organizationIdentifier=PSDIT-BI-12345, cn=payroll\, \"a\+b\" , o=ACME GmbH , C=it`: true,
		`OID.2.5.4.97=PSDIT-BI-12345,CN=Payroll\2C \22A\2BB\22,O=Acme GmbH,C=IT`:            true,
		`2.5.4.97=#130e50534449542d42492d3132333435,CN=Payroll\, \"A\+B\",O=Acme GmbH,C=IT`: true,  // DER of a PrintableString
		`CN=Payroll\, \"A\+B\",O=Acme GmbH,C=IT`:                                            false, // a part is missing
		`C=IT,O=Acme GmbH,CN=Payroll\, \"A\+B\",2.5.4.97=PSDIT-BI-12345`:                    false, // the other way round
		`2.5.4.97=PSDIT-BI-12345,CN=Payroll\, \"A\+B\",O=Acme GmbH,C=DE`:                    false,
		`2.5.4.97=PSDIT-BI-12345,CN=Payroll\, \"A\+B\",OU=Acme GmbH,C=IT`:                   false,
		`2.5.4.97=PSDIT-BI-12345+CN=Payroll\, \"A\+B\",O=Acme GmbH,C=IT`:                    false, // one relative name of two parts
	} {
		m := Metadata{TLSClientAuthSubjectDN: subject}
		if _, err := parseName(subject); err != nil {
			t.Errorf("%s: %v", subject, err)
		}
		if got := m.Names(certificate); got != want {
			t.Errorf("%s: %v", subject, got)
		}
	}
	for _, malformed := range []string{"", "CN", "=x", "CN=", "XY=z", "CN=a,", "CN=a\\", "CN=#zz", "CN=#", "1=x", "CN=a\"b", "CN=\xff", "CN=\\ff", "2.5.4.99999999999999=x"} {
		if _, err := parseName(malformed); err == nil {
			t.Errorf("%q is a name", malformed)
		}
	}
}

func TestAlternativeNamesOfCertificates(t *testing.T) {
	t.Parallel()
	uri, _ := url.Parse("https://client.example/id")
	certificate := testCertificate(t, x509.Certificate{DNSNames: []string{"client.example"}, URIs: []*url.URL{uri}, IPAddresses: []net.IP{net.ParseIP("192.0.2.7")},
		EmailAddresses: []string{"client@example.test"}})
	for name, each := range map[string]struct {
		metadata Metadata
		want     bool
	}{
		"dns":           {Metadata{TLSClientAuthSANDNS: "Client.Example"}, true},
		"another dns":   {Metadata{TLSClientAuthSANDNS: "example"}, false},
		"uri":           {Metadata{TLSClientAuthSANURI: "https://client.example/id"}, true},
		"another uri":   {Metadata{TLSClientAuthSANURI: "https://client.example/ID"}, false},
		"ip":            {Metadata{TLSClientAuthSANIP: "192.0.2.7"}, true},
		"another ip":    {Metadata{TLSClientAuthSANIP: "192.0.2.8"}, false},
		"email":         {Metadata{TLSClientAuthSANEmail: "client@example.test"}, true},
		"another email": {Metadata{TLSClientAuthSANEmail: "x@example.test"}, false},
		"nothing":       {Metadata{}, false},
	} {
		if got := each.metadata.Names(certificate); got != each.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func FuzzParseName(f *testing.F) {
	for _, seed := range []string{"CN=a,O=b+OU=c", `CN=\2C\,x,2.5.4.97=#1303616263`, "DC=example,DC=test"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, err := parseName(text)
		if err == nil && len(name) == 0 {
			t.Errorf("%q is an empty name", text)
		}
	})
}
