package grant

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fido"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// What belongs to requests through the back channel (CIBA Core 1.0).
const (
	BackchannelLifetime = 5 * time.Minute // how long a person may take, unless the request says otherwise
	BackchannelInterval = 5 * time.Second // between two polls, at first

	backchannelKind = "auth_req_id"
)

// ErrBackchannelDecided says that a request through the back channel cannot be decided.
var ErrBackchannelDecided = fault.New(fault.Conflict, "backchannel_request_over", "This request has expired, or was answered already.")

// ErrBackchannelNotFound says that there is no such request that waits for a decision.
var ErrBackchannelNotFound = fault.New(fault.NotFound, "backchannel_request_not_found", "There is no such request that waits for a decision.")

// BackchannelRequest is what a client asks of a person who is elsewhere.
type BackchannelRequest struct {
	ID             uuid.UUID
	ClientID       string    // client_id
	ClientRow      uuid.UUID // clients.id
	ClientName     string
	UserID         uuid.UUID
	Username       string
	Scopes         []string
	Audience       []string        // resource servers; empty when the request named none
	Details        json.RawMessage // authorization_details; nil when there were none
	ACRValues      []string        // of which the sign-in must reach one; empty for any
	BindingMessage string          // shown where it was begun, too; "" when there is none
	CreatedAt      time.Time
	ExpiresAt      time.Time
}

// BackchannelBegin is a request that is to be written down. Of the BackchannelRequest it needs no ID and no names.
type BackchannelBegin struct {
	BackchannelRequest
	OrgID             uuid.UUID
	DeliveryMode      string // poll, ping or push
	NotificationToken string // client_notification_token, by which the client knows who tells it; "" for poll
}

// BackchannelNotification is what a client is told of the end of its request, and how often that was tried.
type BackchannelNotification struct {
	OrgID             uuid.UUID
	ID                uuid.UUID
	ClientID          uuid.UUID // clients.id
	DeliveryMode      string
	Status            RequestStatus
	AuthReqID         string
	NotificationToken string
	RefreshToken      string // that is pushed, if any is
	Attempts          int
	ExpiresAt         time.Time

	codeHash []byte
}

// The states of a notification.
const (
	NotificationPending   = "pending"
	NotificationDelivered = "delivered"
	NotificationFailed    = "failed"
)

// sealedNotification is what is kept, sealed, of a request whose client is told of its end.
type sealedNotification struct {
	AuthReqID         string `json:"auth_req_id"`
	NotificationToken string `json:"client_notification_token"`
	RefreshToken      string `json:"refresh_token"`
}

func backchannelSealedFor(orgID, id uuid.UUID) []byte {
	return []byte("backchannel-request:" + orgID.String() + ":" + id.String())
}

// BeginBackchannel writes down what a client asks of a person and returns the auth_req_id. waiting says that another
// request waited for the person before.
func (g *Grants) BeginBackchannel(ctx context.Context, tx *store.Tx, begin BackchannelBegin) (authReqID string, waiting bool, err error) {
	now, id := g.now(), store.NewID()
	queries := dbq.New(tx)
	if waiting, err = queries.PersonHasPendingBackchannelRequest(ctx, dbq.PersonHasPendingBackchannelRequestParams{OrgID: begin.OrgID, UserID: begin.UserID, At: now}); err != nil {
		return "", false, err
	}
	authReqID = secret.New(g.rand)
	row := dbq.InsertBackchannelRequestParams{OrgID: begin.OrgID, ID: id, ClientID: begin.ClientRow, UserID: begin.UserID, AuthReqIDHash: secret.Hash(authReqID),
		DeliveryMode: begin.DeliveryMode, Scopes: list(begin.Scopes), Audience: list(begin.Audience), AuthorizationDetails: begin.Details, AcrValues: list(begin.ACRValues),
		BindingMessage: begin.BindingMessage, PollInterval: int32(BackchannelInterval / time.Second), CreatedAt: now, ExpiresAt: begin.ExpiresAt}
	if begin.NotificationToken != "" {
		plain, err := json.Marshal(sealedNotification{AuthReqID: authReqID, NotificationToken: begin.NotificationToken, RefreshToken: secret.New(g.rand)})
		if err != nil {
			return "", false, err
		}
		sealedBy, sealed := g.keys.Seal(plain, backchannelSealedFor(begin.OrgID, id))
		row.SealedBy, row.Sealed = &sealedBy, sealed
	}
	return authReqID, waiting, queries.InsertBackchannelRequest(ctx, row)
}

// PendingBackchannel lists the requests older than before (uuid.Max for all) that wait for a person, or for anybody when
// userID is uuid.Nil, newest first.
func (g *Grants) PendingBackchannel(ctx context.Context, orgID, userID, before uuid.UUID, limit int32) ([]BackchannelRequest, error) {
	rows, err := dbq.New(g.db).PendingBackchannelRequests(ctx, dbq.PendingBackchannelRequestsParams{OrgID: orgID, UserID: userID, At: g.now(), Before: before, RowLimit: limit})
	found := make([]BackchannelRequest, len(rows))
	for i, row := range rows {
		found[i] = backchannelRequest(dbq.PendingBackchannelRequestRow(row))
	}
	return found, err
}

