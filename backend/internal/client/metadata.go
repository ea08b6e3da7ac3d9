package client

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/clavex/clavex/backend/internal/org"
)

// SubjectType says how a person's identifier is made for a client (OpenID Connect Core 1.0 §8).
type SubjectType string

// The subject types.
const (
	PublicSubject   SubjectType = "public"   // the same for every client
	PairwiseSubject SubjectType = "pairwise" // another one for every sector
)

// Metadata is what a client says of itself beyond the members every client has: OpenID Connect Dynamic Client
// Registration 1.0 §2, the logout specifications and RFC 7591 §2, in their words. It is stored as one JSON object.
type Metadata struct {
	JWKS    json.RawMessage `json:"jwks,omitempty"` // a JWK set; not together with JWKSURI
	JWKSURI string          `json:"jwks_uri,omitempty"`

	SubjectType         SubjectType `json:"subject_type,omitempty"` // "" is public
	SectorIdentifierURI string      `json:"sector_identifier_uri,omitempty"`

	IDTokenEncryptedResponseAlg  string `json:"id_token_encrypted_response_alg,omitempty"` // "": not encrypted
	IDTokenEncryptedResponseEnc  string `json:"id_token_encrypted_response_enc,omitempty"`
	UserinfoSignedResponseAlg    string `json:"userinfo_signed_response_alg,omitempty"` // "": JSON, unless encrypted
	UserinfoEncryptedResponseAlg string `json:"userinfo_encrypted_response_alg,omitempty"`
	UserinfoEncryptedResponseEnc string `json:"userinfo_encrypted_response_enc,omitempty"`
	RequestObjectSigningAlg      string `json:"request_object_signing_alg,omitempty"` // "": any; none only where the profile allows it
	RequestObjectEncryptionAlg   string `json:"request_object_encryption_alg,omitempty"`
	RequestObjectEncryptionEnc   string `json:"request_object_encryption_enc,omitempty"`

	AuthorizationSignedResponseAlg    string `json:"authorization_signed_response_alg,omitempty"`    // JARM §3; "" is RS256
	AuthorizationEncryptedResponseAlg string `json:"authorization_encrypted_response_alg,omitempty"` // "": not encrypted
	AuthorizationEncryptedResponseEnc string `json:"authorization_encrypted_response_enc,omitempty"`

	IntrospectionSignedResponseAlg    string `json:"introspection_signed_response_alg,omitempty"`    // RFC 9701 §6; "" is RS256
	IntrospectionEncryptedResponseAlg string `json:"introspection_encrypted_response_alg,omitempty"` // "": not encrypted
	IntrospectionEncryptedResponseEnc string `json:"introspection_encrypted_response_enc,omitempty"`

	TokenEndpointAuthSigningAlg string `json:"token_endpoint_auth_signing_alg,omitempty"` // of assertions; "": any that fits the method

	DefaultMaxAge    *int     `json:"default_max_age,omitempty"` // seconds
	RequireAuthTime  bool     `json:"require_auth_time,omitempty"`
	DefaultACRValues []string `json:"default_acr_values,omitempty"`
	InitiateLoginURI string   `json:"initiate_login_uri,omitempty"`
	RequestURIs      []string `json:"request_uris,omitempty"`

	TLSClientAuthSubjectDN string `json:"tls_client_auth_subject_dn,omitempty"` // RFC 4514; one of these five (RFC 8705 §2.1.2)
	TLSClientAuthSANDNS    string `json:"tls_client_auth_san_dns,omitempty"`
	TLSClientAuthSANURI    string `json:"tls_client_auth_san_uri,omitempty"`
	TLSClientAuthSANIP     string `json:"tls_client_auth_san_ip,omitempty"`
	TLSClientAuthSANEmail  string `json:"tls_client_auth_san_email,omitempty"`

	DPoPBoundAccessTokens                 bool `json:"dpop_bound_access_tokens,omitempty"`                   // RFC 9449 §5.2
	TLSClientCertificateBoundAccessTokens bool `json:"tls_client_certificate_bound_access_tokens,omitempty"` // RFC 8705 §3.4

	RequirePushedAuthorizationRequests bool `json:"require_pushed_authorization_requests,omitempty"` // RFC 9126 §6
	RequireSignedRequestObject         bool `json:"require_signed_request_object,omitempty"`         // RFC 9101 §10.5

	BackchannelTokenDeliveryMode               DeliveryMode `json:"backchannel_token_delivery_mode,omitempty"`                // CIBA Core 1.0 §4
	BackchannelClientNotificationEndpoint      string       `json:"backchannel_client_notification_endpoint,omitempty"`       // for ping and push
	BackchannelAuthenticationRequestSigningAlg string       `json:"backchannel_authentication_request_signing_alg,omitempty"` // "": requests are not signed

	AuthorizationDetailsTypes []string `json:"authorization_details_types,omitempty"` // RFC 9396 §10: those it may use

	// Resources are the identifiers of the resource servers that the client may ask for tokens for; empty for all. It is
	// for administrators to say.
	Resources []string `json:"resources,omitempty"`

	FrontchannelLogoutURI             string `json:"frontchannel_logout_uri,omitempty"`
	FrontchannelLogoutSessionRequired bool   `json:"frontchannel_logout_session_required,omitempty"`
	BackchannelLogoutURI              string `json:"backchannel_logout_uri,omitempty"`
	BackchannelLogoutSessionRequired  bool   `json:"backchannel_logout_session_required,omitempty"`

	SoftwareID        string `json:"software_id,omitempty"`
	SoftwareVersion   string `json:"software_version,omitempty"`
	SoftwareStatement string `json:"software_statement,omitempty"`

	// TokenExchange is what an administrator lets the client exchange; nil is nothing. No client says it of itself.
	TokenExchange *TokenExchangePolicy `json:"token_exchange,omitempty"`

	// TokenPolicy is in what the client's tokens differ from those of its organization. It is for administrators to say.
	TokenPolicy org.TokenPolicy `json:"token_policy,omitzero"`

	// SecondFactor is what the client demands of its sign-ins beyond its organization; "" is nothing. It is for administrators
	// to say.
	SecondFactor org.SecondFactor `json:"second_factor,omitempty"`

	// IdentityAssertions are for which other authorization servers the client gets identity assertions. It is for
	// administrators to say.
	IdentityAssertions []IdentityAssertionPolicy `json:"identity_assertions,omitempty"`

	// Localized are members in other languages under their names with a language tag: client_name#it
	// (RFC 7591 §2.2).
	Localized map[string]string `json:"localized,omitempty"`
}

