package client

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/clavex/clavex/backend/internal/jose"
)

// Bounds of what a client says of itself.
const (
	maximumJWKSBytes  = 32 << 10
	maximumStatement  = 16 << 10
	maximumMaxAge     = 10 * 365 * 24 * 60 * 60 // seconds
	maximumURIBytes   = 2000
	maximumTextBytes  = 255
	maximumACRValues  = 20
	maximumLocalized  = 100
	maximumClientName = 200 // characters
)

func (c *Client) validateMetadata() error {
	for _, check := range []func() error{c.validateKeys, c.validateSubject, c.validateAlgorithms, c.validateAssertions, c.validateCertificates,
		c.validateAuthentication, c.validateRequestObjects, c.validateResources, c.validateBackchannel, c.validateLogout, c.validateSoftware, c.validateTokenExchange, c.validateIdentityAssertions, c.validateTokenPolicy, c.validateSecondFactor, c.validateLocalized} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) validateKeys() error {
	m := &c.Metadata
	switch {
	case len(m.JWKS) > 0 && m.JWKSURI != "":
		return invalid("jwks", "Give either jwks or jwks_uri, not both.")
	case len(m.JWKS) > 0:
		var err error
		m.JWKS, err = NormalKeySet(m.JWKS)
		return err
	}
	return webURI("jwks_uri", m.JWKSURI)
}

func (c *Client) validateSubject() error {
	switch m := &c.Metadata; {
	case m.SubjectType != "" && m.SubjectType != PublicSubject && m.SubjectType != PairwiseSubject:
		return invalid("subject_type", "Choose public or pairwise.")
	case m.SectorIdentifierURI != "" && !strings.HasPrefix(m.SectorIdentifierURI, "https://"):
		return invalid("sector_identifier_uri", "%q is not an https address.", clip(m.SectorIdentifierURI))
	case c.Pairwise() && c.Sector() == "":
		return invalid("sector_identifier_uri", "Pairwise identifiers need a sector: redirect URIs on one host, or a sector_identifier_uri.")
	default:
		return webURI("sector_identifier_uri", m.SectorIdentifierURI)
	}
}

func (c *Client) validateAlgorithms() error {
	m := &c.Metadata
	for _, signed := range []struct{ field, value string }{
		{"id_token_signed_response_alg", c.IDTokenSignedResponseAlg}, {"userinfo_signed_response_alg", m.UserinfoSignedResponseAlg},
		{"authorization_signed_response_alg", m.AuthorizationSignedResponseAlg}, {"request_object_signing_alg", m.RequestObjectSigningAlg},
		{"introspection_signed_response_alg", m.IntrospectionSignedResponseAlg},
	} {
		switch {
		case signed.value == "" || knownSigning(signed.value) || signed.value == Unsigned && signed.field == "request_object_signing_alg":
		case signed.value == HS256 && !c.HasSecret():
			return invalid(signed.field, "HS256 needs a secret that both sides know; this client has none.")
		case signed.value == HS256:
		default:
			return invalid(signed.field, "Choose one of %s.", strings.Join(signing(), ", "))
		}
	}
	for _, encrypted := range []struct{ field, algorithm, content string }{
		{"id_token_encrypted_response", m.IDTokenEncryptedResponseAlg, m.IDTokenEncryptedResponseEnc},
		{"userinfo_encrypted_response", m.UserinfoEncryptedResponseAlg, m.UserinfoEncryptedResponseEnc},
		{"authorization_encrypted_response", m.AuthorizationEncryptedResponseAlg, m.AuthorizationEncryptedResponseEnc},
		{"introspection_encrypted_response", m.IntrospectionEncryptedResponseAlg, m.IntrospectionEncryptedResponseEnc},
		{"request_object_encryption", m.RequestObjectEncryptionAlg, m.RequestObjectEncryptionEnc},
	} {
		switch {
		case encrypted.algorithm != "" && !slices.Contains(encryption, encrypted.algorithm):
			return invalid(encrypted.field+"_alg", "Choose one of %s.", strings.Join(encryption, ", "))
		case encrypted.content != "" && !slices.Contains(content, encrypted.content):
			return invalid(encrypted.field+"_enc", "Choose one of %s.", strings.Join(content, ", "))
		case encrypted.content != "" && encrypted.algorithm == "":
			return invalid(encrypted.field+"_enc", "This goes with %s_alg.", encrypted.field)
		case encrypted.algorithm != "" && encrypted.field != "request_object_encryption" && len(m.JWKS) == 0 && m.JWKSURI == "":
			return invalid(encrypted.field+"_alg", "Encrypting to this client needs its public key: give jwks or jwks_uri.")
		}
	}
	return nil
}

