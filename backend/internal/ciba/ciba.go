// Package ciba lets applications ask for a person who is elsewhere: OpenID Connect Client-Initiated Backchannel
// Authentication Core 1.0 (final, September 2021), held to FAPI CIBA (implementer's draft 1) where the client's profile
// is, with the advice of RFC 10027 for flows across devices. The application names the person; they are told by mail and
// find the request on a page of ours, where they see who asks for what, and decide. Meanwhile the application asks the
// token endpoint (poll), is told when to ask (ping), or is sent the tokens (push). The pages are package signin's.
//
// Left out: login_hint_token, whose content the specification leaves to others, and user codes.
package ciba

import (
	"context"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fetch"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/oauth/token"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/ratelimit"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// A client may ask this many times in this time for one person.
const (
	requestsOfOne = 30
	window        = 10 * time.Minute
)

// Enqueue adds a job that waits for servers of others, in the transaction of its cause (jobs.Jobs.EnqueueOutgoing).
type Enqueue func(ctx context.Context, tx *store.Tx, kind string, each ...any) error

// Waiting is what a person is told of: a request that waits for them.
type Waiting struct {
	Organization *org.Organization
	Person       *user.User
	Client       *client.Client
	Expires      time.Time
}

// Notifier tells people that a request waits for them, by mail today. It is called in the transaction that writes the
// request down, once until they have answered or let pass all that wait. Who cannot be reached finds it on the page.
type Notifier interface {
	Notify(ctx context.Context, tx *store.Tx, waiting Waiting) error
}

// Dependencies are what the endpoint is made of.
type Dependencies struct {
	Store          *store.Store
	Issuers        oauth.Issuers
	Authentication *oauth.ClientAuthentication
	Organizations  *org.Organizations
	Clients        *client.Clients
	Users          *user.Users
	KeySets        *client.KeySets
	Hints          *oauth.IDTokenHints
	Sessions       *session.Sessions
	Grants         *grant.Grants
	Targets        *oauth.Targets
	Tokens         *token.Endpoint
	State          kv.Store
	Fetch          *fetch.Client
	Notifier       Notifier
	Enqueue        Enqueue
	Audit          *audit.Log
	Now            func() time.Time
	Random         io.Reader
}

// Endpoint is the backchannel authentication endpoint of all organizations, and what happens to its requests. It is safe
// for concurrent use.
type Endpoint struct {
	Dependencies
	checks   oauth.Table[Request]
	requests *ratelimit.Limit
}

// New makes the endpoint.
func New(dependencies Dependencies) *Endpoint {
	e := &Endpoint{Dependencies: dependencies}
	e.requests = ratelimit.New(dependencies.State, "backchannel_requests_of_person", requestsOfOne, window, errTooManyRequests)
	e.checks = e.table()
	return e
}

var errTooManyRequests = fault.New(fault.RateLimited, "backchannel_requests_rate_limited", "This person was asked for too often. Try again later.")

// Response is the answer to a client (CIBA Core 1.0 §7.3).
type Response struct {
	AuthReqID string `json:"auth_req_id"`
	ExpiresIn int64  `json:"expires_in"`         // seconds
	Interval  int64  `json:"interval,omitempty"` // seconds; none for push
}

// Begin answers a client that asks for a person.
func (e *Endpoint) Begin(ctx context.Context, request *Request) (*Response, error) {
	if err := e.checks.Run(ctx, request); err != nil {
		return nil, err
	}
	organization, asking := request.Organization, request.Client
	details, err := request.details.Encode()
	if err != nil {
		return nil, err
	}
	mode := asking.Metadata.BackchannelTokenDeliveryMode
	begin := grant.BackchannelBegin{OrgID: organization.ID, DeliveryMode: string(mode), NotificationToken: request.notificationToken,
		BackchannelRequest: grant.BackchannelRequest{ClientRow: asking.ID, UserID: request.person.ID, Scopes: request.scopes, Audience: request.target.Audience, Details: details,
			ACRValues: request.acrValues, BindingMessage: request.bindingMessage, ExpiresAt: e.Now().Add(request.lifetime)}}
	response := &Response{ExpiresIn: int64(request.lifetime / time.Second)}
	if mode != client.Push {
		response.Interval = int64(grant.BackchannelInterval / time.Second)
	}
	return response, e.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		authReqID, waiting, err := e.Grants.BeginBackchannel(ctx, tx, begin)
		if err != nil {
			return err
		}
		response.AuthReqID = authReqID
		if waiting { // they were told of another one that leads to the same page
			return nil
		}
		return e.Notifier.Notify(ctx, tx, Waiting{Organization: organization, Person: request.person, Client: asking, Expires: begin.ExpiresAt})
	})
}

// tell has the client of a decided request told, when it wants to be.
func (e *Endpoint) tell(ctx context.Context, tx *store.Tx, orgID, id uuid.UUID) error {
	return e.Enqueue(ctx, tx, TellClient, grant.RequestReference{OrgID: orgID, ID: id})
}
