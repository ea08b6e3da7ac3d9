package oauth

import (
	"net/url"
	"slices"
	"strings"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/jose"
)

// ResponseTypes lists the response types that the profile knows, in the order of discovery documents.
func (p Profile) ResponseTypes() []string {
	return slices.DeleteFunc(client.ResponseTypes(), func(responseType string) bool { return !p.Allows(responseType) })
}

// Allows reports whether the profile knows the response type.
func (p Profile) Allows(responseType string) bool {
	switch {
	case p.CodeOnly && responseType != client.CodeResponse:
		return false
	case p.BoundTokens && client.AsksFor(responseType, client.TokenResponse):
		return false // nothing binds a token that comes through the browser
	}
	return p.FrontChannel || !client.FrontChannel(responseType)
}

// MayOmitPKCE reports whether the client may leave out the code challenge. A public client never may: nothing
// else ties a code to it.
func (p Profile) MayOmitPKCE(c *client.Client) bool { return p.WithoutPKCE && !c.Public() }

// AllowsMethod reports whether clients may authenticate by the method.
func (p Profile) AllowsMethod(method client.AuthenticationMethod) bool {
	if method == client.AttestJWTClientAuth && !p.Attestations {
		return false
	}
	return p.Methods == nil || slices.Contains(p.Methods, method)
}

// AuthenticationMethods lists the methods by which clients authenticate, in the order of discovery documents: those of
// TLS certificates only where one can be shown.
func (p Profile) AuthenticationMethods(issuers Issuers) []client.AuthenticationMethod {
	return slices.DeleteFunc(client.AuthenticationMethods(), func(method client.AuthenticationMethod) bool {
		mutual := method == client.TLSClientAuth || method == client.SelfSignedTLSClientAuth
		return !p.AllowsMethod(method) || mutual && !issuers.MutualTLS
	})
}

// AllowsAlgorithm reports whether what goes between the client and us may be signed with the algorithm.
func (p Profile) AllowsAlgorithm(algorithm jose.Algorithm) bool {
	return p.Algorithms == nil || slices.Contains(p.Algorithms, algorithm)
}

// KeyPairAlgorithms are those of key pairs that the profile allows.
func (p Profile) KeyPairAlgorithms() []jose.Algorithm {
	return slices.DeleteFunc(jose.Algorithms(), func(algorithm jose.Algorithm) bool { return !p.AllowsAlgorithm(algorithm) })
}

// ProofAlgorithms lists what DPoP proofs may be signed with, in the order of discovery documents.
func (p Profile) ProofAlgorithms() []string { return texts(p.KeyPairAlgorithms()) }

// SigningAlgorithms lists what clients can have JWTs signed with, in the order of discovery documents.
func (p Profile) SigningAlgorithms() []string {
	names := p.ProofAlgorithms()
	if p.AllowsAlgorithm(client.HS256) {
		names = append(names, client.HS256)
	}
	return names
}

// AssertionAlgorithms lists what clients may sign their assertions with, in the order of discovery documents.
func (p Profile) AssertionAlgorithms() []string {
	names := p.ProofAlgorithms()
	if p.AllowsMethod(client.ClientSecretJWT) && p.AllowsAlgorithm(jose.HS256) {
		names = append(names, string(jose.HS256))
	}
	return names
}

func texts[T ~string](values []T) []string {
	names := make([]string, len(values))
	for i, value := range values {
		names[i] = string(value)
	}
	return names
}

// Unmet are the faults of a client that cannot meet a profile, one for each member of its metadata. errors.As finds the
// first of them, with a message that tells all.
type Unmet []*fault.Error

// Error implements error.
func (u Unmet) Error() string { return u.Unwrap().Error() }

// Unwrap returns the first fault, with a message that tells all of them.
func (u Unmet) Unwrap() error {
	if len(u) == 1 {
		return u[0]
	}
	messages := make([]string, len(u))
	for i, each := range u {
		messages[i] = each.Message
	}
	return fault.New(fault.Invalid, CodeInvalidClientMetadata, strings.Join(messages, " ")).WithField(u[0].Field)
}