// validateAssertions judges what belongs to the methods by which a client signs an assertion (OpenID Connect
// Core 1.0 §9). Every algorithm that signs with a key pair will do: assertions are only verified here.
func (c *Client) validateAssertions() error {
	const field = "token_endpoint_auth_signing_alg"
	m := &c.Metadata
	switch algorithm := jose.Algorithm(m.TokenEndpointAuthSigningAlg); c.AuthenticationMethod {
	case PrivateKeyJWT:
		if len(m.JWKS) == 0 && m.JWKSURI == "" {
			return invalid("token_endpoint_auth_method", "private_key_jwt needs the client's public keys: give jwks or jwks_uri.")
		}
		if algorithm != "" && !algorithm.Known() {
			return invalid(field, "For private_key_jwt choose one of %s.", strings.Join(texts(jose.Algorithms()), ", "))
		}
	case ClientSecretJWT:
		if algorithm != "" && algorithm != HS256 {
			return invalid(field, "client_secret_jwt goes with HS256.")
		}
	default:
		if algorithm != "" {
			return invalid(field, "This goes with private_key_jwt and client_secret_jwt.")
		}
	}
	return nil
}

func (c *Client) validateAuthentication() error {
	m := &c.Metadata
	if m.DefaultMaxAge != nil && (*m.DefaultMaxAge < 0 || *m.DefaultMaxAge > maximumMaxAge) {
		return invalid("default_max_age", "This is a number of seconds between 0 and %d.", maximumMaxAge)
	}
	if len(m.DefaultACRValues) > maximumACRValues || hasDuplicates(m.DefaultACRValues) ||
		slices.ContainsFunc(m.DefaultACRValues, func(value string) bool { return value == "" || len(value) > maximumTextBytes || !visibleASCII(value) }) {
		return invalid("default_acr_values", "Name at most %d values, each once.", maximumACRValues)
	}
	if uri := m.InitiateLoginURI; uri != "" && !strings.HasPrefix(uri, "https://") {
		return invalid("initiate_login_uri", "%q is not an https address.", clip(uri)) // OpenID Connect Core 1.0 §4
	}
	return webURI("initiate_login_uri", m.InitiateLoginURI)
}

