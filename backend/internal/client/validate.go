package client

import (
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/org"
)

// Codes of RFC 7591 §3.2.2 are used as fault codes where the specification names one.
const (
	codeInvalidRedirectURI = "invalid_redirect_uri"
	codeInvalidMetadata    = "invalid_client_metadata"
)

const maxListed = 50 // values in one list of a client's metadata

func invalid(field, format string, args ...any) error {
	return fault.Newf(fault.Invalid, codeInvalidMetadata, format, args...).WithField(field)
}

func (c *Client) defaults() {
	if c.ApplicationType == "" {
		c.ApplicationType = Web
	}
	if c.ResponseTypes == nil && (c.GrantTypes == nil || c.MayUse(AuthorizationCode)) {
		c.ResponseTypes = []string{CodeResponse}
	}
	c.ResponseTypes = slices.Clone(c.ResponseTypes)
	for i, responseType := range c.ResponseTypes {
		if canonical, known := CanonicalResponseType(responseType); known {
			c.ResponseTypes[i] = canonical
		}
	}
	if c.GrantTypes == nil {
		if c.GrantTypes = grantTypesFor(c.ResponseTypes); len(c.GrantTypes) == 0 {
			c.GrantTypes = []string{AuthorizationCode}
		}
	}
	if c.Scopes == nil {
		c.Scopes = []string{"openid", "profile", "email", "address", "phone", "offline_access"}
	}
	if c.IDTokenSignedResponseAlg == "" {
		c.IDTokenSignedResponseAlg = "RS256" // OpenID Connect Registration 1.0 §2
	}
	if c.Name == "" {
		c.Name = c.ClientID
	}
	for _, encryption := range []struct{ algorithm, content *string }{
		{&c.Metadata.IDTokenEncryptedResponseAlg, &c.Metadata.IDTokenEncryptedResponseEnc},
		{&c.Metadata.UserinfoEncryptedResponseAlg, &c.Metadata.UserinfoEncryptedResponseEnc},
		{&c.Metadata.AuthorizationEncryptedResponseAlg, &c.Metadata.AuthorizationEncryptedResponseEnc},
		{&c.Metadata.IntrospectionEncryptedResponseAlg, &c.Metadata.IntrospectionEncryptedResponseEnc},
		{&c.Metadata.RequestObjectEncryptionAlg, &c.Metadata.RequestObjectEncryptionEnc},
	} {
		if *encryption.algorithm != "" && *encryption.content == "" {
			*encryption.content = DefaultEncryption
		}
	}
}

// Complete fills in the defaults of what a new client left out and checks everything but its secret, so that what is
// refused is refused before anything is fetched or written.
func (c *Client) Complete() error {
	if c.ClientID == "" {
		c.ClientID = uuid.NewString()
	}
	if c.Status == "" {
		c.Status = Active
	}
	c.defaults()
	return c.validate()
}

// Validate checks every invariant of a client and names the first offending field.
func (c *Client) Validate() error {
	if c.HasSecret() != (c.SecretHash != nil) {
		return invalid("token_endpoint_auth_method", "This method needs a secret, or has none.")
	}
	return c.validate()
}

