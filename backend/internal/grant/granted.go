package grant

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// Granted is what a token may be narrowed to.
type Granted struct {
	Audience []string        // resource servers; empty when the request named none
	Details  json.RawMessage // authorization_details; nil when there were none
}

// OfCode is what an authorization code of the client stands for, whatever its state; the zero value when there is no
// such code. Whoever wants less than all of it asks before redeeming, so that wanting too much does not cost the code.
func (g *Grants) OfCode(ctx context.Context, orgID, clientID uuid.UUID, code string) (Granted, error) {
	row, err := dbq.New(g.db).GrantedByCode(ctx, dbq.GrantedByCodeParams{OrgID: orgID, CodeHash: secret.Hash(code), ClientID: clientID})
	if store.IsNotFound(err) {
		return Granted{}, nil
	}
	return Granted{Audience: row.Audience, Details: row.AuthorizationDetails}, err
}

// OfRefreshToken is OfCode for a refresh token.
func (g *Grants) OfRefreshToken(ctx context.Context, orgID, clientID uuid.UUID, token string) (Granted, error) {
	row, err := dbq.New(g.db).GrantedByRefreshToken(ctx, dbq.GrantedByRefreshTokenParams{OrgID: orgID, TokenHash: secret.Hash(token), ClientID: clientID})
	if store.IsNotFound(err) {
		return Granted{}, nil
	}
	return Granted{Audience: row.Audience, Details: row.AuthorizationDetails}, err
}

// resourceConsent begins what stands beside scopes in a consent for a resource server; no scope contains a space.
const resourceConsent = "resource "

// ConsentFor is what a consent contains for a resource server that it was given for.
func ConsentFor(resource string) string { return resourceConsent + resource }

// ConsentedResource is the resource server that a part of a consent stands for; false for a scope.
func ConsentedResource(part string) (string, bool) { return strings.CutPrefix(part, resourceConsent) }
