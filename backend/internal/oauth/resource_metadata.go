package oauth

import (
	"errors"
	"net/url"
)

// WellKnownProtectedResource is where the metadata of a protected resource stands, between its host and its path
// (RFC 9728 §3.1).
const WellKnownProtectedResource = "/.well-known/oauth-protected-resource"

// ResourceMetadata is what a protected resource says of itself (RFC 9728 §2).
type ResourceMetadata struct {
	Resource                              string   `json:"resource"`
	AuthorizationServers                  []string `json:"authorization_servers"`
	JWKSURI                               string   `json:"jwks_uri,omitempty"`
	ScopesSupported                       []string `json:"scopes_supported"`
	BearerMethodsSupported                []string `json:"bearer_methods_supported"`
	ResourceSigningAlgValuesSupported     []string `json:"resource_signing_alg_values_supported,omitempty"`
	ResourceName                          string   `json:"resource_name"`
	TLSClientCertificateBoundAccessTokens bool     `json:"tls_client_certificate_bound_access_tokens,omitempty"`
	DPoPSigningAlgValuesSupported         []string `json:"dpop_signing_alg_values_supported"`
	DPoPBoundAccessTokensRequired         bool     `json:"dpop_bound_access_tokens_required,omitempty"`
}

// ResourceMetadataURL is the address of the metadata of a protected resource whose identifier is an https or http URL
// without query (RFC 9728 §3.1); "" for another.
func ResourceMetadataURL(resource string) string {
	parsed, err := url.Parse(resource)
	if err != nil || parsed.Host == "" || parsed.RawQuery != "" {
		return ""
	}
	parsed.Path, parsed.RawPath = WellKnownProtectedResource+parsed.Path, ""
	return parsed.String()
}

// Challenge adds to an error, where it challenges whoever sent a request to the resource, how to learn what the resource
// demands (RFC 9728 §5.1). Other errors stay as they are.
func (r *ProtectedResource) Challenge(err error, resource string) error {
	var wire *Error
	if !errors.As(err, &wire) || wire.Scheme == "" || wire.Scheme == SchemeBasic {
		return err
	}
	copied := *wire
	copied.ResourceMetadata = ResourceMetadataURL(resource)
	return &copied
}