func (c *Client) validateRequestObjects() error {
	switch m := &c.Metadata; {
	case m.RequireSignedRequestObject && m.RequestObjectSigningAlg == Unsigned:
		return invalid("require_signed_request_object", "This does not go with request_object_signing_alg none.")
	case m.RequireSignedRequestObject && !c.SignsRequests():
		return invalid("require_signed_request_object", "To sign its requests the client needs keys: give jwks or jwks_uri.")
	}
	if len(c.Metadata.RequestURIs) > maxListed || hasDuplicates(c.Metadata.RequestURIs) {
		return invalid("request_uris", "Name at most %d addresses, each once.", maxListed)
	}
	for _, uri := range c.Metadata.RequestURIs {
		base, _, _ := strings.Cut(uri, "#") // the fragment is a hash of the content (OpenID Connect Core 1.0 §6.2)
		if err := webURI("request_uris", base); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) validateResources() error {
	if len(c.Metadata.Resources) > maxListed || hasDuplicates(c.Metadata.Resources) ||
		slices.ContainsFunc(c.Metadata.Resources, func(uri string) bool { return uri == "" || len(uri) > maximumURIBytes || !visibleASCII(uri) }) {
		return invalid("resources", "Name at most %d resource servers by their identifiers, each once.", maxListed)
	}
	if len(c.Metadata.AuthorizationDetailsTypes) > maxListed || hasDuplicates(c.Metadata.AuthorizationDetailsTypes) ||
		slices.ContainsFunc(c.Metadata.AuthorizationDetailsTypes, func(name string) bool { return !ValidScope(name) }) {
		return invalid("authorization_details_types", "Name at most %d types, each once.", maxListed)
	}
	return nil
}

func (c *Client) validateLogout() error {
	m := &c.Metadata
	if err := webURI("backchannel_logout_uri", m.BackchannelLogoutURI); err != nil {
		return err
	}
	if err := webURI("frontchannel_logout_uri", m.FrontchannelLogoutURI); err != nil {
		return err
	}
	// Front-Channel Logout 1.0 §2: scheme, host and port are those of a redirect URI, so that no client makes
	// our page open somebody else's.
	if m.FrontchannelLogoutURI != "" && !slices.Contains(origins(c.RedirectURIs), OriginOf(m.FrontchannelLogoutURI)) {
		return invalid("frontchannel_logout_uri", "The address must be on the same host as one of the redirect URIs.")
	}
	if m.BackchannelLogoutSessionRequired && m.BackchannelLogoutURI == "" {
		return invalid("backchannel_logout_session_required", "This goes with backchannel_logout_uri.")
	}
	if m.FrontchannelLogoutSessionRequired && m.FrontchannelLogoutURI == "" {
		return invalid("frontchannel_logout_session_required", "This goes with frontchannel_logout_uri.")
	}
	return nil
}

func (c *Client) validateSoftware() error {
	m := &c.Metadata
	for _, text := range []struct{ field, value string }{{"software_id", m.SoftwareID}, {"software_version", m.SoftwareVersion}} {
		if len(text.value) > maximumTextBytes || strings.ContainsFunc(text.value, misleading) {
			return invalid(text.field, "This has at most %d bytes on one line.", maximumTextBytes)
		}
	}
	if len(m.SoftwareStatement) > maximumStatement {
		return invalid("software_statement", "A software statement has at most %d bytes.", maximumStatement)
	}
	return nil
}

var languageTag = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)

func (c *Client) validateLocalized() error {
	if len(c.Metadata.Localized) > maximumLocalized {
		return invalid("client_name", "Name at most %d values in other languages.", maximumLocalized)
	}
	for name, value := range c.Metadata.Localized {
		member, tag, _ := strings.Cut(name, "#")
		if !slices.Contains(localizable, member) || len(tag) > 35 || !languageTag.MatchString(tag) {
			return invalid(clip(name), "This is not a member with a language tag, such as client_name#it.")
		}
		if member == "client_name" {
			if n := len([]rune(value)); n < 1 || n > maximumClientName || strings.ContainsFunc(value, misleading) {
				return invalid(name, "A name has 1 to 200 characters on one line.")
			}
		} else if err := webURI(name, value); err != nil {
			return err
		}
	}
	return nil
}

// CheckURI judges an address as those in client metadata are judged. The error is a fault of the field; "" passes.
func CheckURI(field, value string) error { return webURI(field, value) }

// webURI refuses what is not an https address without a fragment; http is for this machine only. "" passes.
func webURI(field, value string) error {
	if value == "" {
		return nil
	}
	parsed, err := url.Parse(value)
	if err != nil || len(value) > maximumURIBytes || !visibleASCII(value) || parsed.Host == "" || parsed.User != nil || strings.ContainsAny(value, `#\`) ||
		parsed.Scheme != "https" && (parsed.Scheme != "http" || !IsLoopback(parsed)) {
		return invalid(field, "%q is not an https address.", clip(value))
	}
	return nil
}