func (c *Client) validate() error {
	if c.ClientID == "" || len(c.ClientID) > 200 || !visibleASCII(c.ClientID) {
		return invalid("client_id", "A client_id has 1 to 200 visible ASCII characters.")
	}
	if id, err := uuid.Parse(c.ClientID); err == nil && id.Version() == 7 {
		// People's subjects are UUIDv7 and a client's own tokens have its client_id as subject: they must not
		// be able to meet (RFC 9700 §4.15).
		return invalid("client_id", "A client_id cannot be a UUID of version 7: people's identifiers are.")
	}
	if n := len([]rune(c.Name)); n < 1 || n > 200 || strings.ContainsFunc(c.Name, misleading) {
		return invalid("client_name", "A name has 1 to 200 characters on one line.")
	}
	if c.ApplicationType != Web && c.ApplicationType != Native {
		return invalid("application_type", "Choose web or native.")
	}
	if !slices.Contains(AuthenticationMethods(), c.AuthenticationMethod) {
		return invalid("token_endpoint_auth_method", "Choose one of %s.", strings.Join(texts(AuthenticationMethods()), ", "))
	}
	if c.Status != Active && c.Status != Disabled {
		return invalid("status", "Choose active or disabled.")
	}
	if c.Profile != "" && !slices.Contains(org.Profiles(), c.Profile) {
		return invalid("profile", "Choose one of %s.", org.ProfileNames())
	}
	if (c.Origin == Dynamic || c.Origin == MetadataDocument) && !c.RequireConsent {
		return invalid("require_consent", "A client that no administrator registered always asks for consent.")
	}
	for _, check := range []func() error{c.validateGrants, c.validateScopes, c.validateRedirectURIs, c.validateLinks,
		c.validateLifetimes, c.validateMetadata} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) validateGrants() error {
	known := GrantTypes()
	for _, grantType := range c.GrantTypes {
		if !slices.Contains(known, grantType) {
			return invalid("grant_types", "The grant type %q is not supported.", clip(grantType))
		}
	}
	if hasDuplicates(c.GrantTypes) || len(c.GrantTypes) == 0 {
		return invalid("grant_types", "Name at least one grant type, each once.")
	}
	if c.MayUse(ClientCredentials) && c.Public() {
		return invalid("grant_types", "A public client cannot use client_credentials: it has nothing to prove itself with.")
	}
	if c.MayUse(JWTBearer) && c.Public() {
		return invalid("grant_types", "A public client cannot present assertions about people: it has nothing to prove itself with.")
	}
	if c.MayUse(CIBA) && c.Public() {
		return invalid("grant_types", "A public client cannot use %s: it has nothing to prove itself with.", CIBA)
	}
	if c.MayUse(RefreshToken) && !slices.ContainsFunc(c.GrantTypes, bringsRefreshToken) {
		return invalid("grant_types", "refresh_token comes with a grant that a person gives: add authorization_code, device_code or ciba.")
	}
	return c.validateResponseTypes()
}

// validateResponseTypes checks that response types and grant types go together (OpenID Connect Registration
// 1.0 §2). Whether the client may use them at all is a matter of its profile.
func (c *Client) validateResponseTypes() error {
	for _, responseType := range c.ResponseTypes {
		if !slices.Contains(responseTypes, responseType) {
			return invalid("response_types", "The response type %q does not exist.", clip(responseType))
		}
	}
	if hasDuplicates(c.ResponseTypes) {
		return invalid("response_types", "Name each response type once.")
	}
	needed := grantTypesFor(c.ResponseTypes)
	for _, grantType := range needed {
		if !c.MayUse(grantType) {
			return invalid("response_types", "The response types need the grant type %s.", grantType)
		}
	}
	for _, grantType := range []string{AuthorizationCode, Implicit} {
		if c.MayUse(grantType) && !slices.Contains(needed, grantType) {
			return invalid("response_types", "The grant type %s goes with no response type that is named.", grantType)
		}
	}
	if len(c.ResponseTypes) > 0 && len(needed) == 0 && !c.MayUse(AuthorizationCode) {
		return invalid("response_types", "A response type needs the grant type authorization_code or implicit.")
	}
	return nil
}

func (c *Client) validateScopes() error {
	if len(c.Scopes) > maxListed || hasDuplicates(c.Scopes) {
		return invalid("scopes", "Name at most %d scopes, each once.", maxListed)
	}
	for _, scope := range c.Scopes {
		if !ValidScope(scope) {
			return invalid("scopes", "%q is not a scope: use visible ASCII characters without quotes and backslashes.", clip(scope))
		}
	}
	return nil
}

