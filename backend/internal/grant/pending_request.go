package grant

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/store"
)

// A pending request is one that a client makes before the person is there who may allow it: of a device (RFC 8628), or
// through the back channel (CIBA Core 1.0). The client asks from time to time how far it is; what was allowed becomes a
// grant whose code the client holds already.

// RequestStatus says how far a pending request is.
type RequestStatus string

// The states of a pending request.
const (
	RequestPending  RequestStatus = "pending"
	RequestApproved RequestStatus = "approved"
	RequestDenied   RequestStatus = "denied"
	RequestExpired  RequestStatus = "expired"
)

// Poll is what a client hears when it asks.
type Poll struct {
	Status  RequestStatus
	TooFast bool    // it did not wait; from now on it waits longer
	Granted Granted // of the request
}

// requestsKept is how long an expired request is still known as such.
const requestsKept = time.Hour

// polled is what a row says at the moment now.
func polled(status string, early bool, expires, now time.Time, granted Granted) Poll {
	poll := Poll{Status: RequestStatus(status), Granted: granted}
	if poll.Status == RequestPending && !now.Before(expires) {
		poll.Status = RequestExpired
	}
	poll.TooFast = early && poll.Status == RequestPending
	return poll
}

// approve turns a decided request into its grant, which the client redeems by what it holds, and records it as the action.
func (g *Grants) approve(ctx context.Context, tx *store.Tx, actor audit.Actor, action string, authorization Authorization) error {
	if least := g.now().Add(CodeLifetime); authorization.Held.ExpiresAt.Before(least) { // the client may ask only after the last moment
		authorization.Held.ExpiresAt = least
	}
	if _, _, err := g.issue(ctx, tx, authorization); err != nil {
		return err
	}
	return g.log.Record(ctx, tx, authorization.OrgID, audit.Event{Action: action, Actor: actor, Target: audit.Target{Kind: "client", ID: authorization.ClientID.String()},
		Details: map[string]any{"scopes": authorization.Scopes, "user_id": authorization.Session.UserID}})
}

// deny records that a request was refused.
func (g *Grants) deny(ctx context.Context, tx *store.Tx, actor audit.Actor, action string, orgID, clientID uuid.UUID) error {
	return g.log.Record(ctx, tx, orgID, audit.Event{Action: action, Actor: actor, Target: audit.Target{Kind: "client", ID: clientID.String()}})
}
