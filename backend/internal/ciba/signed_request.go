package ciba

import (
	"context"
	"encoding/json"
	"time"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/oauth"
)

// understood are the parameters that mean something here. In a signed request none of them stands outside.
var understood = []string{"scope", "client_notification_token", "acr_values", "login_hint_token", "id_token_hint", "login_hint", "binding_message", "user_code",
	"requested_expiry", "authorization_details"}

const (
	requestLifetime = time.Hour        // of a signed request, from its nbf
	requestLeeway   = 60 * time.Second // by how much a client's clock may differ from ours
)

// openRequest replaces the request's parameters by those of a signed request (CIBA Core 1.0 §7.1.1), which a client sends
// that registered an algorithm for that, and nobody else does.
func (e *Endpoint) openRequest(ctx context.Context, r *Request) error {
	algorithm := jose.Algorithm(r.Client.Metadata.BackchannelAuthenticationRequestSigningAlg)
	object := r.Parameters.Get("request")
	switch {
	case object == "" && (algorithm != "" || r.profile.Backchannel.Signed):
		return oauth.InvalidRequest("This client signs its requests and sends them in the parameter request.")
	case object == "":
		return nil
	case algorithm == "":
		return oauth.InvalidRequest("The client sends a signed request and registered no backchannel_authentication_request_signing_alg.")
	}
	for _, name := range append([]string{"resource"}, understood...) {
		if r.Parameters.Has(name) {
			return oauth.InvalidRequest("The parameter " + name + " stands outside the signed request.")
		}
	}
	verified, err := e.verify(ctx, r, object, algorithm)
	if err != nil {
		return err
	}
	r.Parameters, err = parametersOf(verified.Claims())
	return err
}

// verify checks signature and claims: all of aud, iss, exp, iat, nbf and jti are there, and the jti is used once.
func (e *Endpoint) verify(ctx context.Context, r *Request, object string, algorithm jose.Algorithm) (*jose.Token, error) {
	now, rules := e.Now(), oauth.RequestObjectRules{Lifetime: requestLifetime, Algorithms: r.profile.Algorithms}
	if err := rules.AllowsAlgorithm(algorithm); err != nil {
		return nil, invalidRequest(err)
	}
	expected := rules.Expect(r.Client.ClientID, e.Issuers.Names(r.Organization, now), algorithm, now)
	var verified *jose.Token
	err := e.KeySets.Verify(ctx, r.Client.Metadata.JWKS, r.Client.Metadata.JWKSURI, func(lookup jose.Lookup) (err error) {
		verified, err = jose.Verify(object, lookup, expected)
		return err
	})
	if err == nil {
		err = rules.JudgeTimes(verified, now)
	}
	switch {
	case err != nil:
		return nil, invalidRequest(err)
	case verified.IssuedAt.IsZero():
		return nil, oauth.InvalidRequest("The signed request has no iat.")
	case verified.ID == "":
		return nil, oauth.InvalidRequest("The signed request has no jti.")
	}
	first, err := oauth.UseOnce(ctx, e.State, "backchannel_request", r.Client.OrgID, r.Client.ClientID, verified, requestLifetime, requestLeeway, now)
	if err == nil && !first {
		err = oauth.InvalidRequest("The signed request was used before. Sign another one, with a jti of its own.")
	}
	return verified, err
}

// invalidRequest is the client's to mend, but for an outage of ours or of its key set's server.
func invalidRequest(err error) error {
	if fault.IsKind(err, fault.Unavailable) {
		return err
	}
	description := "The signed request cannot be verified."
	if cause := fault.From(err); cause.Kind == fault.Invalid {
		description += " " + cause.Message
	}
	return oauth.InvalidRequest(description).WithCause(err)
}

func parametersOf(claims map[string]json.RawMessage) (oauth.Parameters, error) {
	kept := make([]string, 0, 2*len(understood))
	for _, name := range understood {
		raw, there := claims[name]
		if !there {
			continue
		}
		value, err := oauth.ObjectParameter(name, raw)
		if err != nil {
			return oauth.Parameters{}, oauth.InvalidRequest("The member " + name + " of the signed request is not of the right type.")
		}
		kept = append(kept, name, value)
	}
	resources, err := oauth.ObjectResources(claims, nil)
	if err != nil {
		return oauth.Parameters{}, err
	}
	// Read again as a form, so that one set of rules bounds every parameter.
	parameters, err := oauth.ParseForm([]byte(oauth.NewParameters(kept...).WithAll("resource", resources).Encode()))
	if err != nil {
		return oauth.Parameters{}, oauth.InvalidRequest("The signed request has a member that is too long or malformed.").WithCause(err)
	}
	return parameters, nil
}