// misleading characters end a line or turn the direction of writing: on the consent page such a name would
// rewrite the words around it.
func misleading(r rune) bool {
	return unicode.IsControl(r) || r == 0x2028 || r == 0x2029 || unicode.Is(unicode.Bidi_Control, r)
}

// ValidScope reports whether the text is a scope-token (RFC 6749 §3.3) of reasonable length.
func ValidScope(scope string) bool {
	if scope == "" || len(scope) > 200 {
		return false
	}
	return !strings.ContainsFunc(scope, func(r rune) bool { return r < 0x21 || r > 0x7e || r == '"' || r == '\\' })
}

func (c *Client) validateRedirectURIs() error {
	if (c.MayUse(AuthorizationCode) || c.MayUse(Implicit)) && len(c.RedirectURIs) == 0 {
		return fault.New(fault.Invalid, codeInvalidRedirectURI, "A client that signs people in needs at least one redirect URI.").WithField("redirect_uris")
	}
	for _, group := range []struct {
		field string
		uris  []string
	}{{"redirect_uris", c.RedirectURIs}, {"post_logout_redirect_uris", c.PostLogoutRedirectURIs}} {
		if len(group.uris) > maxListed || hasDuplicates(group.uris) {
			return fault.Newf(fault.Invalid, codeInvalidRedirectURI, "Name at most %d addresses, each once.", maxListed).WithField(group.field)
		}
		for _, uri := range group.uris {
			if problem := redirectURIProblem(uri, c.ApplicationType); problem != "" {
				return fault.New(fault.Invalid, codeInvalidRedirectURI, problem).WithField(group.field)
			}
		}
	}
	return c.validateImplicitRedirectURIs()
}

// validateImplicitRedirectURIs keeps tokens in addresses away from the unencrypted network and from whatever
// listens on a person's machine (OpenID Connect Registration 1.0 §2, application_type).
func (c *Client) validateImplicitRedirectURIs() error {
	if !c.MayUse(Implicit) || c.ApplicationType != Web {
		return nil
	}
	for _, uri := range c.RedirectURIs {
		if !strings.HasPrefix(uri, "https://") || hostOf(uri) == "localhost" {
			return fault.Newf(fault.Invalid, codeInvalidRedirectURI,
				"%q: a web client of the implicit grant needs https addresses on a host that is not localhost.", clip(uri)).WithField("redirect_uris")
		}
	}
	return nil
}

