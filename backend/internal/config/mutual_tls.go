package config

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
)

// MutualTLS reports whether clients can show a TLS certificate: to a listener of ours, or to a proxy that passes it on.
func (c *Config) MutualTLS() bool { return c.MTLSListen != "" || c.ClientCertificateHeader != "" }

// ClientAuthorities reads the certificates of client_ca_file, at each call; none without that file.
func (c *Config) ClientAuthorities() ([]*x509.Certificate, error) {
	if c.ClientCAFile == "" {
		return nil, nil
	}
	content, err := os.ReadFile(c.ClientCAFile)
	if err != nil {
		return nil, fmt.Errorf("client_ca_file: the file %s cannot be read: %w", c.ClientCAFile, errors.Unwrap(err))
	}
	var authorities []*x509.Certificate
	for {
		var block *pem.Block
		if block, content = pem.Decode(content); block == nil {
			break
		}
		authority, err := x509.ParseCertificate(block.Bytes)
		if err != nil || !authority.IsCA {
			return nil, fmt.Errorf("client_ca_file: in %s is something else than the certificates of authorities", c.ClientCAFile)
		}
		authorities = append(authorities, authority)
	}
	if len(authorities) == 0 {
		return nil, fmt.Errorf("client_ca_file: there is no certificate in PEM in %s", c.ClientCAFile)
	}
	return authorities, nil
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9-]{1,100}$`)

func (c *Config) validateMutualTLS(development bool, fault func(format string, values ...any)) {
	if _, err := c.ClientAuthorities(); err != nil {
		fault("%s", err)
	}
	switch {
	case c.MTLSListen != "" && !c.TerminatesTLS():
		fault("mtls_listen needs tls_cert_file and tls_key_file: a certificate is shown when a TLS connection is made. Behind a proxy, set client_certificate_header instead")
	case c.MTLSListen != "" && c.MTLSURL == "":
		fault("mtls_url is missing: the address at which clients reach mtls_listen, for example https://mtls.id.example.com")
	case c.MTLSURL != "" && !c.MutualTLS():
		fault("mtls_url needs mtls_listen, or client_certificate_header of a proxy")
	}
	if c.MTLSURL != "" {
		if problem := baseURLProblem(c.MTLSURL, development); problem != "" {
			fault("mtls_url %s", problem)
		} else if c.MTLSURL == c.PublicURL {
			fault("mtls_url must differ from public_url: browsers would ask people for a certificate. Leave it out where a proxy asks for certificates at the one address")
		}
	}
	if c.ClientCertificateHeader != "" {
		switch {
		case !headerName.MatchString(c.ClientCertificateHeader):
			fault("client_certificate_header: %q is not the name of a header", c.ClientCertificateHeader)
		case strings.EqualFold(c.ClientCertificateHeader, "authorization") || http.CanonicalHeaderKey(c.ClientCertificateHeader) == "Cookie":
			fault("client_certificate_header: %q has another meaning", c.ClientCertificateHeader)
		case len(c.TrustedProxies) == 0:
			fault("client_certificate_header needs trusted_proxies: nobody else's header is believed")
		}
	}
}
