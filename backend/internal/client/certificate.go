package client

import (
	"crypto/x509"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"strings"
)

// certificateNames are the members of which a client of tls_client_auth registers exactly one (RFC 8705 §2.1.2).
func (m *Metadata) certificateNames() map[string]string {
	return map[string]string{
		"tls_client_auth_subject_dn": m.TLSClientAuthSubjectDN, "tls_client_auth_san_dns": m.TLSClientAuthSANDNS, "tls_client_auth_san_uri": m.TLSClientAuthSANURI,
		"tls_client_auth_san_ip": m.TLSClientAuthSANIP, "tls_client_auth_san_email": m.TLSClientAuthSANEmail,
	}
}

// Names reports whether the certificate has the name that the client registered for tls_client_auth. Who issued the
// certificate has been checked before: a name says nothing by itself.
func (m *Metadata) Names(certificate *x509.Certificate) bool {
	switch {
	case m.TLSClientAuthSubjectDN != "":
		wanted, err := parseName(m.TLSClientAuthSubjectDN)
		return err == nil && wanted.is(certificate.RawSubject)
	case m.TLSClientAuthSANDNS != "":
		return containsFold(certificate.DNSNames, m.TLSClientAuthSANDNS)
	case m.TLSClientAuthSANURI != "":
		for _, uri := range certificate.URIs {
			if uri.String() == m.TLSClientAuthSANURI {
				return true
			}
		}
	case m.TLSClientAuthSANIP != "":
		wanted := net.ParseIP(m.TLSClientAuthSANIP)
		for _, address := range certificate.IPAddresses {
			if address.Equal(wanted) {
				return true
			}
		}
	case m.TLSClientAuthSANEmail != "":
		return containsFold(certificate.EmailAddresses, m.TLSClientAuthSANEmail)
	}
	return false
}

func containsFold(values []string, wanted string) bool {
	for _, value := range values {
		if strings.EqualFold(value, wanted) {
			return true
		}
	}
	return false
}

// validateCertificates judges what belongs to mutual TLS (RFC 8705 §2).
func (c *Client) validateCertificates() error {
	m := &c.Metadata
	registered := ""
	for name, value := range m.certificateNames() {
		switch {
		case value == "":
			continue
		case c.AuthenticationMethod != TLSClientAuth:
			return invalid(name, "This goes with tls_client_auth.")
		case registered != "":
			return invalid("tls_client_auth_subject_dn", "Name the certificate in one way only, by its subject or by one alternative name.")
		}
		registered = name
	}
	switch {
	case c.AuthenticationMethod == TLSClientAuth && registered == "":
		return invalid("tls_client_auth_subject_dn", "tls_client_auth needs the name in the certificate: its subject, or one alternative name.")
	case c.AuthenticationMethod == SelfSignedTLSClientAuth && len(m.JWKS) == 0 && m.JWKSURI == "":
		return invalid("token_endpoint_auth_method", "self_signed_tls_client_auth needs the public key of the certificate: give jwks or jwks_uri.")
	}
	return m.validateCertificateNames()
}

func (m *Metadata) validateCertificateNames() error {
	for name, value := range m.certificateNames() {
		if len(value) > maximumURIBytes || strings.ContainsFunc(value, misleading) {
			return invalid(name, "This has at most %d bytes on one line.", maximumURIBytes)
		}
	}
	if m.TLSClientAuthSubjectDN != "" {
		if _, err := parseName(m.TLSClientAuthSubjectDN); err != nil {
			return invalid("tls_client_auth_subject_dn", "%q is not a distinguished name such as CN=payroll,O=Acme,C=IT: %s.", clip(m.TLSClientAuthSubjectDN), err)
		}
	}
	if uri := m.TLSClientAuthSANURI; uri != "" {
		if parsed, err := url.Parse(uri); err != nil || parsed.Scheme == "" {
			return invalid("tls_client_auth_san_uri", "%q is not a URI.", clip(uri))
		}
	}
	if address := m.TLSClientAuthSANIP; address != "" {
		if _, err := netip.ParseAddr(address); err != nil {
			return invalid("tls_client_auth_san_ip", "%q is not an IP address.", clip(address))
		}
	}
	if address := m.TLSClientAuthSANEmail; address != "" {
		if parsed, err := mail.ParseAddress(address); err != nil || parsed.Address != address {
			return invalid("tls_client_auth_san_email", "%q is not an e-mail address.", clip(address))
		}
	}
	return nil
}