// Administered are the members that are for administrators to decide: they stay when the client says anew what it is.
func (m *Metadata) Administered() Metadata {
	return Metadata{Resources: m.Resources, TokenExchange: m.TokenExchange, IdentityAssertions: m.IdentityAssertions, TokenPolicy: m.TokenPolicy, SecondFactor: m.SecondFactor}
}

// In returns the member in the first of the languages that the client registered it in, otherwise the given
// value. A language without region finds one with any, the first by name, and the other way round.
func (m *Metadata) In(member, otherwise string, languages []string) string {
	names := slices.Sorted(maps.Keys(m.Localized))
	for _, language := range languages {
		for _, name := range names {
			if base, tag, _ := strings.Cut(name, "#"); base == member && strings.EqualFold(tag, language) {
				return m.Localized[name]
			}
		}
		wanted, _, _ := strings.Cut(language, "-")
		for _, name := range names {
			base, tag, _ := strings.Cut(name, "#")
			if primary, _, _ := strings.Cut(tag, "-"); base == member && strings.EqualFold(primary, wanted) {
				return m.Localized[name]
			}
		}
	}
	return otherwise
}

// WantsToHearOfSessionEnd reports whether the client registered an address for back-channel or front-channel
// logout.
func (c *Client) WantsToHearOfSessionEnd() bool {
	return c.Metadata.BackchannelLogoutURI != "" || c.Metadata.FrontchannelLogoutURI != ""
}

// SignsRequests reports whether the client has what it signs request objects with: keys, or a secret that it registered
// for that.
func (c *Client) SignsRequests() bool {
	return len(c.Metadata.JWKS) > 0 || c.Metadata.JWKSURI != "" || c.Metadata.RequestObjectSigningAlg == HS256
}

// Pairwise reports whether people have identifiers of their own at this client's sector.
func (c *Client) Pairwise() bool { return c.Metadata.SubjectType == PairwiseSubject }

// Sector is the host that pairwise identifiers are made for: that of the sector_identifier_uri, or the one
// all redirect URIs share (OpenID Connect Core 1.0 §8.1). It is "" for a client that has neither.
func (c *Client) Sector() string {
	if uri := c.Metadata.SectorIdentifierURI; uri != "" {
		return hostOf(uri)
	}
	sector := ""
	for i, uri := range c.RedirectURIs {
		switch host := hostOf(uri); {
		case i == 0:
			sector = host
		case host != sector:
			return ""
		}
	}
	return sector
}

func hostOf(uri string) string {
	parsed, err := url.Parse(uri)
	if err != nil {
		return ""
	}
	return strings.ToLower(parsed.Hostname())
}
