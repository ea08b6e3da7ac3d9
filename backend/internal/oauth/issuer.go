package oauth

import (
	"net/url"
	"time"

	"github.com/clavex/clavex/backend/internal/org"
)

// Issuers knows the addresses of organizations. They come from the configuration and from what organizations proved to be
// their own, never from a request's Host header, which strangers write.
type Issuers struct {
	PublicURL string // scheme://host[:port] without a slash at the end
	MTLSURL   string // the same for connections with a TLS client certificate (RFC 8705 §5); "" when there are none
	MutualTLS bool   // clients can show a TLS certificate, at MTLSURL or, without one, at PublicURL
}

// URL is the issuer identifier of an organization.
func (i Issuers) URL(organization *org.Organization) string {
	return i.at(organization.Domain, organization)
}

func (i Issuers) at(domain string, organization *org.Organization) string {
	if domain == "" {
		return i.PublicURL + "/" + organization.Slug
	}
	return i.OriginOf(domain)
}

// Origin is the origin of an organization's pages.
func (i Issuers) Origin(organization *org.Organization) string {
	if organization.Domain == "" {
		return i.PublicURL
	}
	return i.OriginOf(organization.Domain)
}

// OriginOf is the origin of pages at a host of an organization's own: it differs from the public URL by the host only.
func (i Issuers) OriginOf(domain string) string {
	public, err := url.Parse(i.PublicURL)
	if err != nil {
		return "https://" + domain
	}
	if port := public.Port(); port != "" {
		domain += ":" + port
	}
	return public.Scheme + "://" + domain
}

// Endpoint is the address of one of the organization's endpoints, such as "token".
func (i Issuers) Endpoint(organization *org.Organization, name string) string {
	return i.URL(organization) + "/" + name
}

// MTLSEndpoint is the address of an endpoint for connections with a TLS client certificate (RFC 8705 §5). It says which address of
// the organization is meant, because the answers name that issuer.
func (i Issuers) MTLSEndpoint(organization *org.Organization, name string) string {
	if organization.Domain != "" {
		return i.MTLSURL + OwnHostPrefix + organization.Domain + "/" + name
	}
	return i.MTLSURL + "/" + organization.Slug + "/" + name
}

// Names are the issuer identifiers by which others mean an organization at a moment: that of the address that was asked, and
// while two addresses are served that of the other one.
func (i Issuers) Names(organization *org.Organization, at time.Time) []string {
	names := []string{i.URL(organization)}
	if organization.ServesFormer(at) {
		names = append(names, i.at(organization.Former.Domain, organization))
	}
	return names
}

// Made is the issuer identifier that something we made ourselves has to name at a moment: the one that it claims, when the
// organization is served there, so that what was made at one address is good at the other.
func (i Issuers) Made(organization *org.Organization, claimed string, at time.Time) string {
	if organization.ServesFormer(at) && claimed == i.at(organization.Former.Domain, organization) {
		return claimed
	}
	return i.URL(organization)
}

// Means reports whether an identifier means an organization at a moment.
func (i Issuers) Means(organization *org.Organization, identifier string, at time.Time) bool {
	return identifier == i.Made(organization, identifier, at)
}

// Was reports whether an identifier is that of an organization's present address, or of the one before, however long ago: what
// was granted for either is for the organization itself.
func (i Issuers) Was(organization *org.Organization, identifier string) bool {
	return identifier == i.URL(organization) || organization.Former != nil && identifier == i.at(organization.Former.Domain, organization)
}

// OwnHostPrefix goes before the host of an organization's own in paths at MTLSURL; no slug has such a character.
const OwnHostPrefix = "/@"

// AdminAudience is the audience of access tokens for the Admin API.
func (i Issuers) AdminAudience() string { return i.PublicURL + "/api/v1" }
