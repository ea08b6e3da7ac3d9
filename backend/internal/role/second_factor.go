package role

import (
	"context"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
)

// SecondFactor is the policy of second factors for a person now: the strictest of those of the organization and of the
// person's roles, and what the roles demand by themselves. Where no role has one, nothing is read.
func SecondFactor(ctx context.Context, db store.DB, organization *org.Organization, userID uuid.UUID) (policy, ofRoles org.SecondFactor, err error) {
	policies := organization.Policies
	if len(policies.SecondFactorRoles) == 0 {
		return policies.SecondFactorPolicy(), "", nil
	}
	held, err := Of(ctx, db, organization.ID, userID)
	names := make([]string, len(held))
	for i, name := range held {
		names[i] = string(name)
	}
	return policies.SecondFactorOf(names...), policies.SecondFactorOfRoles(names...), err
}
