package admin

import (
	"context"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/store/filter"
)

// ListAuditEvents implements the operation listAuditEvents.
func (h handlers) ListAuditEvents(ginContext context.Context, request api.ListAuditEventsRequestObject) (api.ListAuditEventsResponseObject, error) {
	call, p := callOf(ginContext), request.Params
	wanted := audit.Filter{Action: or(p.Action, "")}
	if p.Actor != nil {
		wanted.ActorID = p.Actor.String()
	}
	if p.Target != nil {
		wanted.TargetID = p.Target.String()
	}
	of := list{"audit-events", call.organization.ID.String(), wanted.Action, wanted.ActorID, wanted.TargetID}
	if p.From != nil {
		wanted.From = *p.From
	}
	if p.To != nil {
		wanted.To = *p.To
	}
	of = append(of, wanted.From.UTC().String(), wanted.To.UTC().String())
	items, next, err := page(h.cursors, p.Cursor, p.Limit, reading[audit.Record, api.AuditEvent]{
		of: of,
		rows: func(after *filter.Position, limit int32) ([]audit.Record, error) {
			if wanted.Limit = limit; after != nil {
				wanted.Before = after.ID
			}
			return h.log.List(call.ctx, h.db, call.organization.ID, wanted)
		},
		position: func(r audit.Record) filter.Position { return filter.Position{ID: r.ID} },
		show:     renderEvent,
	})
	return api.ListAuditEvents200JSONResponse{Items: items, NextCursor: next}, err
}

// GetAuditEvent implements the operation getAuditEvent.
func (h handlers) GetAuditEvent(ginContext context.Context, request api.GetAuditEventRequestObject) (api.GetAuditEventResponseObject, error) {
	call := callOf(ginContext)
	record, err := h.log.ByID(call.ctx, h.db, call.organization.ID, request.EventId)
	if err != nil {
		return nil, err
	}
	return api.GetAuditEvent200JSONResponse(renderEvent(record)), nil
}
