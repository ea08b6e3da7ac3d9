package admin

import (
	"context"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/store/filter"
)

const defaultLimit = 50

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
	after, err := h.cursors.decode(p.Cursor, of)
	if err != nil {
		return nil, err
	}
	if after != nil {
		wanted.Before = after.ID
	}
	limit := or(p.Limit, defaultLimit)
	wanted.Limit = int32(limit) + 1
	records, err := h.log.List(call.ctx, h.db, call.organization.ID, wanted)
	if err != nil {
		return nil, err
	}
	page := api.AuditEventList{Items: []api.AuditEvent{}}
	records, page.NextCursor = cut(h.cursors, records, limit, of, func(r audit.Record) filter.Position { return filter.Position{ID: r.ID} })
	for _, record := range records {
		page.Items = append(page.Items, renderEvent(record))
	}
	return api.ListAuditEvents200JSONResponse(page), nil
}

// cut keeps a page of rows that were read with one more than the limit, and returns the cursor of the next
// page when there is one.
func cut[T any](c cursors, rows []T, limit int, of list, position func(T) filter.Position) ([]T, *string) {
	if len(rows) <= limit {
		return rows, nil
	}
	rows = rows[:limit]
	return rows, new(c.encode(position(rows[limit-1]), of))
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
