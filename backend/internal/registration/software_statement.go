package registration

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
)

const softwareStatement = "software_statement"

// leeway is by how much the clocks of issuers may differ.
const leeway = 10 * time.Second

// ofTheToken are the claims that speak of the statement itself and not of the software (RFC 7519 §4.1).
var ofTheToken = []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", softwareStatement}

var (
	errUnapproved = oauth.NewError("unapproved_software_statement", "This organization does not trust the issuer of the software statement.")
	errStatement  = oauth.NewError("invalid_software_statement", "The software statement is malformed, expired or not signed by its issuer.")
)

// applyStatement lets what a trusted issuer says of the software stand above what the request says (RFC 7591 §2.3,
// §3.1.1). An update without a statement keeps the one that the client registered with, expired or not: leaving it
// out must not take off what it binds.
func (e *Endpoint) applyStatement(ctx context.Context, request *Request) error {
	var statement string
	if err := read(softwareStatement, request.object[softwareStatement], &statement); err != nil {
		return err
	}
	if statement == "" {
		if request.registered == nil || request.registered.Metadata.SoftwareStatement == "" {
			return nil
		}
		statement = request.registered.Metadata.SoftwareStatement
	} else if err := e.verifyStatement(ctx, request.Organization, statement); err != nil {
		return err
	}
	claims, err := claimsOf(statement)
	if err != nil {
		return errStatement.WithCause(err)
	}
	object := maps.Clone(request.object)
	for name := range object { // what is said in another language binds as little as what is said without one
		base, _, tagged := strings.Cut(name, "#")
		if _, bound := claims[base]; tagged && bound {
			delete(object, name)
		}
	}
	for name, value := range claims {
		if !slices.Contains(ofTheToken, name) {
			object[name] = value
		}
	}
	if object[softwareStatement], err = json.Marshal(statement); err != nil {
		return err
	}
	request.object = object
	return nil
}

func (e *Endpoint) verifyStatement(ctx context.Context, organization *org.Organization, statement string) error {
	claimed, err := jose.Inspect(statement)
	if err != nil {
		return errStatement.WithCause(err)
	}
	trusted := organization.Policies.RegistrationRules.SoftwareStatementIssuers
	at := slices.IndexFunc(trusted, func(issuer org.SoftwareStatementIssuer) bool { return issuer.Issuer == claimed.Issuer })
	if at < 0 {
		return errUnapproved
	}
	err = e.keySets.Verify(ctx, trusted[at].JWKS, trusted[at].JWKSURI, func(keys jose.Lookup) error {
		_, err := jose.Verify(statement, keys, jose.Expected{Types: []string{"", "jwt"}, Algorithms: jose.Algorithms(), Issuer: claimed.Issuer,
			AnyAudience: true, Now: e.now(), Leeway: leeway, KeyIDOptional: true})
		return err
	})
	switch {
	case err == nil, fault.IsKind(err, fault.Unavailable):
		return err
	case errors.Is(err, jose.ErrInvalid), fault.IsKind(err, fault.Invalid):
		return errStatement.WithCause(err)
	default:
		return err
	}
}

// claimsOf reads the payload of a statement that was verified.
func claimsOf(statement string) (map[string]json.RawMessage, error) {
	parts := strings.Split(statement, ".")
	if len(parts) != 3 {
		return nil, errors.New("not a compact serialization")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, err
	}
	return ParseObject(payload)
}
