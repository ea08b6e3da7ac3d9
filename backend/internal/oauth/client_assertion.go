package oauth

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/org"
)

// assertionType is the only client_assertion_type (RFC 7523 §2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

const (
	assertionLifetime = time.Hour        // how far ahead the end of an assertion may be; so long its mark is kept
	assertionLeeway   = 30 * time.Second // by how much a client's clock may differ from ours
)

// The reasons to refuse an assertion beyond those of package jose; they are for the log only.
var (
	errAssertionMethod   = errors.New("oauth: the client registered no method of assertions, is disabled, or does not exist")
	errAssertionIdentity = errors.New("oauth: iss, sub and client_id of the assertion do not name one client")
	errAssertionEnd      = errors.New("oauth: the assertion ends too far in the future")
	errAssertionID       = errors.New("oauth: the assertion has no jti")
	errAssertionAudience = errors.New("oauth: the audience of the assertion is not the issuer alone")
	errAssertionUsed     = errors.New("oauth: the assertion was used before, or that cannot be ruled out")
)

// readAssertion takes the assertion from a request that has nothing else to authenticate with (RFC 6749 §2.3,
// RFC 7521 §4.2). Whom it names is not proven yet.
func readAssertion(credentials ClientCredentials) (presentedCredentials, error) {
	parameters := credentials.Parameters
	if len(credentials.Authorization) > 0 || parameters.Has("client_secret") {
		return presentedCredentials{}, errTwoMethods
	}
	assertion := parameters.Get("client_assertion")
	if assertion == "" || parameters.Get("client_assertion_type") != assertionType {
		return presentedCredentials{}, invalidClient()
	}
	claimed, err := jose.Inspect(assertion)
	if err != nil {
		return presentedCredentials{}, invalidClient().WithCause(err)
	}
	clientID := claimed.Subject
	if named := parameters.Get("client_id"); clientID == "" || claimed.Issuer != clientID || named != "" && named != clientID {
		return presentedCredentials{}, invalidClient().WithCause(errAssertionIdentity)
	}
	return presentedCredentials{clientID: clientID, assertion: assertion}, nil
}

// byAssertion authenticates the client that an assertion names, nil when there is none. An assertion is good for
// one request, whichever replica answers it. What is wrong with the assertion or with the client's keys is
// invalid_client; keys that are out of reach at the moment are a fault of their own.
func (a *ClientAuthentication) byAssertion(ctx context.Context, organization *org.Organization, found *client.Client, assertion string) (*client.Client, error) {
	if found == nil || found.Status != client.Active {
		return nil, invalidClient().WithCause(errAssertionMethod)
	}
	token, err := a.verifyAssertion(ctx, organization, found, assertion)
	if err == nil {
		err = a.useAssertion(ctx, found, token)
	}
	switch {
	case err == nil:
		return found, nil
	case errors.Is(err, jose.ErrInvalid), fault.IsKind(err, fault.Invalid),
		slices.ContainsFunc([]error{errAssertionMethod, errAssertionIdentity, errAssertionEnd, errAssertionID, errAssertionAudience, errAssertionUsed},
			func(reason error) bool { return errors.Is(err, reason) }):
		return nil, invalidClient().WithCause(err)
	default:
		return nil, err
	}
}

// verifyAssertion checks signature and claims (RFC 7523 §3, OpenID Connect Core 1.0 §9). It changes nothing.
func (a *ClientAuthentication) verifyAssertion(ctx context.Context, organization *org.Organization, found *client.Client, assertion string) (token *jose.Token, err error) {
	expected := jose.Expected{Types: []string{"", "JWT", "client-authentication+jwt"}, Issuer: found.ClientID, Audiences: a.audiences(organization),
		Now: a.now(), Leeway: assertionLeeway, KeyIDOptional: true}
	profile := ProfileOf(organization, found)
	if profile.AssertionsToIssuer {
		expected.Audiences = expected.Audiences[:1]
	}
	switch found.AuthenticationMethod {
	case client.ClientSecretJWT:
		token, err = a.verifyWithSecret(found, assertion, expected)
	case client.PrivateKeyJWT:
		expected.Algorithms = profile.KeyPairAlgorithms()
		if registered := found.Metadata.TokenEndpointAuthSigningAlg; registered != "" {
			expected.Algorithms = []jose.Algorithm{jose.Algorithm(registered)}
		}
		err = a.keySets.Verify(ctx, found.Metadata.JWKS, found.Metadata.JWKSURI, func(keys jose.Lookup) (err error) {
			token, err = jose.Verify(assertion, keys, expected)
			return err
		})
	default:
		err = errAssertionMethod
	}
	switch {
	case err != nil:
		return nil, err
	case token.Subject != found.ClientID:
		return nil, errAssertionIdentity
	case profile.AssertionsToIssuer && !audienceIsString(token):
		return nil, errAssertionAudience
	case token.Expiry.After(expected.Now.Add(assertionLifetime + assertionLeeway)):
		return nil, errAssertionEnd
	case token.ID == "":
		return nil, errAssertionID
	}
	return token, nil
}

// audienceIsString reports whether the audience is a text and no list, as FAPI 2.0 Security Profile §5.3.2.1 demands.
func audienceIsString(token *jose.Token) bool {
	var audience string
	_, err := token.Claim("aud", &audience)
	return err == nil
}

func (a *ClientAuthentication) verifyWithSecret(found *client.Client, assertion string, expected jose.Expected) (*jose.Token, error) {
	bytes, err := a.clients.SymmetricSecret(found)
	if err != nil {
		return nil, err
	}
	secret, err := jose.NewSecret(bytes)
	if err != nil {
		return nil, err
	}
	expected.Algorithms = []jose.Algorithm{jose.HS256}
	return secret.Verify(assertion, expected)
}

// audiences are the names of the organization's authorization server: the issuer, and the addresses of the
// endpoints where clients authenticate, which OpenID Connect Core 1.0 §9 suggests, also those for connections with a TLS
// certificate (RFC 8705 §5). An assertion is used once, wherever that is.
func (a *ClientAuthentication) audiences(organization *org.Organization) []string {
	names := a.issuers.Names(organization, a.now())
	for _, endpoint := range []string{"token", "par", "introspect", "revoke", "bc-authorize"} {
		for _, issuer := range a.issuers.Names(organization, a.now()) {
			names = append(names, issuer+"/"+endpoint)
		}
		if a.issuers.MTLSURL != "" {
			names = append(names, a.issuers.MTLSEndpoint(organization, endpoint))
		}
	}
	return names
}

// useAssertion marks a verified assertion as used; of simultaneous calls one succeeds. The earliest moment at which
// it could have been accepted decides whether a mark may have been lost with the store: "iat" is optional.
func (a *ClientAuthentication) useAssertion(ctx context.Context, found *client.Client, token *jose.Token) error {
	first, err := UseOnce(ctx, a.state, "client_assertion", found.OrgID, found.ClientID, token, assertionLifetime, assertionLeeway, a.now())
	if err == nil && !first {
		err = errAssertionUsed
	}
	return err
}
