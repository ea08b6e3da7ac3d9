package grant

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
	"github.com/clavex/clavex/backend/internal/user"
)

// Subject is whom a token of a client speaks of, and how they signed in.
type Subject struct {
	User            *user.User
	GrantID         uuid.UUID // what the client was granted: the last of it, if it was several times
	Scopes          []string  // of that grant
	AuthenticatedAt time.Time
	Methods         []string // amr
	ACR             string
}

// SubjectOfIDToken is whom an ID token of the client speaks of. nil when the person may not sign in any more, the session
// ended or rests, or everything that the client was granted in it was revoked.
func (g *Grants) SubjectOfIDToken(ctx context.Context, orgID, clientID, sessionID, userID uuid.UUID) (*Subject, error) {
	rules, err := g.models.Rules(ctx, orgID)
	if err != nil {
		return nil, err
	}
	row, err := dbq.New(g.db).PersonOfIDToken(ctx, dbq.PersonOfIDTokenParams{OrgID: orgID, ClientID: clientID, SessionID: sessionID, UserID: userID, At: g.now(), RefusedModels: rules.Refused(), AcceptedModels: rules.Accepted()})
	return subject(dbq.PersonOfRefreshTokenRow(row), err)
}

// SubjectOfRefreshToken is whom a refresh token of the client speaks of, without using it. nil when it could not be used
// by whoever has proven to hold what holders name.
func (g *Grants) SubjectOfRefreshToken(ctx context.Context, orgID, clientID uuid.UUID, token string, holders []string) (*Subject, error) {
	if len(token) != secret.Length {
		return nil, nil
	}
	rules, err := g.models.Rules(ctx, orgID)
	if err != nil {
		return nil, err
	}
	return subject(dbq.New(g.db).PersonOfRefreshToken(ctx, dbq.PersonOfRefreshTokenParams{OrgID: orgID, ClientID: clientID, TokenHash: secret.Hash(token), Holders: list(holders), At: g.now(),
		RefusedModels: rules.Refused(), AcceptedModels: rules.Accepted()}))
}

func subject(row dbq.PersonOfRefreshTokenRow, err error) (*Subject, error) {
	if store.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	person, err := user.FromRow(row.User, nil)
	return &Subject{User: person, GrantID: row.ID, Scopes: row.Scopes, AuthenticatedAt: row.AuthenticatedAt, Methods: row.Methods, ACR: row.Acr}, err
}
