package oauth

import "github.com/clavex/clavex/backend/internal/org"

// Issuers knows the addresses of organizations. They come from the configuration, never from a request's
// Host header, which strangers write.
type Issuers struct {
	PublicURL string // scheme://host[:port] without a slash at the end
	MTLSURL   string // the same for connections with a TLS client certificate (RFC 8705 §5); "" when there are none
	MutualTLS bool   // clients can show a TLS certificate, at MTLSURL or, without one, at PublicURL
}

// URL is the issuer identifier of an organization.
func (i Issuers) URL(organization *org.Organization) string {
	return i.PublicURL + "/" + organization.Slug
}

// Endpoint is the address of one of the organization's endpoints, such as "token".
func (i Issuers) Endpoint(organization *org.Organization, name string) string {
	return i.PublicURL + "/" + organization.Slug + "/" + name
}

// MTLSEndpoint is the address of an endpoint for connections with a TLS client certificate (RFC 8705 §5).
func (i Issuers) MTLSEndpoint(organization *org.Organization, name string) string {
	return i.MTLSURL + "/" + organization.Slug + "/" + name
}

// AdminAudience is the audience of access tokens for the Admin API.
func (i Issuers) AdminAudience() string { return i.PublicURL + "/api/v1" }
