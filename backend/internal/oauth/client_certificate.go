package oauth

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"

	"github.com/google/uuid"
	"github.com/maypok86/otter/v2"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/org"
)

// The reasons to refuse a certificate; they are for the log only.
var (
	errCertificateMissing = errors.New("oauth: the request has no TLS client certificate")
	errCertificateTime    = errors.New("oauth: the TLS client certificate has expired or is not valid yet")
	errCertificateName    = errors.New("oauth: the TLS client certificate has another name than the client registered")
	errCertificateKey     = errors.New("oauth: the client registered another key than that of its TLS client certificate")
	errCertificateChain   = errors.New("oauth: the TLS client certificate was not issued by an authority that the organization accepts")
)

const parsedAuthorities = 1000 // organizations whose authorities are kept parsed

// authoritiesKey names one state of an organization.
type authoritiesKey struct {
	id      uuid.UUID
	version int64
}

// ClientAuthorities are the certificate authorities that clients' TLS certificates are verified with (RFC 8705 §2.1):
// those of the configuration, and those of the organization. It is safe for concurrent use.
type ClientAuthorities struct {
	configured []*x509.Certificate
	cache      *otter.Cache[authoritiesKey, *x509.CertPool]
}

// NewClientAuthorities makes the collection; configured are good for every organization.
func NewClientAuthorities(configured []*x509.Certificate) *ClientAuthorities {
	return &ClientAuthorities{configured: configured, cache: otter.Must(&otter.Options[authoritiesKey, *x509.CertPool]{MaximumSize: parsedAuthorities})}
}

func (a *ClientAuthorities) of(organization *org.Organization) *x509.CertPool {
	key := authoritiesKey{organization.ID, organization.Version}
	if pool, ok := a.cache.GetIfPresent(key); ok {
		return pool
	}
	pool := x509.NewCertPool()
	for _, authority := range a.configured {
		pool.AddCert(authority)
	}
	pool.AppendCertsFromPEM([]byte(organization.Policies.ClientCertificateAuthorities))
	a.cache.Set(key, pool)
	return pool
}

// byCertificate authenticates a client by the certificate of its TLS connection (RFC 8705 §2). chain is the
// certificate and those sent with it; that the sender has its private key, the connection has proven.
func (a *ClientAuthentication) byCertificate(ctx context.Context, organization *org.Organization, found *client.Client, chain []*x509.Certificate) (*client.Client, error) {
	err := errCertificateMissing
	if len(chain) > 0 {
		err = a.checkCertificate(ctx, organization, found, chain)
	}
	switch {
	case err == nil:
		return found, nil
	case fault.IsKind(err, fault.Invalid), slices.ContainsFunc([]error{errCertificateMissing, errCertificateTime, errCertificateName, errCertificateKey, errCertificateChain},
		func(reason error) bool { return errors.Is(err, reason) }):
		return nil, invalidClient().WithCause(err)
	default:
		return nil, err
	}
}

func (a *ClientAuthentication) checkCertificate(ctx context.Context, organization *org.Organization, found *client.Client, chain []*x509.Certificate) error {
	certificate, now := chain[0], a.now()
	if now.Before(certificate.NotBefore) || now.After(certificate.NotAfter) {
		return errCertificateTime
	}
	if found.AuthenticationMethod == client.SelfSignedTLSClientAuth {
		holds, err := a.keySets.Holds(ctx, found.Metadata.JWKS, found.Metadata.JWKSURI, certificate.PublicKey)
		if err == nil && !holds {
			err = errCertificateKey
		}
		return err
	}
	intermediates := x509.NewCertPool()
	for _, sent := range chain[1:] {
		intermediates.AddCert(sent)
	}
	_, err := certificate.Verify(x509.VerifyOptions{Roots: a.authorities.of(organization), Intermediates: intermediates, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	switch {
	case err != nil:
		return errors.Join(errCertificateChain, err)
	case !found.Metadata.Names(certificate):
		return errCertificateName
	}
	return nil
}
