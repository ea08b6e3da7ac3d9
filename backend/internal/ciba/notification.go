package ciba

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fetch"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/jobs"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/oauth/token"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
)

// TellClient is the kind of the jobs that tell a client of the end of its request; their arguments are a
// grant.RequestReference.
const TellClient = "tell_backchannel_client"

// pauses are those before the second and each further attempt. Nobody waits longer.
func pauses() []time.Duration {
	return []time.Duration{time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute}
}

// Expire ends requests that nobody answered in time and has their clients told. Called by a periodic job.
func (e *Endpoint) Expire(ctx context.Context, limit int32) (ended int, err error) {
	err = e.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		over, err := e.Grants.ExpireBackchannel(ctx, tx, limit)
		if err != nil {
			return err
		}
		each := make([]any, len(over))
		for i, of := range over {
			each[i] = of
		}
		ended = len(over)
		return e.Enqueue(ctx, tx, TellClient, each...)
	})
	return ended, err
}

// Tell is the job that makes one attempt to tell a client (CIBA Core 1.0 §10.2, §10.3, §12). What the client answers is
// written down and no error of the job; it asks to be called again while attempts are left. A redirect is not followed,
// and what the client refused is not repeated.
func (e *Endpoint) Tell(ctx context.Context, arguments json.RawMessage) error {
	var of grant.RequestReference
	if err := json.Unmarshal(arguments, &of); err != nil {
		return err
	}
	told, err := e.Grants.BackchannelNotification(ctx, of)
	if err != nil || told == nil {
		return err
	}
	organization, err := e.Organizations.ByID(ctx, e.Store, of.OrgID)
	if err != nil {
		return err
	}
	listener, err := e.Clients.ByID(ctx, e.Store, of.OrgID, told.ClientID)
	if err != nil {
		return err
	}
	body, problem, err := e.notification(ctx, organization, listener, told)
	if err != nil {
		return err
	}
	again := false
	if problem == "" {
		problem, again, err = e.send(ctx, listener, told, body)
	}
	switch {
	case err != nil:
		return err
	case problem == "":
		return e.Grants.RecordNotification(ctx, told, grant.NotificationDelivered, "")
	case again && told.Attempts < len(pauses()):
		wait := pauses()[told.Attempts]
		if err := e.Grants.RecordNotification(ctx, told, grant.NotificationPending, problem); err != nil {
			return err
		}
		return jobs.Again(wait)
	}
	if err := e.Grants.RecordNotification(ctx, told, grant.NotificationFailed, problem); err != nil {
		return err
	}
	return e.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		return e.Audit.Record(ctx, tx, of.OrgID, audit.Event{Action: "backchannel_request.client_not_told", Outcome: audit.Failure, Actor: audit.Actor{Kind: audit.System, Name: "backchannel"},
			Target: audit.Target{Kind: "client", ID: listener.ID.String()}, Details: map[string]any{"problem": problem, "attempts": told.Attempts + 1}})
	})
}

// pushed is what is sent to a client that gets its tokens so.
type pushed struct {
	AuthReqID string `json:"auth_req_id"`
	*token.Response
}

// ending is what is sent to any client that is told: that its request is over, and for push why nothing came of it.
type ending struct {
	AuthReqID   string `json:"auth_req_id"`
	Code        string `json:"error,omitempty"`
	Description string `json:"error_description,omitempty"`
}

// notification is what the client is sent. problem is why it cannot be told any more.
func (e *Endpoint) notification(ctx context.Context, organization *org.Organization, listener *client.Client, told *grant.BackchannelNotification) (body any, problem string, err error) {
	over := ending{AuthReqID: told.AuthReqID}
	switch {
	case listener.Status != client.Active || listener.Metadata.BackchannelClientNotificationEndpoint == "":
		return nil, "The client is disabled, or has no backchannel_client_notification_endpoint any more.", nil
	case told.DeliveryMode != string(client.Push):
		return over, "", nil
	case told.Status == grant.RequestDenied:
		over.Code, over.Description = oauth.CodeAccessDenied, "The person refused."
		return over, "", nil
	case told.Status != grant.RequestApproved:
		over.Code, over.Description = oauth.CodeExpiredToken, "The person did not decide in time."
		return over, "", nil
	case listener.Metadata.BackchannelTokenDeliveryMode != client.Push, !oauth.ProfileOf(organization, listener).AllowsDelivery(client.Push):
		return nil, "Tokens may not be pushed to the client any more.", nil
	}
	redeemed, refreshToken, err := e.Grants.RedeemPushed(ctx, told, (&token.Request{Organization: organization, Client: listener}).Redemption(""))
	if errors.Is(err, grant.ErrCodeInvalid) {
		over.Code, over.Description = "transaction_failed", "What was allowed has been taken back." // CIBA Core 1.0 §12
		return over, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	authorized := token.OfPerson(listener, redeemed, redeemed.Scopes, refreshToken, true)
	authorized.AuthReqID = told.AuthReqID
	response, err := e.Tokens.Deliver(ctx, organization, listener, client.CIBA, authorized)
	return pushed{AuthReqID: told.AuthReqID, Response: response}, "", err
}

// send posts what the client is told. problem is what went wrong, and again whether trying once more is of use.
func (e *Endpoint) send(ctx context.Context, listener *client.Client, told *grant.BackchannelNotification, body any) (problem string, again bool, err error) {
	document, err := json.Marshal(body)
	if err != nil {
		return "", false, err
	}
	response, err := e.Fetch.PostJSON(ctx, fetch.Request{URL: listener.Metadata.BackchannelClientNotificationEndpoint,
		Header: http.Header{"Authorization": {"Bearer " + told.NotificationToken}}}, document)
	switch {
	case err != nil && ctx.Err() != nil:
		return "", false, err // this process is stopping: no fault of the client's
	case errors.Is(err, fetch.ErrRedirect):
		return fault.From(err).Message, false, nil
	case err != nil && strings.HasPrefix(fault.From(err).Code, "fetch_"):
		return fault.From(err).Message, true, nil
	case err != nil:
		return "", false, err
	case response.Status < http.StatusMultipleChoices:
		return "", false, nil
	}
	again = response.Status >= http.StatusInternalServerError || response.Status == http.StatusTooManyRequests
	return fmt.Sprintf("The client answered with status %d.", response.Status), again, nil
}
