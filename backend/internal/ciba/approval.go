package ciba

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// ContinuationName is the name under which the endpoint is registered with sign-ins.
const ContinuationName = "backchannel"

// The paths below an organization.
const (
	PathApprovals = "approvals"         // where people find what waits for them
	PathAllowed   = "approvals/allowed" // where they end
	PathDenied    = "approvals/denied"
)

// PendingOfPerson is how many requests the page of one person shows.
const PendingOfPerson = 50

// ErrNeedsSignIn says that a request demands more than an approval by program can prove.
var ErrNeedsSignIn = fault.New(fault.Conflict, "approval_needs_sign_in", "The application asked how the person signs in (acr_values). Only they can approve, on the approvals page.")

// asked is the request as a sign-in carries it.
type asked struct {
	ID uuid.UUID `json:"id"`
}

// Required is what the person of a pending request has to do: be signed in as the request demands, and decide, having
// compared what the application shows. Errors: grant.ErrBackchannelNotFound, also for a request of somebody else.
func (e *Endpoint) Required(ctx context.Context, organization *org.Organization, id, userID uuid.UUID) (login.Required, error) {
	found, err := e.Grants.BackchannelByID(ctx, organization.ID, id)
	if err == nil && found.UserID != userID {
		err = grant.ErrBackchannelNotFound
	}
	if err != nil {
		return login.Required{}, err
	}
	consent, err := e.Consent(ctx, organization, found)
	if err != nil {
		return login.Required{}, err
	}
	stored, err := json.Marshal(asked{found.ID})
	return login.Required{Continuation: ContinuationName, Request: stored, ClientID: found.ClientID,
		Requirement: login.Requirement{UserID: found.UserID, ACRValues: found.ACRValues, Consent: consent}}, err
}

// Consent is what the person of a pending request decides about.
func (e *Endpoint) Consent(ctx context.Context, organization *org.Organization, found *grant.BackchannelRequest) (*login.ConsentRequirement, error) {
	asking, err := e.Clients.ByClientID(ctx, organization.ID, found.ClientID)
	if err != nil {
		return nil, err
	}
	target, err := e.Targets.Held(ctx, organization, asking, found.Audience)
	if err != nil {
		return nil, err
	}
	details, err := oauth.DecodeDetails(found.Details)
	if err != nil {
		return nil, err
	}
	scopes := slices.Clone(found.Scopes)
	for _, known := range target.Resources() {
		scopes = append(scopes, grant.ConsentFor(known.Identifier))
	}
	return &login.ConsentRequirement{ClientID: found.ClientRow, Scopes: scopes, Ask: true, Always: true, Details: details.Held(organization, asking),
		Elsewhere: &login.Elsewhere{Message: found.BindingMessage, Backchannel: true, BegunAt: found.CreatedAt, Until: found.ExpiresAt}}, nil
}

// Complete implements login.Continuation: the person allowed it.
func (e *Endpoint) Complete(ctx context.Context, organization *org.Organization, transaction *login.Transaction, live *session.Live, _ session.Browser) (login.Answer, error) {
	id, err := requestOf(transaction)
	if err != nil {
		return login.Answer{}, err
	}
	found, err := e.Clients.ByClientID(ctx, organization.ID, transaction.Required.ClientID)
	if err == nil && (found.Status != client.Active || !found.MayUse(client.CIBA)) {
		err = grant.ErrBackchannelDecided
	}
	if err != nil {
		return login.Answer{}, err
	}
	actor := audit.Actor{Kind: audit.User, ID: live.User.ID.String(), Name: live.User.Username}
	err = e.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		return e.approve(ctx, tx, actor, organization, id, live.Session, transaction.Required.Requirement.ACRValues, found)
	})
	return login.Answer{RedirectURL: e.Issuers.Endpoint(organization, PathAllowed)}, err
}

func (e *Endpoint) approve(ctx context.Context, tx *store.Tx, actor audit.Actor, organization *org.Organization, id uuid.UUID, in session.Session, demanded []string, asking *client.Client) error {
	notify, err := e.Grants.ApproveBackchannel(ctx, tx, actor, organization.ID, id, in, in.IdleUntil(e.Now(), organization.Policies), in.AuthenticationContextFor(demanded), asking.WantsToHearOfSessionEnd())
	if err == nil && notify {
		err = e.tell(ctx, tx, organization.ID, id)
	}
	return err
}

// Deny implements login.Continuation: the person refused.
func (e *Endpoint) Deny(ctx context.Context, organization *org.Organization, transaction *login.Transaction) (login.Answer, error) {
	id, err := requestOf(transaction)
	if err == nil {
		by := transaction.Progress.RefusedBy
		err = e.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			return e.deny(ctx, tx, audit.Actor{Kind: audit.User, ID: by.String()}, organization.ID, id, by)
		})
	}
	return login.Answer{RedirectURL: e.Issuers.Endpoint(organization, PathDenied)}, err
}

func (e *Endpoint) deny(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, id, userID uuid.UUID) error {
	notify, err := e.Grants.DenyBackchannel(ctx, tx, actor, orgID, id, userID)
	if err == nil && notify {
		err = e.tell(ctx, tx, orgID, id)
	}
	return err
}

// ApproveFor approves a pending request in the name of its person, who proved themselves to whoever calls: an
// application of the operator, or a test. The grant hangs on a session of its own that no browser has, so it ends as
// others do; how the person signed in nobody here knows, and the ID token says nothing about it. ErrNeedsSignIn when
// the request demands to know. The caller has seen to it that the actor may act for the person.
func (e *Endpoint) ApproveFor(ctx context.Context, tx *store.Tx, actor audit.Actor, organization *org.Organization, found *grant.BackchannelRequest, person *user.User) error {
	if len(found.ACRValues) > 0 {
		return ErrNeedsSignIn
	}
	asking, err := e.Clients.ByClientID(ctx, organization.ID, found.ClientID)
	if err != nil {
		return err
	}
	begun, _, err := e.Sessions.Begin(ctx, tx, session.Authenticated{Organization: organization, User: person, BrowserHash: secret.Hash(secret.New(e.Random)), Methods: []string{},
		At: e.Now(), By: actor})
	if err != nil {
		return err
	}
	return e.approve(ctx, tx, actor, organization, found.ID, begun, nil, asking)
}

// DenyFor denies a pending request in the name of its person, like ApproveFor.
func (e *Endpoint) DenyFor(ctx context.Context, tx *store.Tx, actor audit.Actor, organization *org.Organization, found *grant.BackchannelRequest) error {
	return e.deny(ctx, tx, actor, organization.ID, found.ID, found.UserID)
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
	return e.Issuers.Endpoint(organization, PathApprovals)
}