// Check refuses a client that cannot meet the profile, naming every member at fault (Unmet).
func (p Profile) Check(c *client.Client) error {
	if c.Origin == client.BuiltIn {
		return nil
	}
	var unmet Unmet
	add := func(field, format string, arguments ...any) {
		unmet = append(unmet, fault.Newf(fault.Invalid, CodeInvalidClientMetadata, format, arguments...).WithField(field))
	}
	p.checkFlows(c, add)
	if !p.AllowsMethod(c.AuthenticationMethod) {
		add("token_endpoint_auth_method", "The profile %s wants clients to authenticate by one of %s.", p.Name, strings.Join(texts(p.Methods), ", "))
	}
	p.checkAlgorithms(c, add)
	if p.SecureRedirects {
		for _, uri := range c.RedirectURIs {
			if !secureRedirect(c, uri) {
				add("redirect_uris", "The profile %s allows https redirect URIs only, and %s is none.", p.Name, clip(uri))
				break
			}
		}
	}
	if err := p.RequestObject.check(p, c); err != nil {
		unmet = append(unmet, fault.From(err))
	}
	if len(unmet) == 0 {
		return nil
	}
	return unmet
}

type addFault func(field, format string, arguments ...any)

func (p Profile) checkFlows(c *client.Client, add addFault) {
	refused := slices.DeleteFunc(slices.Clone(c.ResponseTypes), p.Allows)
	switch {
	case len(refused) == 0:
	case p.CodeOnly:
		add("response_types", "The profile %s knows the response type code alone, not %s.", p.Name, strings.Join(refused, ", "))
	case p.BoundTokens && p.FrontChannel:
		add("response_types", "Access tokens are bound to their sender here, and those of the response types %s cannot be.", strings.Join(refused, ", "))
	default:
		add("response_types", "The profile %s does not allow the response types %s: tokens would travel through addresses.", p.Name, strings.Join(refused, ", "))
	}
	if p.PushedRequests && c.MayUse(client.DeviceCode) {
		add("grant_types", "The profile %s does not allow the grant type %s: it begins with a request that is not pushed.", p.Name, client.DeviceCode)
	}
	p.checkBackchannel(c, add)
	if !p.FrontChannel && c.MayUse(client.Implicit) {
		add("grant_types", "The profile %s does not allow the grant type implicit.", p.Name)
	}
}

func (p Profile) checkBackchannel(c *client.Client, add addFault) {
	if !c.MayUse(client.CIBA) {
		return
	}
	switch mode := c.Metadata.BackchannelTokenDeliveryMode; {
	case !p.AllowsDelivery(mode) && p.Backchannel.Modes != nil:
		add("backchannel_token_delivery_mode", "The profile %s allows the delivery modes %s, not %s.", p.Name, strings.Join(texts(p.Backchannel.Modes), ", "), mode)
	case !p.AllowsDelivery(mode):
		add("backchannel_token_delivery_mode", "Access tokens are bound to their sender here, and those that are pushed cannot be.")
	}
	if p.Backchannel.Signed && c.Metadata.BackchannelAuthenticationRequestSigningAlg == "" {
		add("backchannel_authentication_request_signing_alg", "The profile %s demands signed requests through the back channel: say which algorithm signs them.", p.Name)
	}
}

// AllowsDelivery reports whether tokens may be delivered by the mode: those that are pushed cannot be bound to their sender.
func (p Profile) AllowsDelivery(mode client.DeliveryMode) bool {
	return (p.Backchannel.Modes == nil || slices.Contains(p.Backchannel.Modes, mode)) && !(p.BoundTokens && mode == client.Push)
}

