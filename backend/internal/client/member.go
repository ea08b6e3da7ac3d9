package client

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/clavex/clavex/backend/internal/fault"
)

// member is a member of client metadata: its name on the wire and where it lives in a client.
type member struct {
	name   string
	of     func(*Client) any // a pointer
	always bool              // told even when empty, because its default says something
}

// members are those of OpenID Connect Dynamic Client Registration 1.0 §2, Front-Channel Logout 1.0 §2, Back-Channel
// Logout 1.0 §2.2, RP-Initiated Logout 1.0 §3.1, RFC 7591 §2, RFC 8705 §2.1.2 and §3.4, RFC 9101 §10.5, RFC 9126 §6, RFC 9396
// §10, RFC 9449 §5.2, RFC 9701 §6, JARM §3 and CIBA Core 1.0 §4 that are one value. The scopes, localized members and
// what the server issues are not among them. The registration endpoint and the Admin API both read and write clients
// through this table.
var members = []member{
	{"redirect_uris", func(c *Client) any { return &c.RedirectURIs }, true},
	{"token_endpoint_auth_method", func(c *Client) any { return &c.AuthenticationMethod }, true},
	{"token_endpoint_auth_signing_alg", func(c *Client) any { return &c.Metadata.TokenEndpointAuthSigningAlg }, false},
	{"grant_types", func(c *Client) any { return &c.GrantTypes }, true},
	{"response_types", func(c *Client) any { return &c.ResponseTypes }, true},
	{"client_name", func(c *Client) any { return &c.Name }, true},
	{"client_uri", func(c *Client) any { return &c.ClientURI }, false},
	{"logo_uri", func(c *Client) any { return &c.LogoURI }, false},
	{"contacts", func(c *Client) any { return &c.Contacts }, false},
	{"tos_uri", func(c *Client) any { return &c.TermsURI }, false},
	{"policy_uri", func(c *Client) any { return &c.PolicyURI }, false},
	{"jwks", func(c *Client) any { return &c.Metadata.JWKS }, false},
	{"jwks_uri", func(c *Client) any { return &c.Metadata.JWKSURI }, false},
	{"software_id", func(c *Client) any { return &c.Metadata.SoftwareID }, false},
	{"software_version", func(c *Client) any { return &c.Metadata.SoftwareVersion }, false},
	{"software_statement", func(c *Client) any { return &c.Metadata.SoftwareStatement }, false},
	{"application_type", func(c *Client) any { return &c.ApplicationType }, true},
	{"sector_identifier_uri", func(c *Client) any { return &c.Metadata.SectorIdentifierURI }, false},
	{"subject_type", func(c *Client) any { return &c.Metadata.SubjectType }, true},
	{"id_token_signed_response_alg", func(c *Client) any { return &c.IDTokenSignedResponseAlg }, true},
	{"id_token_encrypted_response_alg", func(c *Client) any { return &c.Metadata.IDTokenEncryptedResponseAlg }, false},
	{"id_token_encrypted_response_enc", func(c *Client) any { return &c.Metadata.IDTokenEncryptedResponseEnc }, false},
	{"userinfo_signed_response_alg", func(c *Client) any { return &c.Metadata.UserinfoSignedResponseAlg }, false},
	{"userinfo_encrypted_response_alg", func(c *Client) any { return &c.Metadata.UserinfoEncryptedResponseAlg }, false},
	{"userinfo_encrypted_response_enc", func(c *Client) any { return &c.Metadata.UserinfoEncryptedResponseEnc }, false},
	{"authorization_signed_response_alg", func(c *Client) any { return &c.Metadata.AuthorizationSignedResponseAlg }, false},
	{"authorization_encrypted_response_alg", func(c *Client) any { return &c.Metadata.AuthorizationEncryptedResponseAlg }, false},
	{"authorization_encrypted_response_enc", func(c *Client) any { return &c.Metadata.AuthorizationEncryptedResponseEnc }, false},
	{"introspection_signed_response_alg", func(c *Client) any { return &c.Metadata.IntrospectionSignedResponseAlg }, false},
	{"introspection_encrypted_response_alg", func(c *Client) any { return &c.Metadata.IntrospectionEncryptedResponseAlg }, false},
	{"introspection_encrypted_response_enc", func(c *Client) any { return &c.Metadata.IntrospectionEncryptedResponseEnc }, false},
	{"request_object_signing_alg", func(c *Client) any { return &c.Metadata.RequestObjectSigningAlg }, false},
	{"request_object_encryption_alg", func(c *Client) any { return &c.Metadata.RequestObjectEncryptionAlg }, false},
	{"request_object_encryption_enc", func(c *Client) any { return &c.Metadata.RequestObjectEncryptionEnc }, false},
	{"default_max_age", func(c *Client) any { return &c.Metadata.DefaultMaxAge }, false},
	{"require_auth_time", func(c *Client) any { return &c.Metadata.RequireAuthTime }, true},
	{"default_acr_values", func(c *Client) any { return &c.Metadata.DefaultACRValues }, false},
	{"initiate_login_uri", func(c *Client) any { return &c.Metadata.InitiateLoginURI }, false},
	{"tls_client_auth_subject_dn", func(c *Client) any { return &c.Metadata.TLSClientAuthSubjectDN }, false},
	{"tls_client_auth_san_dns", func(c *Client) any { return &c.Metadata.TLSClientAuthSANDNS }, false},
	{"tls_client_auth_san_uri", func(c *Client) any { return &c.Metadata.TLSClientAuthSANURI }, false},
	{"tls_client_auth_san_ip", func(c *Client) any { return &c.Metadata.TLSClientAuthSANIP }, false},
	{"tls_client_auth_san_email", func(c *Client) any { return &c.Metadata.TLSClientAuthSANEmail }, false},
	{"dpop_bound_access_tokens", func(c *Client) any { return &c.Metadata.DPoPBoundAccessTokens }, false},
	{"tls_client_certificate_bound_access_tokens", func(c *Client) any { return &c.Metadata.TLSClientCertificateBoundAccessTokens }, false},
	{"require_pushed_authorization_requests", func(c *Client) any { return &c.Metadata.RequirePushedAuthorizationRequests }, false},
	{"require_signed_request_object", func(c *Client) any { return &c.Metadata.RequireSignedRequestObject }, false},
	{"backchannel_token_delivery_mode", func(c *Client) any { return &c.Metadata.BackchannelTokenDeliveryMode }, false},
	{"backchannel_client_notification_endpoint", func(c *Client) any { return &c.Metadata.BackchannelClientNotificationEndpoint }, false},
	{"backchannel_authentication_request_signing_alg", func(c *Client) any { return &c.Metadata.BackchannelAuthenticationRequestSigningAlg }, false},
	{"authorization_details_types", func(c *Client) any { return &c.Metadata.AuthorizationDetailsTypes }, false},
	{"request_uris", func(c *Client) any { return &c.Metadata.RequestURIs }, false},
	{"post_logout_redirect_uris", func(c *Client) any { return &c.PostLogoutRedirectURIs }, false},
	{"frontchannel_logout_uri", func(c *Client) any { return &c.Metadata.FrontchannelLogoutURI }, false},
	{"frontchannel_logout_session_required", func(c *Client) any { return &c.Metadata.FrontchannelLogoutSessionRequired }, false},
	{"backchannel_logout_uri", func(c *Client) any { return &c.Metadata.BackchannelLogoutURI }, false},
	{"backchannel_logout_session_required", func(c *Client) any { return &c.Metadata.BackchannelLogoutSessionRequired }, false},
}

