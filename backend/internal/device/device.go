// Package device lets people sign in on devices that have no browser or no keyboard: the OAuth 2.0 Device Authorization
// Grant (RFC 8628), with the advice of RFC 10027 for flows across devices. The device shows a short code; its person
// types it on another device, signs in there, sees who asks for what and compares the code; meanwhile the device asks
// the token endpoint. The page on which the code is typed is package signin's.
//
// Left out: that a device tells its place, because it could claim any.
package device

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/ratelimit"
	"github.com/clavex/clavex/backend/internal/session"
)

// ContinuationName is the name under which the endpoint is registered with sign-ins.
const ContinuationName = "device"

// The paths below an organization.
const (
	PathVerification = "device"         // where people type the code
	PathAllowed      = "device/allowed" // where they end
	PathDenied       = "device/denied"
)

// Dependencies are what the endpoint is made of.
type Dependencies struct {
	Issuers        oauth.Issuers
	Authentication *oauth.ClientAuthentication
	Clients        *client.Clients
	Grants         *grant.Grants
	Targets        *oauth.Targets
	State          kv.Store
	Now            func() time.Time
	// SignIns is how many sign-ins unknown browsers of one network may begin at an organization in ten minutes; the
	// limits here follow from it. 0 sets none.
	SignIns int
}

// Endpoint is the device authorization endpoint of all organizations, and what happens after its people signed in. It
// is safe for concurrent use.
type Endpoint struct {
	Dependencies
	checks  oauth.Table[Request]
	begins  *ratelimit.Limit
	guesses guesses
}

// New makes the endpoint.
func New(dependencies Dependencies) *Endpoint {
	e := &Endpoint{Dependencies: dependencies, guesses: newGuesses(dependencies.State, dependencies.SignIns)}
	e.begins = ratelimit.New(dependencies.State, "device_requests_of_network", dependencies.SignIns, window, errTooManyRequests)
	e.checks = e.table()
	return e
}

// Request is a request of a device (RFC 8628 §3.1). Client is set by the check client_authentication.
type Request struct {
	Organization *org.Organization
	Parameters   oauth.Parameters
	Credentials  oauth.ClientCredentials
	Client       *client.Client

	scopes []string
	target oauth.Target
}

// Response is the answer to a device (RFC 8628 §3.2).
type Response struct {
	DeviceCode              string `json:"device_code"`
	UserCode                string `json:"user_code"`
	VerificationURI         string `json:"verification_uri"`
	VerificationURIComplete string `json:"verification_uri_complete"`
	ExpiresIn               int64  `json:"expires_in"` // seconds
	Interval                int64  `json:"interval"`   // seconds
}

// table is the table of the endpoint's checks.
func (e *Endpoint) table() oauth.Table[Request] {
	return oauth.Table[Request]{
		{Name: "client_authentication", Clause: "RFC 8628 §3.1", Do: func(ctx context.Context, r *Request) (err error) {
			r.Client, err = e.Authentication.Authenticate(ctx, r.Organization, r.Credentials)
			return err
		}},
		{Name: "grant_type_registered", Clause: "RFC 7591 §2", Do: func(_ context.Context, r *Request) error {
			if !r.Client.MayUse(client.DeviceCode) {
				return oauth.NewError(oauth.CodeUnauthorizedClient, "The client did not register the grant type '"+client.DeviceCode+"'.")
			}
			return nil
		}},
		{Name: "pushed requests", Clause: "FAPI 2.0 Security Profile §5.3.2.2", Do: func(_ context.Context, r *Request) error {
			if oauth.ProfileOf(r.Organization, r.Client).PushedRequests {
				return oauth.NewError(oauth.CodeUnauthorizedClient, "The profile of this client begins with a pushed request only.")
			}
			return nil
		}},
		{Name: "scope", Clause: "RFC 8628 §3.1, RFC 6749 §3.3", Do: checkScope},
		{Name: "resource", Clause: "RFC 8707 §2", Do: func(ctx context.Context, r *Request) (err error) {
			r.target, err = e.Targets.Of(ctx, r.Organization, r.Client, r.Parameters.All("resource"))
			return err
		}},
		{Name: "requests of one network", Clause: "RFC 8628 §5.2", Do: func(ctx context.Context, r *Request) error {
			if !r.Client.Public() {
				return nil
			}
			return e.begins.CountNetwork(ctx, r.Organization.ID)
		}},
	}
}

// checkScope leaves out what is not registered, as the authorization endpoint does.
func checkScope(_ context.Context, r *Request) error {
	asked, err := oauth.ParseScope(r.Parameters.Get("scope"))
	if err != nil {
		return err
	}
	r.scopes = slices.DeleteFunc(asked, func(scope string) bool {
		return !slices.Contains(r.Client.Scopes, scope) || scope == oauth.ScopeOfflineAccess && !r.Client.MayUse(client.RefreshToken)
	})
	return nil
}

