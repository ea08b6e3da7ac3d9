// Package role says what administrators may do. The built-in roles are names fixed in the program;
// what an organization may define itself later lives beside them and can never carry their names.
package role

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// Role is the name of a built-in role.
type Role string

// The built-in roles.
const (
	PlatformAdministrator     Role = "platform-administrator"     // everything in every organization; only in the system organization
	OrganizationAdministrator Role = "organization-administrator" // everything in their own organization
	OrganizationAuditor       Role = "organization-auditor"       // reads everything in their own organization
)

// BuiltIn lists the built-in roles.
func BuiltIn() []Role {
	return []Role{PlatformAdministrator, OrganizationAdministrator, OrganizationAuditor}
}

// Permission is something the Admin API lets an administrator do. It is named as the scope that asks for it.
type Permission string

// The permissions.
const (
	Read  Permission = "admin:read"
	Write Permission = "admin:write"
)

// Permissions returns what the roles allow, sorted, without repetition.
func Permissions(roles []Role) []Permission {
	allowed := map[Permission]bool{}
	for _, r := range roles {
		switch r {
		case PlatformAdministrator, OrganizationAdministrator:
			allowed[Read], allowed[Write] = true, true
		case OrganizationAuditor:
			allowed[Read] = true
		}
	}
	var list []Permission
	for _, p := range []Permission{Read, Write} {
		if allowed[p] {
			list = append(list, p)
		}
	}
	return list
}

// The faults of this package.
var (
	ErrUnknown           = fault.New(fault.Invalid, "role_unknown", "There is no such role.").WithField("roles")
	ErrPlatformElsewhere = fault.New(fault.Invalid, "role_platform_only", "Platform administrators exist only in the system organization.").WithField("roles")
	ErrNotHeld           = fault.New(fault.Forbidden, "role_not_held", "You can grant only roles whose rights you have yourself.").WithField("roles")
	// ErrLastOfOrganization says that an organization would be left without an administrator of its own.
	ErrLastOfOrganization = fault.New(fault.Conflict, "last_organization_administrator", "This is the last administrator of the organization. Appoint another one first.")
	ErrLastAdministrator  = fault.New(fault.Conflict, "last_platform_administrator", "This is the last platform administrator. Appoint another one first.")
)

// Of returns the roles a person has now, sorted.
func Of(ctx context.Context, db store.DB, orgID, userID uuid.UUID) ([]Role, error) {
	names, err := dbq.New(db).UserRoles(ctx, dbq.UserRolesParams{OrgID: orgID, UserID: userID})
	if err != nil {
		return nil, err
	}
	roles := make([]Role, len(names))
	for i, name := range names {
		roles[i] = Role(name)
	}
	return roles, nil
}

// Locked is Of inside a transaction that will change the roles: nobody else changes this person's before
// it ends. A person of another organization has no roles and nothing to lock.
func Locked(ctx context.Context, tx *store.Tx, orgID, userID uuid.UUID) ([]Role, error) {
	if _, err := dbq.New(tx).HoldUser(ctx, dbq.HoldUserParams{OrgID: orgID, ID: userID}); err != nil && !store.IsNotFound(err) {
		return nil, err
	}
	return Of(ctx, tx, orgID, userID)
}

// Assignments changes who has which role. It is safe for concurrent use.
type Assignments struct {
	log *audit.Log
	now func() time.Time
}

// NewAssignments makes the assignments.
func NewAssignments(log *audit.Log, now func() time.Time) *Assignments {
	return &Assignments{log: log, now: now}
}

// Grantor is the authority behind a change of roles.
type Grantor struct {
	Actor    audit.Actor
	Platform bool // a platform administrator or an operator at the command line: may grant everything
}

// Set makes roles the person's only roles. system says that the organization is the system one.
// Nobody grants more than they hold; the last platform administrator keeps the role.
func (a *Assignments) Set(ctx context.Context, tx *store.Tx, by Grantor, orgID, userID uuid.UUID, system bool, roles []Role) error {
	for _, wanted := range roles {
		switch {
		case !slices.Contains(BuiltIn(), wanted):
			return ErrUnknown
		case wanted == PlatformAdministrator && !system:
			return ErrPlatformElsewhere
		}
	}
	before, err := Locked(ctx, tx, orgID, userID)
	if err != nil {
		return err
	}
	queries := dbq.New(tx)
	for _, wanted := range roles {
		if slices.Contains(before, wanted) {
			continue
		}
		if wanted == PlatformAdministrator && !by.Platform {
			return ErrNotHeld
		}
		if _, err := queries.InsertRoleAssignment(ctx, dbq.InsertRoleAssignmentParams{OrgID: orgID, UserID: userID, Role: string(wanted), CreatedAt: a.now()}); err != nil {
			return err
		}
	}
	for _, held := range before {
		if slices.Contains(roles, held) {
			continue
		}
		if held == PlatformAdministrator {
			if !by.Platform {
				return ErrNotHeld
			}
			if err := a.EnsureNotLast(ctx, tx, orgID, userID); err != nil {
				return err
			}
		}
		if _, err := queries.DeleteRoleAssignment(ctx, dbq.DeleteRoleAssignmentParams{OrgID: orgID, UserID: userID, Role: string(held)}); err != nil {
			return err
		}
	}
	after := slices.Compact(slices.AppendSeq([]Role{}, slices.Values(slices.Sorted(slices.Values(roles)))))
	if slices.Equal(before, after) {
		return nil
	}
	return a.log.Record(ctx, tx, orgID, audit.Event{Action: "user.roles_changed", Actor: by.Actor,
		Target: audit.Target{Kind: "user", ID: userID.String()}, Before: map[string]any{"roles": before}, After: map[string]any{"roles": after}})
}

// EnsureNotLast refuses when the person is the last platform administrator. It locks the holders, so of
// two administrators who remove each other at the same moment one is refused. Call it before deleting
// or disabling a person, too.
func (a *Assignments) EnsureNotLast(ctx context.Context, tx *store.Tx, orgID, userID uuid.UUID) error {
	return a.EnsureNotLastOf(ctx, tx, orgID, userID, PlatformAdministrator)
}

// EnsureNotLastOf is EnsureNotLast for any administrators.
func (a *Assignments) EnsureNotLastOf(ctx context.Context, tx *store.Tx, orgID, userID uuid.UUID, held Role) error {
	holders, err := dbq.New(tx).LockRoleHolders(ctx, dbq.LockRoleHoldersParams{OrgID: orgID, Role: string(held)})
	if err != nil {
		return err
	}
	switch {
	case len(holders) != 1 || holders[0] != userID:
		return nil
	case held == PlatformAdministrator:
		return ErrLastAdministrator
	}
	return ErrLastOfOrganization
}