// redirectURIProblem says what is wrong with a redirect URI, "" when nothing is (RFC 6749 §3.1.2,
// RFC 8252 §7, RFC 9700 §4.1).
func redirectURIProblem(uri string, applicationType ApplicationType) string {
	parsed, err := url.Parse(uri)
	quoted := clip(uri)
	switch {
	case err != nil || len(uri) > 2000 || !visibleASCII(uri) || parsed.Scheme == "" || strings.ContainsAny(uri, `\`):
		return fmt.Sprintf("%q is not an absolute address.", quoted)
	case strings.Contains(uri, "#"):
		return fmt.Sprintf("%q has a fragment (#…); a redirect URI cannot have one.", quoted)
	case parsed.User != nil:
		return fmt.Sprintf("%q contains a user name or password.", quoted)
	case strings.Contains(uri, "*"):
		return fmt.Sprintf("%q has a wildcard; redirect URIs are compared character by character.", quoted)
	}
	switch parsed.Scheme {
	case "https":
		if parsed.Hostname() == "" {
			return fmt.Sprintf("%q names no host.", quoted)
		}
	case "http":
		if !IsLoopback(parsed) {
			return fmt.Sprintf("%q is not encrypted. Use https; http is only for this machine (localhost, 127.0.0.1, [::1]).", quoted)
		}
	default:
		// RFC 8252 §7.1: a private-use scheme is a domain name under the application's control, reversed.
		if applicationType != Native || !strings.Contains(parsed.Scheme, ".") {
			return fmt.Sprintf("%q: use https. Native applications may use a scheme that is their domain reversed, for example com.example.app:/callback.", quoted)
		}
	}
	return ""
}

// IsLoopback reports whether the address points at the machine it is opened on.
func IsLoopback(address *url.URL) bool {
	host := address.Hostname()
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func (c *Client) validateLinks() error {
	for _, link := range []struct{ field, value string }{
		{"logo_uri", c.LogoURI}, {"client_uri", c.ClientURI}, {"policy_uri", c.PolicyURI}, {"tos_uri", c.TermsURI},
	} {
		if err := webURI(link.field, link.value); err != nil {
			return err
		}
	}
	if len(c.Contacts) > maxListed {
		return invalid("contacts", "Name at most %d contacts.", maxListed)
	}
	for _, contact := range c.Contacts {
		if address, err := mail.ParseAddress(contact); err != nil || address.Address != contact || len(contact) > 254 {
			return invalid("contacts", "%q is not an e-mail address.", clip(contact))
		}
	}
	return nil
}

func (c *Client) validateLifetimes() error {
	if l := c.AccessTokenLifetime; l != 0 && (l < 30*time.Second || l > 24*time.Hour || l%time.Second != 0) {
		return invalid("access_token_lifetime_seconds", "Choose between 30 seconds and one day.")
	}
	if l := c.RefreshTokenLifetime; l != 0 && (l < time.Minute || l > 365*24*time.Hour || l%time.Second != 0) {
		return invalid("refresh_token_lifetime_seconds", "Choose between one minute and one year.")
	}
	return nil
}

// MatchRedirectURI reports whether a requested redirect URI is one of the registered, character by
// character (RFC 9700 §2.1). Only the port of a native client's loopback address may differ
// (RFC 8252 §7.3), because the operating system assigns it. Where a document describes the client that is so for
// localhost too: the document is the same for every installation, and cannot name the port of any.
func (c *Client) MatchRedirectURI(requested string) bool {
	if slices.Contains(c.RedirectURIs, requested) {
		return true
	}
	if c.ApplicationType != Native || len(requested) > 2000 || !visibleASCII(requested) || strings.Contains(requested, "#") {
		return false
	}
	named := c.Origin == MetadataDocument
	wanted, ok := loopbackWithoutPort(requested, named)
	if !ok {
		return false
	}
	return slices.ContainsFunc(c.RedirectURIs, func(registered string) bool {
		known, ok := loopbackWithoutPort(registered, named)
		return ok && known == wanted
	})
}

// loopbackWithoutPort strips the port from an http address whose host is a loopback IP literal.
// "localhost" counts only when it is said: it may resolve to something else (RFC 8252 §8.3).
func loopbackWithoutPort(uri string, localhost bool) (string, bool) {
	parsed, err := url.Parse(uri)
	if err != nil || parsed.Scheme != "http" || parsed.User != nil || parsed.Opaque != "" {
		return "", false
	}
	if ip, err := netip.ParseAddr(parsed.Hostname()); (err != nil || !ip.IsLoopback()) && (!localhost || parsed.Hostname() != "localhost") {
		return "", false
	}
	prefix := "http://" + parsed.Host
	if !strings.HasPrefix(uri, prefix) {
		return "", false
	}
	return "http://" + parsed.Hostname() + " " + uri[len(prefix):], true
}

// MatchPostLogoutRedirectURI reports whether the address is registered for coming back after
// sign-out, character by character (OpenID Connect RP-Initiated Logout 1.0 §3).
func (c *Client) MatchPostLogoutRedirectURI(requested string) bool {
	return slices.Contains(c.PostLogoutRedirectURIs, requested)
}

func hasDuplicates(values []string) bool {
	return len(slices.Compact(slices.Sorted(slices.Values(values)))) != len(values)
}

func visibleASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < 0x21 || r > 0x7e })
}

// clip shortens what a message repeats.
func clip(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) > 100 {
		return strings.ToValidUTF8(text[:100], "") + "…"
	}
	return text
}