// localizable are the members that a client may register in several languages (RFC 7591 §2.2).
var localizable = []string{"client_name", "client_uri", "logo_uri", "policy_uri", "tos_uri"}

// SetMember writes a member of client metadata, one with a language tag (client_name#it) included, as the JSON value
// says; null takes it away, so that its default counts. known is false, and nothing changes, when there is no such
// member. A value of the wrong type is a fault that names the member; what the value may be, Complete judges.
func (c *Client) SetMember(name string, value json.RawMessage) (known bool, err error) {
	if base, _, tagged := strings.Cut(name, "#"); tagged {
		if !slices.Contains(localizable, base) {
			return false, nil
		}
		return true, c.setLocalized(name, value)
	}
	i := slices.IndexFunc(members, func(m member) bool { return m.name == name })
	if i < 0 {
		return false, nil
	}
	into := members[i].of(c)
	reflect.ValueOf(into).Elem().SetZero() // what was there may be shared: it is replaced, not written over
	return true, readMember(name, value, into)
}

func (c *Client) setLocalized(name string, value json.RawMessage) error {
	var text *string
	if err := readMember(name, value, &text); err != nil {
		return err
	}
	localized := maps.Clone(c.Metadata.Localized)
	delete(localized, name)
	if text != nil {
		if localized == nil {
			localized = map[string]string{}
		}
		localized[name] = *text
	}
	c.Metadata.Localized = localized
	return nil
}

func readMember(name string, value json.RawMessage, into any) error {
	if string(value) == "null" {
		return nil
	}
	if err := json.Unmarshal(value, into); err != nil {
		return fault.New(fault.Invalid, codeInvalidMetadata, "This is not of the right type.").WithField(name).WithCause(err)
	}
	return nil
}

// Members is everything that the client says of itself, by the names of the wire, defaults included and what is empty
// left out (RFC 7591 §3.2.1). Members with a language tag are not among them: they are Metadata.Localized.
func (c *Client) Members() map[string]any {
	object := map[string]any{}
	for _, known := range members {
		value := reflect.ValueOf(known.of(c)).Elem()
		if known.always || !value.IsZero() && (value.Kind() != reflect.Slice || value.Len() > 0) {
			object[known.name] = value.Interface()
		}
	}
	if c.Metadata.SubjectType == "" {
		object["subject_type"] = PublicSubject
	}
	object["authorization_signed_response_alg"] = c.AuthorizationSigning()
	return object
}
