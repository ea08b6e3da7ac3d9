package oauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/jose"
)

// RequestObjectType is the "typ" of request objects (RFC 9101 §10.8). OpenID Connect names none.
const RequestObjectType = "oauth-authz-req+jwt"

// requestObjectLeeway is by how much the clocks of clients may differ.
const requestObjectLeeway = 60 * time.Second

// RequestObjectRules are what a profile demands of request objects beyond OpenID Connect Core 1.0 §6. The zero value
// demands nothing.
type RequestObjectRules struct {
	Required bool // authorization requests are signed request objects (RFC 9101 §10.5)
	// Lifetime, when not 0, demands iss, aud, nbf and exp: from nbf to exp it takes at most this long, and nbf is at
	// most this long ago (FAPI 2.0 Message Signing §5.3.1).
	Lifetime   time.Duration
	Types      []string         // the only values of "typ"; nil for those that OpenID Connect and RFC 9101 let pass
	Algorithms []jose.Algorithm // the only ones; nil for every one that the client may use
	Alone      bool             // what stands outside the object is ignored, but for client_id (RFC 9101 §6.3)
}

// Expect is what the object of a client has to be, signed with the algorithm, at a time. The signature is then checked
// by whoever has the key.
func (p RequestObjectRules) Expect(clientID string, names []string, algorithm jose.Algorithm, at time.Time) jose.Expected {
	types := p.Types
	if types == nil {
		types = []string{"", "jwt", RequestObjectType}
	}
	complete := p.Lifetime > 0
	return jose.Expected{Types: types, Algorithms: []jose.Algorithm{algorithm}, Issuer: clientID, Audiences: names,
		IssuerOptional: !complete, AudienceOptional: !complete, ExpiryOptional: !complete, KeyIDOptional: true, Now: at, Leeway: requestObjectLeeway}
}

// The faults of an object; each is invalid_request_object with this explanation.
var (
	errObjectAlgorithm = fault.New(fault.Invalid, CodeInvalidRequestObject, "Its algorithm is not one that the profile of this client allows.")
	errObjectBegin     = fault.New(fault.Invalid, CodeInvalidRequestObject, "It has no nbf, which says when it was made.")
	errObjectOld       = fault.New(fault.Invalid, CodeInvalidRequestObject, "Its nbf is too long ago.")
	errObjectLong      = fault.New(fault.Invalid, CodeInvalidRequestObject, "From its nbf to its exp it takes too long.")
)

// AllowsAlgorithm reports an algorithm that the profile does not allow.
func (p RequestObjectRules) AllowsAlgorithm(algorithm jose.Algorithm) error {
	if p.Algorithms != nil && !slices.Contains(p.Algorithms, algorithm) {
		return errObjectAlgorithm
	}
	return nil
}

// JudgeTimes refuses an object that could be used for too long, at the time of the request.
func (p RequestObjectRules) JudgeTimes(object *jose.Token, at time.Time) error {
	switch {
	case p.Lifetime == 0:
	case object.NotBefore.IsZero():
		return errObjectBegin
	case at.Sub(object.NotBefore) > p.Lifetime:
		return errObjectOld
	case object.Expiry.Sub(object.NotBefore) > p.Lifetime:
		return errObjectLong
	}
	return nil
}

// check refuses a client that cannot make such objects.
func (p RequestObjectRules) check(profile Profile, c *client.Client) error {
	signs := c.Metadata.RequestObjectSigningAlg
	switch {
	case signs != "" && p.AllowsAlgorithm(jose.Algorithm(signs)) != nil:
		allowed := make([]string, len(p.Algorithms))
		for i, algorithm := range p.Algorithms {
			allowed[i] = string(algorithm)
		}
		return fault.Newf(fault.Invalid, CodeInvalidClientMetadata, "The profile %s allows request objects signed by %s only.", profile.Name, strings.Join(allowed, ", ")).
			WithField("request_object_signing_alg")
	case p.Required && signs == client.Unsigned:
		return fault.Newf(fault.Invalid, CodeInvalidClientMetadata, "The profile %s demands signed request objects.", profile.Name).WithField("request_object_signing_alg")
	case p.Required && c.MayUse(client.AuthorizationCode) && !c.SignsRequests():
		return fault.Newf(fault.Invalid, CodeInvalidClientMetadata, "The profile %s demands signed request objects, which need the client's public keys: give jwks or jwks_uri.",
			profile.Name).WithField("jwks")
	}
	return nil
}

var errObjectMember = errors.New("oauth: a member of the request object is not of the right type")

// ObjectParameter writes a member of a request object as the parameter it stands for: a text as it is, a number or an
// object (max_age, claims) as its JSON, and so an array of authorization_details.
func ObjectParameter(name string, raw json.RawMessage) (string, error) {
	var text string
	if err := json.Unmarshal(raw, &text); err == nil {
		return text, nil
	}
	if trimmed := bytes.TrimSpace(raw); len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] >= '0' && trimmed[0] <= '9' || trimmed[0] == '[' && name == "authorization_details") {
		return string(trimmed), nil
	}
	return "", errObjectMember
}

// ObjectResources are the resources of the object, a text or an array of texts (RFC 8707 §2.1), otherwise those given.
func ObjectResources(claims map[string]json.RawMessage, otherwise []string) ([]string, error) {
	raw, there := claims["resource"]
	if !there {
		return otherwise, nil
	}
	var one string
	if err := json.Unmarshal(raw, &one); err == nil {
		return []string{one}, nil
	}
	var several []string
	if err := json.Unmarshal(raw, &several); err != nil {
		return nil, NewError(CodeInvalidRequestObject, "The member resource of the request object is not of the right type.")
	}
	return several, nil
}