// DeliveryModes lists how tokens may be delivered, in the order of discovery documents.
func (p Profile) DeliveryModes() []client.DeliveryMode {
	return slices.DeleteFunc(client.DeliveryModes(), func(mode client.DeliveryMode) bool { return !p.AllowsDelivery(mode) })
}

func (p Profile) checkAlgorithms(c *client.Client, add addFault) {
	for _, signed := range []struct{ field, value string }{
		{"id_token_signed_response_alg", c.IDTokenSignedResponseAlg}, {"userinfo_signed_response_alg", c.Metadata.UserinfoSignedResponseAlg},
		{"authorization_signed_response_alg", p.answersBy(c)},
		{"introspection_signed_response_alg", c.Metadata.IntrospectionSignedResponseAlg},
		{"request_object_signing_alg", c.Metadata.RequestObjectSigningAlg}, {"token_endpoint_auth_signing_alg", c.Metadata.TokenEndpointAuthSigningAlg},
		{"backchannel_authentication_request_signing_alg", c.Metadata.BackchannelAuthenticationRequestSigningAlg},
	} {
		if signed.value != "" && !p.AllowsAlgorithm(jose.Algorithm(signed.value)) {
			add(signed.field, "The profile %s allows signatures by %s, not by %s.", p.Name, strings.Join(texts(p.Algorithms), ", "), signed.value)
		}
	}
}

// answersBy is the algorithm of the client's signed answers, "" when it may do without them.
func (p Profile) answersBy(c *client.Client) string {
	if p.SignedAnswers {
		return c.AuthorizationSigning()
	}
	return c.Metadata.AuthorizationSignedResponseAlg
}

// secureRedirect reports whether nobody on the way can read what is sent to the address.
func secureRedirect(c *client.Client, uri string) bool {
	parsed, err := url.Parse(uri)
	if err != nil {
		return false
	}
	return parsed.Scheme == "https" || c.ApplicationType == client.Native && parsed.Scheme == "http" && client.IsLoopback(parsed)
}

func clip(text string) string {
	if len(text) > 100 {
		return strings.ToValidUTF8(text[:100], "") + "…"
	}
	return text
}

// Demands says in sentences what the profile demands of clients, for people who choose one.
func (p Profile) Demands() []string {
	var demands []string
	for _, demand := range []struct {
		holds bool
		text  string
	}{
		{!p.FrontChannel, "Tokens never travel through the browser's address: the code flow is the only one."},
		{p.FrontChannel, "The implicit and hybrid flows may be used, for applications that know nothing better."},
		{!p.WithoutPKCE, "Every code is protected by PKCE with S256."},
		{p.WithoutPKCE, "A client with credentials may leave out PKCE."},
		{p.PushedRequests, "Authorization requests are pushed to us before the person is sent (RFC 9126)."},
		{p.BoundTokens, "Access tokens are bound to their sender, by DPoP (RFC 9449) or a TLS certificate (RFC 8705)."},
		{p.Methods != nil, "Clients authenticate by " + strings.Join(texts(p.Methods), ", ") + "."},
		{p.AssertionsToIssuer, "An assertion names the issuer as its only audience."},
		{p.Algorithms != nil, "Signatures are made with " + strings.Join(texts(p.Algorithms), ", ") + "."},
		{p.KeepRefreshTokens, "A refresh token stays the same when it is used."},
		{p.RequestObject.Required, "Authorization requests are signed (RFC 9101)."},
		{p.SignedAnswers, "Answers to them are signed, too (JARM)."},
		{p.SecureRedirects, "Redirect URIs are https."},
		{p.Backchannel.Signed, "Requests through the back channel (CIBA) are signed, live an hour at most, and say what is decided."},
		{p.Backchannel.Modes != nil, "Tokens of such requests are fetched by the client and never pushed to it."},
		{p.Interactions, "Answers of userinfo name the interaction (x-fapi-interaction-id): the client's name for it, or a new one."},
	} {
		if demand.holds {
			demands = append(demands, demand.text)
		}
	}
	return demands
}
