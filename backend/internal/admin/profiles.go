package admin

import (
	"context"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
)

// ListProfiles implements the operation listProfiles. All profiles are held against the clients in one reading.
func (h handlers) ListProfiles(ginContext context.Context, _ api.ListProfilesRequestObject) (api.ListProfilesResponseObject, error) {
	call := callOf(ginContext)
	names := org.Profiles()
	profiles, unmet := make([]oauth.Profile, len(names)), make([]int64, len(names))
	for i, name := range names {
		asked := *call.organization
		asked.Policies.Profile = name
		profiles[i] = oauth.ProfileFor(&asked)
	}
	seen := 0
	err := h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		return h.clients.EachWithoutProfile(ctx, tx, call.organization.ID, func(follower *client.Client) bool {
			for i, profile := range profiles {
				if profile.Check(follower) != nil {
					unmet[i]++
				}
			}
			seen++
			return seen < countLimit
		})
	})
	if err != nil {
		return nil, err
	}
	list := api.ProfileList{Items: make([]api.ProfileDemands, len(names))}
	for i, name := range names {
		list.Items[i] = api.ProfileDemands{Name: api.ClientProfile(name), Demands: profiles[i].Demands(), ClientsUnmet: api.Count{Value: int(unmet[i]), Exact: seen < countLimit}}
	}
	return api.ListProfiles200JSONResponse(list), nil
}
