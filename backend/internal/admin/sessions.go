package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/filter"
)

// The reasons that ended sessions carry.
const (
	endedByAdministrator           = "ended by an administrator"
	endedEverywhereByAdministrator = "signed out everywhere by an administrator"
)

// ListUserSessions implements the operation listUserSessions.
func (h handlers) ListUserSessions(ginContext context.Context, request api.ListUserSessionsRequestObject) (api.ListUserSessionsResponseObject, error) {
	call := callOf(ginContext)
	if _, err := h.users.ByID(call.ctx, h.db, call.organization.ID, request.UserId); err != nil {
		return nil, err
	}
	items, next, err := page(h.cursors, request.Params.Cursor, request.Params.Limit, reading[session.Session, api.Session]{
		of: list{"sessions", call.organization.ID.String(), request.UserId.String()},
		rows: func(after *filter.Position, limit int32) ([]session.Session, error) {
			return h.sessions.OfUser(call.ctx, call.organization.ID, request.UserId, olderThan(after), limit)
		},
		position: func(s session.Session) filter.Position { return filter.Position{ID: s.ID} },
		show:     renderSession,
	})
	return api.ListUserSessions200JSONResponse{Items: items, NextCursor: next}, err
}

func renderSession(s session.Session) api.Session {
	rendered := api.Session{Id: s.ID, AuthenticatedAt: s.AuthenticatedAt, Methods: s.Methods, UserAgent: optional(s.UserAgent), CreatedAt: s.CreatedAt,
		LastSeenAt: s.LastSeenAt, ExpiresAt: s.IdleExpiresAt, Persistent: s.Persistent}
	if s.Address.IsValid() {
		rendered.ClientAddress = new(s.Address.String())
	}
	return rendered
}

// EndUserSessions implements the operation endUserSessions.
func (h handlers) EndUserSessions(ginContext context.Context, request api.EndUserSessionsRequestObject) (api.EndUserSessionsResponseObject, error) {
	call := callOf(ginContext)
	err := h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		person, _, err := h.lockPerson(ctx, tx, call, request.UserId)
		if err != nil {
			return err
		}
		_, err = h.sessions.EndEverywhere(ctx, tx, call.by.Actor(), person.OrgID, person.ID, endedEverywhereByAdministrator)
		return err
	})
	if err != nil {
		return nil, err
	}
	return api.EndUserSessions204Response{}, nil
}

// EndUserSession implements the operation endUserSession.
func (h handlers) EndUserSession(ginContext context.Context, request api.EndUserSessionRequestObject) (api.EndUserSessionResponseObject, error) {
	call := callOf(ginContext)
	err := h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		person, _, err := h.lockPerson(ctx, tx, call, request.UserId)
		if err != nil {
			return err
		}
		return h.sessions.EndOf(ctx, tx, call.by.Actor(), person.OrgID, person.ID, request.SessionId, endedByAdministrator)
	})
	if err != nil {
		return nil, err
	}
	return api.EndUserSession204Response{}, nil
}

// ListLogoutDeliveries implements the operation listLogoutDeliveries.
func (h handlers) ListLogoutDeliveries(ginContext context.Context, request api.ListLogoutDeliveriesRequestObject) (api.ListLogoutDeliveriesResponseObject, error) {
	call, p := callOf(ginContext), request.Params
	wanted := session.DeliveryFilter{SessionID: or(p.Session, uuid.Nil), ClientID: or(p.Client, uuid.Nil), UserID: or(p.User, uuid.Nil),
		State: session.DeliveryState(or(p.State, ""))}
	items, next, err := page(h.cursors, p.Cursor, p.Limit, reading[session.Delivery, api.LogoutDelivery]{
		of: list{"logout-deliveries", call.organization.ID.String(), wanted.SessionID.String(), wanted.ClientID.String(), wanted.UserID.String(), string(wanted.State)},
		rows: func(after *filter.Position, limit int32) ([]session.Delivery, error) {
			if wanted.Limit = limit; after != nil {
				wanted.Before = after.ID
			}
			return h.sessions.Deliveries(call.ctx, h.db, call.organization.ID, wanted)
		},
		position: func(d session.Delivery) filter.Position { return filter.Position{ID: d.ID} },
		show:     renderDelivery,
	})
	return api.ListLogoutDeliveries200JSONResponse{Items: items, NextCursor: next}, err
}

func renderDelivery(d session.Delivery) api.LogoutDelivery {
	rendered := api.LogoutDelivery{Id: d.ID, SessionId: d.SessionID, ClientId: d.ClientID, UserId: d.UserID, State: api.LogoutDeliveryState(d.State),
		Attempts: d.Attempts, LastError: optional(d.LastError), CreatedAt: d.CreatedAt, LastAttemptAt: moment(d.LastAttemptAt), NextAttemptAt: moment(d.NextAttemptAt)}
	if d.LastStatus >= http.StatusContinue {
		rendered.LastStatus = &d.LastStatus
	}
	return rendered
}

// moment is absent when it never came.
func moment(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}
