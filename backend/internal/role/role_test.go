package role_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/store"
)

func TestPermissions(t *testing.T) {
	for _, c := range []struct {
		roles []role.Role
		want  []role.Permission
	}{
		{nil, nil},
		{[]role.Role{role.OrganizationAuditor}, []role.Permission{role.Read}},
		{[]role.Role{role.OrganizationAuditor, role.OrganizationAdministrator}, []role.Permission{role.Read, role.Write}},
		{[]role.Role{role.PlatformAdministrator}, []role.Permission{role.Read, role.Write}},
		{[]role.Role{"admin:write", "root"}, nil},
	} {
		if got := role.Permissions(c.roles); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v", c.roles, got)
		}
	}
}

func TestNobodyGrantsMoreThanTheyHold(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	system, err := w.Organizations.EnsureSystem(t.Context(), domaintest.Operator)
	if err != nil {
		t.Fatal(err)
	}
	acme := w.Organization("acme")
	eve, root := w.User(acme, "eve@acme.test"), w.User(system, "root@clavex.test")
	platform, ordinary := role.Grantor{Actor: domaintest.Operator, Platform: true}, role.Grantor{Actor: domaintest.Operator}
	set := func(by role.Grantor, orgID, userID uuid.UUID, isSystem bool, roles ...role.Role) error {
		return w.DB.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			return w.Roles.Set(ctx, tx, by, orgID, userID, isSystem, roles)
		})
	}
	for name, c := range map[string]struct{ got, want error }{
		"platform administrator outside the system organization (fault 1)": {set(platform, acme.ID, eve.ID, false, role.PlatformAdministrator), role.ErrPlatformElsewhere},
		"by somebody who is not one":                                       {set(ordinary, system.ID, root.ID, true, role.PlatformAdministrator), role.ErrNotHeld},
		"a role that looks like a scope":                                   {set(platform, acme.ID, eve.ID, false, "admin:write"), role.ErrUnknown},
		"organization administrator":                                       {set(ordinary, acme.ID, eve.ID, false, role.OrganizationAdministrator), nil},
		"platform administrator by one":                                    {set(platform, system.ID, root.ID, true, role.PlatformAdministrator), nil},
	} {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
}

func TestTheLastPlatformAdministratorStays(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	system, err := w.Organizations.EnsureSystem(t.Context(), domaintest.Operator)
	if err != nil {
		t.Fatal(err)
	}
	one, two := w.User(system, "one@clavex.test"), w.User(system, "two@clavex.test")
	by := role.Grantor{Actor: domaintest.Operator, Platform: true}
	for _, person := range []uuid.UUID{one.ID, two.ID} {
		w.InTx(func(ctx context.Context, tx *store.Tx) error {
			return w.Roles.Set(ctx, tx, by, system.ID, person, true, []role.Role{role.PlatformAdministrator})
		})
	}
	// Both are removed at the same moment: one removal is refused.
	errs := make([]error, 2)
	var all sync.WaitGroup
	for i, person := range []uuid.UUID{one.ID, two.ID} {
		all.Go(func() {
			errs[i] = w.DB.InTx(context.Background(), func(ctx context.Context, tx *store.Tx) error {
				return w.Roles.Set(ctx, tx, by, system.ID, person, true, nil)
			})
		})
	}
	all.Wait()
	refused := 0
	for _, err := range errs {
		if errors.Is(err, role.ErrLastAdministrator) {
			refused++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if refused != 1 {
		t.Fatalf("%d removals refused: %v", refused, errs)
	}
}
