package admin

import (
	"context"
	"reflect"
	"slices"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/resource"
)

// renderTokenPolicy shows what was decided; nil when nothing was.
func renderTokenPolicy(policy org.TokenPolicy) (*api.TokenPolicy, error) {
	if reflect.ValueOf(policy).IsZero() {
		return nil, nil
	}
	rendered, err := recode[api.TokenPolicy](policy)
	return &rendered, err
}

// checkDefaults refuses default resource servers that the organization does not have: no token would ever be for them.
func (a *API) checkDefaults(ctx context.Context, orgID uuid.UUID, prefix string, policy org.TokenPolicy) error {
	if len(policy.DefaultResources) == 0 {
		return nil
	}
	all, err := a.resources.All(ctx, orgID)
	if err != nil {
		return err
	}
	for _, identifier := range policy.DefaultResources {
		if !slices.ContainsFunc(all, func(known *resource.Resource) bool { return known.Identifier == identifier }) {
			return fault.New(fault.Invalid, "token_policy_invalid", "There is no resource server with the identifier "+clip(identifier)+". Register it first.").
				WithField(prefix + "token_policy.default_resources")
		}
	}
	return nil
}
