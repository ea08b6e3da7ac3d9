package oauth

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/user"
)

var errNotAlive = errors.New("the token, its grant, session, person or client is revoked, ended, disabled or gone")

// LiveTokens tells whether verified access tokens are still good. It is safe for concurrent use.
type LiveTokens struct {
	grants   *grant.Grants
	clients  *client.Clients
	subjects *Subjects
}

// NewLiveTokens makes the look-up.
func NewLiveTokens(grants *grant.Grants, clients *client.Clients, subjects *Subjects) *LiveTokens {
	return &LiveTokens{grants: grants, clients: clients, subjects: subjects}
}

// LiveToken is what stands behind an access token that is good.
type LiveToken struct {
	Client *client.Client
	User   *user.User      // nil for a client's own token
	Claims json.RawMessage // the claims parameter of the grant; see DecodeClaimsRequest
}

// Find returns what stands behind a verified access token of the organization, in one database round trip
// when the client is cached. InvalidToken when the token or its grant was revoked, the session it depends
// on ended, or the person or the client may not act any more.
func (l *LiveTokens) Find(ctx context.Context, organization *org.Organization, token *AccessToken) (*LiveToken, error) {
	found, err := l.active(ctx, organization, token.ClientID)
	if err != nil {
		return nil, err
	}
	if token.GrantID == uuid.Nil {
		revoked, err := l.grants.TokenRevoked(ctx, organization.ID, token.ID)
		if err != nil {
			return nil, err
		}
		if revoked {
			return nil, InvalidToken(errNotAlive)
		}
		return &LiveToken{Client: found}, nil
	}
	state, err := l.grants.State(ctx, organization.ID, token.GrantID, token.ID)
	if err != nil {
		return nil, err
	}
	holder := found
	if token.GrantClient != "" { // exchanged: it lives as long as the grant of the client that it was exchanged from
		if holder, err = l.active(ctx, organization, token.GrantClient); err != nil {
			return nil, err
		}
	}
	if !state.Alive || state.ClientID != holder.ID || holder != found && !found.MayUse(client.TokenExchange) {
		return nil, InvalidToken(errNotAlive)
	}
	subject, err := l.subjects.Of(ctx, found, state.User.ID)
	if err != nil {
		return nil, err
	}
	if subject != token.Subject {
		return nil, InvalidToken(errNotAlive)
	}
	return &LiveToken{Client: found, User: state.User, Claims: state.Claims}, nil
}

// active returns the client; InvalidToken when there is none, or it is disabled.
func (l *LiveTokens) active(ctx context.Context, organization *org.Organization, clientID string) (*client.Client, error) {
	found, err := l.clients.ByClientID(ctx, organization.ID, clientID)
	if errors.Is(err, client.ErrNotFound) || err == nil && found.Status != client.Active {
		return nil, InvalidToken(errNotAlive)
	}
	return found, err
}
