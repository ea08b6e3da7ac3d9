package logout

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fetch"
	"github.com/clavex/clavex/backend/internal/jobs"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
)

const (
	// LogoutTokenType is the "typ" of logout tokens (Back-Channel Logout 1.0 §2.4).
	LogoutTokenType = "logout+jwt"
	// LogoutTokenLifetime is short, because a token is made anew for each attempt (§2.4 recommends two minutes).
	LogoutTokenLifetime = 2 * time.Minute

	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
)

// pauses are those before the second and each further attempt: about eight hours in all.
func pauses() []time.Duration {
	return []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour}
}

// Outcome is how an attempt to tell a client went.
type Outcome int

// The outcomes.
const (
	OutcomeDelivered Outcome = iota
	OutcomeRefused           // by the client, for good (§2.8)
	OutcomeRetry             // went wrong and will be tried again
	OutcomeAbandoned         // went wrong for the last time, or nobody wants to hear any more
)

// Outcomes lists them.
func Outcomes() []Outcome {
	return []Outcome{OutcomeDelivered, OutcomeRefused, OutcomeRetry, OutcomeAbandoned}
}

// String names the outcome in metrics.
func (o Outcome) String() string {
	return [...]string{"delivered", "refused", "retry", "abandoned"}[o]
}

// BackChannel tells clients of ended sessions: OpenID Connect Back-Channel Logout 1.0. It is safe for concurrent use.
type BackChannel struct {
	Issuers       oauth.Issuers
	Organizations *org.Organizations
	Clients       *client.Clients
	Sessions      *session.Sessions
	Subjects      *oauth.Subjects
	JWTs          *oauth.ClientJWTs
	Fetch         *fetch.Client
	Store         *store.Store
	Now           func() time.Time
	Random        io.Reader

	counts [OutcomeAbandoned + 1]atomic.Uint64
}

// Count is how many attempts of this process had the outcome.
func (b *BackChannel) Count(outcome Outcome) uint64 { return b.counts[outcome].Load() }

// Tell is the job that makes one attempt to deliver (§2.5). What the client answers, or that it does not, is
// written down and no error of the job; it asks to be called again while attempts are left.
func (b *BackChannel) Tell(ctx context.Context, arguments json.RawMessage) error {
	var of session.DeliveryReference
	if err := json.Unmarshal(arguments, &of); err != nil {
		return err
	}
	delivery, err := b.Sessions.Delivery(ctx, of)
	if fault.IsKind(err, fault.NotFound) {
		return nil // the client was deleted
	}
	if err != nil || delivery.State != session.Pending {
		return err
	}
	organization, err := b.Organizations.ByID(ctx, b.Store, of.OrgID)
	if err != nil {
		return err
	}
	begunAt, err := b.Sessions.DomainOf(ctx, of.OrgID, delivery.SessionID)
	if err != nil {
		return err
	}
	if seen := organization.At(begunAt, b.Now()); seen != nil {
		organization = seen // the client signed the person in by the issuer of there
	}
	listener, err := b.Clients.ByID(ctx, b.Store, of.OrgID, delivery.ClientID)
	if err != nil {
		return err
	}
	attempt, outcome, err := b.attempt(ctx, organization, listener, delivery)
	if err != nil {
		return err
	}
	if err := b.Sessions.RecordAttempt(ctx, of, attempt); err != nil {
		return err
	}
	b.counts[outcome].Add(1)
	if attempt.State == session.Pending {
		return jobs.Again(attempt.Next.Sub(b.Now()))
	}
	return nil
}

// attempt posts a fresh logout token and judges the answer (§2.8): 200, and 204 which frameworks make of it, is
// success; 400 says that the client could not do it, and repeating would not change that.
func (b *BackChannel) attempt(ctx context.Context, organization *org.Organization, listener *client.Client, delivery *session.Delivery) (session.Attempt, Outcome, error) {
	address := listener.Metadata.BackchannelLogoutURI
	if address == "" || listener.Status != client.Active {
		return session.Attempt{State: session.Failed, Error: "The client is disabled, or has no backchannel_logout_uri any more."}, OutcomeAbandoned, nil
	}
	token, err := b.logoutToken(ctx, organization, listener, delivery)
	if err != nil && !isOfClient(err) {
		return session.Attempt{}, 0, err
	}
	attempt := session.Attempt{State: session.Delivered}
	var response *fetch.Response
	if err == nil {
		response, err = b.Fetch.PostForm(ctx, fetch.Request{URL: address}, url.Values{"logout_token": {token}})
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return session.Attempt{}, 0, err // this process is stopping: no fault of the client's
	case err != nil:
		attempt.Error = fault.From(err).Message
	case response.Status == http.StatusOK || response.Status == http.StatusNoContent:
		attempt.Status = response.Status
		return attempt, OutcomeDelivered, nil
	case response.Status == http.StatusBadRequest:
		attempt.State, attempt.Status, attempt.Error = session.Failed, response.Status, "The client answered that it could not sign the person out."
		return attempt, OutcomeRefused, nil
	default:
		attempt.Status, attempt.Error = response.Status, fmt.Sprintf("The client answered with status %d.", response.Status)
	}
	if delivery.Attempts >= len(pauses()) {
		attempt.State = session.Failed
		return attempt, OutcomeAbandoned, nil
	}
	attempt.State, attempt.Next = session.Pending, b.Now().Add(pauses()[delivery.Attempts])
	return attempt, OutcomeRetry, nil
}

// isOfClient reports whether a token could not be made because of the client: the key to encrypt it to is missing, or
// not to be had at its jwks_uri.
func isOfClient(err error) bool {
	return fault.IsKind(err, fault.Invalid) || strings.HasPrefix(fault.From(err).Code, "fetch_")
}

// logoutTokenClaims are those of §2.4. There is no nonce, so that no logout token passes for an ID token.
type logoutTokenClaims struct {
	Issuer   string                         `json:"iss"`
	Subject  string                         `json:"sub"`
	Audience string                         `json:"aud"`
	IssuedAt int64                          `json:"iat"`
	Expiry   int64                          `json:"exp"`
	ID       string                         `json:"jti"`
	Session  string                         `json:"sid"`
	Events   map[string]map[string]struct{} `json:"events"`
}

func (b *BackChannel) logoutToken(ctx context.Context, organization *org.Organization, listener *client.Client, delivery *session.Delivery) (string, error) {
	now := b.Now()
	subject, err := b.Subjects.Of(ctx, listener, delivery.UserID)
	if err != nil {
		return "", err
	}
	sid, err := b.Subjects.Session(ctx, listener, delivery.SessionID)
	if err != nil {
		return "", err
	}
	return b.JWTs.Make(ctx, listener, oauth.IDTokenForm(listener, LogoutTokenType), logoutTokenClaims{
		Issuer: b.Issuers.URL(organization), Subject: subject, Audience: listener.ClientID, IssuedAt: now.Unix(),
		Expiry: now.Add(LogoutTokenLifetime).Unix(), ID: secret.New(b.Random), Session: sid,
		Events: map[string]map[string]struct{}{logoutEvent: {}},
	})
}
