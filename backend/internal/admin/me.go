package admin

import (
	"context"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/role"
)

// handlers implement the operations of the contract. Every call passed the gate: who, how often, may they,
// is it well formed.
type handlers struct{ *API }

// GetMe implements the operation getMe.
func (h handlers) GetMe(ctx context.Context, _ api.GetMeRequestObject) (api.GetMeResponseObject, error) {
	by := callOf(ctx).by
	me := api.Me{
		Organization: api.OrganizationReference{Id: by.Organization.ID, Slug: by.Organization.Slug, Name: by.Organization.DisplayName},
		Issuer:       h.issuers.URL(by.Organization),
		Roles:        renamed[api.Role](by.Roles),
		Permissions:  renamed[api.Permission](by.Permissions()),
	}
	if by.Client != nil {
		me.ClientId = &by.Client.ClientID
	}
	if by.User != nil {
		me.User = &api.MeUser{Id: by.User.ID, Username: by.User.Username, Name: optional(by.User.Profile.Name), Email: optional(by.User.Email)}
	}
	return api.GetMe200JSONResponse(me), nil
}

// countLimit is where counting stops.
const countLimit = 10_000

func bounded(n int64) api.Count {
	return api.Count{Value: int(min(n, countLimit)), Exact: n <= countLimit}
}

// recentEvents is how many events the overview shows.
const recentEvents = 10

// GetOverview implements the operation getOverview.
func (h handlers) GetOverview(ginContext context.Context, _ api.GetOverviewRequestObject) (api.GetOverviewResponseObject, error) {
	call := callOf(ginContext)
	counts, err := h.organizations.Count(call.ctx, call.organization.ID)
	if err != nil {
		return nil, err
	}
	overview := api.Overview{Users: bounded(counts.Users), Clients: bounded(counts.Clients), ActiveSessions: bounded(counts.Sessions), RecentEvents: []api.AuditEvent{}}
	if call.organization.Slug == org.SystemSlug && call.by.mayPlatform(role.Read) == nil {
		all, err := h.organizations.CountAll(call.ctx)
		if err != nil {
			return nil, err
		}
		overview.Organizations = new(bounded(all))
	}
	records, err := h.log.List(call.ctx, h.db, call.organization.ID, audit.Filter{Limit: recentEvents})
	if err != nil {
		return nil, err
	}
	for _, record := range records {
		overview.RecentEvents = append(overview.RecentEvents, renderEvent(record))
	}
	return api.GetOverview200JSONResponse(overview), nil
}
