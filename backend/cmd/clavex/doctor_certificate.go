package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	certificateCheck = "certificate"
	renewalOverdue   = 14 * 24 * time.Hour
)

// checkCertificate explains the certificate that Clavex shows. That it can be used at all is a matter of the
// configuration, and told there.
func (e *examination) checkCertificate() {
	if !e.cfg.TerminatesTLS() {
		e.ok(certificateCheck, "none: a proxy terminates TLS (tls_cert_file is not set)")
		return
	}
	pair, err := e.cfg.Certificate(time.Now())
	if err != nil {
		return
	}
	e.checkSecretFile("tls_key_file", e.cfg.TLSKeyFile)
	leaf := pair.Leaf
	found := fmt.Sprintf("for %s, issued by %s, until %s", strings.Join(hostNames(leaf), ", "), leaf.Issuer, leaf.NotAfter.UTC().Format(time.DateTime+" UTC"))
	if left := time.Until(leaf.NotAfter); left < renewalOverdue {
		e.warn(certificateCheck, fmt.Sprintf("%s, which is in %d days", found, left/(24*time.Hour)), "renew it; a changed file is taken over without a restart")
	} else {
		e.ok(certificateCheck, "%s", found)
	}
	e.checkCoverage(leaf)
	e.checkChain(pair)
}

// checkCoverage looks whether browsers will take the certificate for the addresses that people use.
func (e *examination) checkCoverage(leaf *x509.Certificate) {
	addresses := map[string]string{"public_url": e.cfg.PublicURL}
	if e.cfg.ConsoleURL != e.cfg.PublicURL {
		addresses["console_url"] = e.cfg.ConsoleURL
	}
	for name, address := range addresses {
		parsed, err := url.Parse(address)
		if err != nil || parsed.Hostname() == "" {
			continue // told with the configuration
		}
		if leaf.VerifyHostname(parsed.Hostname()) != nil {
			e.warn(certificateCheck, fmt.Sprintf("it does not name %s, the host of %s", parsed.Hostname(), name),
				"issue it for that name too, unless a proxy in front shows people another certificate")
		}
	}
}

// checkChain finds the usual mistake of leaving out the certificates between the server's and the authority's.
func (e *examination) checkChain(pair *tls.Certificate) {
	between := x509.NewCertPool()
	for _, der := range pair.Certificate[1:] {
		if parsed, err := x509.ParseCertificate(der); err == nil {
			between.AddCert(parsed)
		}
	}
	if _, err := pair.Leaf.Verify(x509.VerifyOptions{Intermediates: between}); err != nil {
		e.warn(certificateCheck, "it does not lead to an authority that this machine trusts: "+strings.TrimPrefix(err.Error(), "x509: "),
			"append the authority's intermediate certificates to tls_cert_file; if the authority is your own, people's devices must know it")
	}
}

func hostNames(leaf *x509.Certificate) []string {
	names := leaf.DNSNames
	for _, address := range leaf.IPAddresses {
		names = append(names, address.String())
	}
	return names
}

// trusting returns a client that accepts the configured certificate and no other, whatever address it is asked at.
func (e *examination) trusting() *http.Client {
	pair, err := e.cfg.Certificate(time.Now())
	if err != nil {
		return http.DefaultClient
	}
	roots := x509.NewCertPool()
	roots.AddCert(pair.Leaf)
	name := hostNames(pair.Leaf)[0]
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, ServerName: strings.Replace(name, "*", "any", 1)}}}
}