// BackchannelByID is a request that waits for a decision; ErrBackchannelNotFound when there is none.
func (g *Grants) BackchannelByID(ctx context.Context, orgID, id uuid.UUID) (*BackchannelRequest, error) {
	row, err := dbq.New(g.db).PendingBackchannelRequest(ctx, dbq.PendingBackchannelRequestParams{OrgID: orgID, ID: id, At: g.now()})
	if store.IsNotFound(err) {
		return nil, ErrBackchannelNotFound
	}
	if err != nil {
		return nil, err
	}
	found := backchannelRequest(row)
	return &found, nil
}

func backchannelRequest(row dbq.PendingBackchannelRequestRow) BackchannelRequest {
	return BackchannelRequest{ID: row.ID, ClientID: row.ClientIdentifier, ClientRow: row.ClientID, ClientName: row.ClientName, UserID: row.UserID, Username: row.Username,
		Scopes: row.Scopes, Audience: row.Audience, Details: row.AuthorizationDetails, ACRValues: row.AcrValues, BindingMessage: row.BindingMessage,
		CreatedAt: row.CreatedAt, ExpiresAt: row.ExpiresAt}
}

// ApproveBackchannel turns a pending request into a grant of the session's person, which the client redeems by its
// auth_req_id, and records it. notify says that the client is to be told. ErrBackchannelDecided when it is pending no
// more, or is another person's; ErrSessionEnded when the session has ended meanwhile.
func (g *Grants) ApproveBackchannel(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, id uuid.UUID, in session.Session, idleUntil time.Time, acr string, tellOfEnd bool) (notify bool, err error) {
	row, err := g.decideBackchannel(ctx, tx, orgID, id, in.UserID, RequestApproved)
	if err != nil {
		return false, err
	}
	return row.DeliveryMode != "poll", g.approve(ctx, tx, actor, "backchannel_request.approved", Authorization{OrgID: orgID, ClientID: row.ClientID, Session: in, IdleUntil: idleUntil,
		Scopes: row.Scopes, ACR: acr, Audience: row.Audience, Details: row.AuthorizationDetails, TellOfEnd: tellOfEnd,
		Held: &Held{Kind: backchannelKind, Hash: row.AuthReqIDHash, ExpiresAt: row.ExpiresAt}})
}

// DenyBackchannel writes down that a person refused a pending request, and records it. Otherwise like ApproveBackchannel.
func (g *Grants) DenyBackchannel(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, id, userID uuid.UUID) (notify bool, err error) {
	row, err := g.decideBackchannel(ctx, tx, orgID, id, userID, RequestDenied)
	if err != nil {
		return false, err
	}
	return row.DeliveryMode != "poll", g.deny(ctx, tx, actor, "backchannel_request.denied", orgID, row.ClientID)
}

func (g *Grants) decideBackchannel(ctx context.Context, tx *store.Tx, orgID, id, userID uuid.UUID, status RequestStatus) (dbq.DecideBackchannelRequestRow, error) {
	row, err := dbq.New(tx).DecideBackchannelRequest(ctx, dbq.DecideBackchannelRequestParams{OrgID: orgID, ID: id, UserID: userID, Status: string(status), At: g.now()})
	if store.IsNotFound(err) {
		err = ErrBackchannelDecided
	}
	return row, err
}

// PollBackchannel tells a client how far its request is, and counts that it asked. ErrCodeInvalid for an auth_req_id that
// is not this client's, was forgotten, or whose tokens are pushed.
func (g *Grants) PollBackchannel(ctx context.Context, orgID, clientID uuid.UUID, authReqID string) (Poll, error) {
	if len(authReqID) != secret.Length {
		return Poll{}, ErrCodeInvalid
	}
	now := g.now()
	row, err := dbq.New(g.db).PollBackchannelRequest(ctx, dbq.PollBackchannelRequestParams{OrgID: orgID, AuthReqIDHash: secret.Hash(authReqID), ClientID: clientID, At: now})
	if store.IsNotFound(err) {
		return Poll{}, ErrCodeInvalid
	}
	return polled(row.Status, row.PolledEarly, row.ExpiresAt, now, Granted{Audience: row.Audience, Details: row.AuthorizationDetails}), err
}

// RedeemBackchannel redeems the auth_req_id of an approved request, as RedeemCode does: once, and a second use revokes
// what the first one made. Of the redemption, the redirect URI and the code challenge are not looked at.
func (g *Grants) RedeemBackchannel(ctx context.Context, attempt Redemption) (*Grant, string, error) {
	attempt.RedirectURI, attempt.CodeChallenge = "", backchannelKind
	return g.RedeemCode(ctx, attempt)
}