// Begin answers a device that wants its person to sign in.
func (e *Endpoint) Begin(ctx context.Context, request *Request) (*Response, error) {
	if err := e.checks.Run(ctx, request); err != nil {
		return nil, err
	}
	codes, err := e.Grants.BeginDevice(ctx, request.Organization.ID, request.Client.ID, request.scopes, request.target.Audience)
	if err != nil {
		return nil, err
	}
	address := e.Issuers.Endpoint(request.Organization, PathVerification)
	return &Response{DeviceCode: codes.DeviceCode, UserCode: codes.UserCode, VerificationURI: address, VerificationURIComplete: address + "?user_code=" + codes.UserCode,
		ExpiresIn: int64(grant.DeviceLifetime / time.Second), Interval: int64(grant.DeviceInterval / time.Second)}, nil
}

// asked is the request as a sign-in carries it.
type asked struct {
	ID uuid.UUID `json:"id"`
}

// Required is what a person has to do who typed the code: sign in, and decide, having compared the code. guess says
// who tries. Errors: grant.ErrUserCodeUnknown, and the limits on guessing.
func (e *Endpoint) Required(ctx context.Context, organization *org.Organization, userCode string, guess Guess) (login.Required, error) {
	if err := e.guesses.count(ctx, organization.ID, guess); err != nil {
		return login.Required{}, err
	}
	found, err := e.Grants.DeviceByUserCode(ctx, organization.ID, userCode)
	if err != nil {
		return login.Required{}, err
	}
	asking, err := e.Clients.ByClientID(ctx, organization.ID, found.ClientID)
	if err != nil {
		return login.Required{}, err
	}
	target, err := e.Targets.Held(ctx, organization, asking, found.Audience)
	if err != nil {
		return login.Required{}, err
	}
	stored, err := json.Marshal(asked{found.ID})
	if err != nil {
		return login.Required{}, err
	}
	scopes := found.Scopes
	for _, known := range target.Resources() {
		scopes = append(scopes, grant.ConsentFor(known.Identifier))
	}
	consent := &login.ConsentRequirement{ClientID: found.ClientRow, Scopes: scopes, Ask: true, Always: true,
		Elsewhere: &login.Elsewhere{Code: grant.FormatUserCode(grant.NormalUserCode(userCode)), BegunAt: found.CreatedAt}}
	return login.Required{Continuation: ContinuationName, Request: stored, ClientID: found.ClientID, Requirement: login.Requirement{Consent: consent}}, nil
}

// Complete implements login.Continuation: the person allowed it.
func (e *Endpoint) Complete(ctx context.Context, organization *org.Organization, transaction *login.Transaction, live *session.Live, _ session.Browser) (login.Answer, error) {
	id, err := requestOf(transaction)
	if err != nil {
		return login.Answer{}, err
	}
	found, err := e.Clients.ByClientID(ctx, organization.ID, transaction.Required.ClientID)
	if err == nil && (found.Status != client.Active || !found.MayUse(client.DeviceCode)) {
		err = grant.ErrDeviceDecided
	}
	if err != nil {
		return login.Answer{}, err
	}
	actor := audit.Actor{Kind: audit.User, ID: live.User.ID.String(), Name: live.User.Username}
	err = e.Grants.ApproveDevice(ctx, actor, organization.ID, id, live.Session, live.Session.IdleUntil(e.Now(), organization.Policies),
		live.Session.AuthenticationContext(), found.WantsToHearOfSessionEnd())
	return login.Answer{RedirectURL: e.Issuers.Endpoint(organization, PathAllowed)}, err
}

// Deny implements login.Continuation: the person refused.
func (e *Endpoint) Deny(ctx context.Context, organization *org.Organization, transaction *login.Transaction) (login.Answer, error) {
	id, err := requestOf(transaction)
	if err == nil {
		err = e.Grants.DenyDevice(ctx, audit.Actor{Kind: audit.User, ID: transaction.Progress.RefusedBy.String()}, organization.ID, id)
	}
	return login.Answer{RedirectURL: e.Issuers.Endpoint(organization, PathDenied)}, err
}

func requestOf(transaction *login.Transaction) (uuid.UUID, error) {
	var stored asked
	err := json.Unmarshal(transaction.Required.Request, &stored)
	return stored.ID, err
}

// LeadsTo implements login.Continuation: to us.
func (*Endpoint) LeadsTo(*login.Transaction) string { return "" }

// RestartURL implements login.Continuation.
func (e *Endpoint) RestartURL(organization *org.Organization, _ *login.Transaction) string {
	return e.Issuers.Endpoint(organization, PathVerification)
}

var errTooManyRequests = fault.New(fault.RateLimited, "device_requests_rate_limited", "Too many devices asked from this network. Try again later.")