// ExpireBackchannel ends requests that nobody answered in time and whose clients are to be told, at most limit of them.
func (g *Grants) ExpireBackchannel(ctx context.Context, tx *store.Tx, limit int32) ([]RequestReference, error) {
	rows, err := dbq.New(tx).ExpireBackchannelRequests(ctx, dbq.ExpireBackchannelRequestsParams{At: g.now(), RowLimit: limit})
	ended := make([]RequestReference, len(rows))
	for i, row := range rows {
		ended[i] = RequestReference{OrgID: row.OrgID, ID: row.ID}
	}
	return ended, err
}

// RequestReference names a request in a job.
type RequestReference struct {
	OrgID uuid.UUID `json:"org_id"`
	ID    uuid.UUID `json:"id"`
}

// BackchannelNotification is what the client of a request has yet to be told; nil when nothing, or no more.
func (g *Grants) BackchannelNotification(ctx context.Context, of RequestReference) (*BackchannelNotification, error) {
	row, err := dbq.New(g.db).BackchannelRequestByID(ctx, dbq.BackchannelRequestByIDParams{OrgID: of.OrgID, ID: of.ID})
	if store.IsNotFound(err) {
		return nil, nil // the client or the organization was deleted
	}
	if err != nil || row.Notification != NotificationPending || row.Sealed == nil {
		return nil, err
	}
	plain, err := g.keys.Open(text(row.SealedBy), row.Sealed, backchannelSealedFor(of.OrgID, of.ID))
	if err != nil {
		return nil, fmt.Errorf("backchannel request %s of organization %s: %w", of.ID, of.OrgID, err)
	}
	var kept sealedNotification
	if err := json.Unmarshal(plain, &kept); err != nil {
		return nil, err
	}
	return &BackchannelNotification{OrgID: row.OrgID, ID: row.ID, ClientID: row.ClientID, DeliveryMode: row.DeliveryMode, Status: RequestStatus(row.Status), AuthReqID: kept.AuthReqID,
		NotificationToken: kept.NotificationToken, RefreshToken: kept.RefreshToken, Attempts: int(row.Attempts), ExpiresAt: row.ExpiresAt, codeHash: row.AuthReqIDHash}, nil
}

// RecordNotification writes down how an attempt to tell a client ended: pending for one that is repeated. problem is ""
// when nothing went wrong.
func (g *Grants) RecordNotification(ctx context.Context, of *BackchannelNotification, state, problem string) error {
	return dbq.New(g.db).RecordBackchannelNotification(ctx, dbq.RecordBackchannelNotificationParams{OrgID: of.OrgID, ID: of.ID, Notification: state, LastError: optional(problem)})
}

// RedeemPushed redeems the request whose tokens are pushed, for the first attempt and for each that repeats it: the
// grant and its refresh token stay the same.
func (g *Grants) RedeemPushed(ctx context.Context, of *BackchannelNotification, attempt Redemption) (*Grant, string, error) {
	attempt.CodeChallenge = backchannelKind
	refreshToken := of.RefreshToken
	row, err := g.redeem(ctx, attempt, of.codeHash, refreshToken)
	if store.IsNotFound(err) {
		var rules *fido.Rules
		if rules, err = g.models.Rules(ctx, of.OrgID); err != nil {
			return nil, "", err
		}
		var before dbq.PushedGrantRow
		before, err = dbq.New(g.db).PushedGrant(ctx, dbq.PushedGrantParams{OrgID: of.OrgID, CodeHash: of.codeHash, ClientID: of.ClientID, CodeChallenge: backchannelKind,
			RefusedModels: rules.Refused(), AcceptedModels: rules.Accepted()})
		row = dbq.RedeemCodeRow(before)
	}
	if store.IsNotFound(err) {
		return nil, "", ErrCodeInvalid // revoked, or its person left or signed out
	}
	if err != nil {
		return nil, "", err
	}
	if !attempt.WithRefreshToken {
		refreshToken = ""
	}
	return redeemed(row), refreshToken, nil
}

// ResealBackchannel brings what clients are told with under the current key-encryption key and returns how many requests
// it changed.
func (g *Grants) ResealBackchannel(ctx context.Context) (changed int, err error) {
	queries, current := dbq.New(g.db), g.keys.CurrentKeyID()
	for {
		rows, err := queries.BackchannelRequestsSealedByOthers(ctx, dbq.BackchannelRequestsSealedByOthersParams{Current: &current, RowLimit: 200})
		if err != nil || len(rows) == 0 {
			return changed, err
		}
		for _, row := range rows {
			sealedBy, sealed, err := g.keys.Rewrap(text(row.SealedBy), row.Sealed)
			if err != nil {
				return changed, fmt.Errorf("backchannel request %s of organization %s: %w", row.ID, row.OrgID, err)
			}
			if _, err := queries.ResealBackchannelRequest(ctx, dbq.ResealBackchannelRequestParams{OrgID: row.OrgID, ID: row.ID, Sealed: sealed, SealedBy: &sealedBy, WasSealedBy: row.SealedBy}); err != nil {
				return changed, err
			}
			changed++
		}
	}
}
