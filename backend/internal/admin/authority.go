package admin

import (
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/user"
)

// Authority is who calls and what they may do: the scope of the token ∩ the current roles of the person ∩
// the organization of the issuer. All rules about authority stand in this file.
type Authority struct {
	Organization *org.Organization // of the issuer
	User         *user.User        // nil when a client acts for itself
	Client       *client.Client    // that presented the token; nil for the console's session
	Roles        []role.Role       // of the person, as the database has them now
	// Platform lets the authority cross organizations: the issuer is `system`, and the person is a platform
	// administrator, or a client of `system` acts for itself with an administrative scope.
	Platform bool

	held    []role.Permission // what the roles allow; for a client itself, what it registered
	allowed []role.Permission // held ∩ the token's scopes
}

// newAuthority computes the authority. scopes are those of the token, still registered by its client.
func newAuthority(organization *org.Organization, person *user.User, presenter *client.Client, scopes []string, roles []role.Role) *Authority {
	a := &Authority{Organization: organization, User: person, Client: presenter, Roles: roles}
	if person != nil {
		a.held = role.Permissions(roles)
	} else {
		a.held = permissionsNamed(presenter.Scopes)
	}
	for _, permission := range a.held {
		if slices.Contains(scopes, string(permission)) {
			a.allowed = append(a.allowed, permission)
		}
	}
	if organization.Slug == org.SystemSlug {
		a.Platform = person != nil && slices.Contains(roles, role.PlatformAdministrator) || person == nil && len(a.allowed) > 0
	}
	return a
}

func permissionsNamed(scopes []string) []role.Permission {
	var named []role.Permission
	for _, permission := range []role.Permission{role.Read, role.Write} {
		if slices.Contains(scopes, string(permission)) {
			named = append(named, permission)
		}
	}
	return named
}

// Actor is how the authority appears in audit events.
func (a *Authority) Actor() audit.Actor {
	if a.User != nil {
		return audit.Actor{Kind: audit.User, ID: a.User.ID.String(), Name: a.User.Username}
	}
	return audit.Actor{Kind: audit.Client, ID: a.Client.ID.String(), Name: a.Client.ClientID}
}

// actorID is the id of the person or of the client's record.
func (a *Authority) actorID() uuid.UUID {
	if a.User != nil {
		return a.User.ID
	}
	return a.Client.ID
}

func (a *Authority) is(userID uuid.UUID, organization *org.Organization) bool {
	return a.User != nil && a.User.ID == userID && a.Organization.ID == organization.ID
}

// Permissions lists what the authority may do in the words of the contract.
func (a *Authority) Permissions() []string {
	permissions := []string{}
	add := func(permission role.Permission, names ...string) {
		if slices.Contains(a.allowed, permission) {
			permissions = append(permissions, names...)
		}
	}
	if a.Platform {
		add(role.Read, "platform:read")
		add(role.Write, "platform:write")
	}
	add(role.Read, "organization:read", "users:read", "clients:read", "audit:read")
	add(role.Write, "organization:write", "users:write", "clients:write")
	return permissions
}

// The faults of authority.
var (
	errNotPlatform = fault.New(fault.Forbidden, "permission_denied", "Only platform administrators may do this.")
	errAdminScope  = fault.New(fault.Forbidden, "scope_not_held", "A client can be given administrative scopes, or be changed while it has them, only by somebody who holds them.").WithField("scopes")
	errScopeTaken  = fault.New(fault.Invalid, "scope_reserved", "Scopes that begin with admin: belong to Clavex. There are admin:read and admin:write.").WithField("scopes")
	errStronger    = fault.New(fault.Forbidden, "user_has_more_rights", "This person has rights that you do not have. Only somebody who has them may change the account.")
	errSelf        = fault.New(fault.Conflict, "own_account", "You cannot delete or disable your own account. Ask another administrator.")
)

// may says whether the authority has the permission in the organization. What belongs to an organization
// that the authority does not reach does not exist for it.
func (a *Authority) may(permission role.Permission, in *org.Organization) error {
	if in.ID != a.Organization.ID && !a.Platform {
		return org.ErrNotFound
	}
	return a.has(permission)
}

// mayPlatform says whether the authority has the permission over the organizations themselves.
func (a *Authority) mayPlatform(permission role.Permission) error {
	if !a.Platform {
		return errNotPlatform
	}
	return a.has(permission)
}

func (a *Authority) has(permission role.Permission) error {
	if slices.Contains(a.allowed, permission) {
		return nil
	}
	if slices.Contains(a.held, permission) { // the roles would do, the token does not (RFC 6750 §3.1)
		return refuse(http.StatusForbidden, fault.Forbidden, "insufficient_scope", "The access token lacks the scope "+string(permission)+".").
			withChallenge(oauth.Error{Scheme: oauth.SchemeBearer, Code: oauth.CodeInsufficientScope, Scope: string(permission)})
	}
	return fault.New(fault.Forbidden, "permission_denied", "This needs the permission "+string(permission)+".")
}

// holds reports whether the authority has everything the roles allow.
func (a *Authority) holds(roles []role.Role) bool {
	if slices.Contains(roles, role.PlatformAdministrator) && !a.Platform {
		return false
	}
	return !slices.ContainsFunc(role.Permissions(roles), func(p role.Permission) bool { return !slices.Contains(a.allowed, p) })
}

// mayChangePerson says whether the authority may change the account of somebody with the roles. Whoever
// sets another's password, makes a link for them or changes their address can become them; nobody may
// become somebody with more rights.
func (a *Authority) mayChangePerson(roles []role.Role) error {
	if !a.holds(roles) {
		return errStronger
	}
	return nil
}

// assignable lists the roles that the authority may give and take in the organization.
func (a *Authority) assignable(in *org.Organization) []role.Role {
	roles := []role.Role{}
	for _, r := range role.BuiltIn() {
		if r == role.PlatformAdministrator && in.Slug != org.SystemSlug {
			continue
		}
		if a.holds([]role.Role{r}) {
			roles = append(roles, r)
		}
	}
	return roles
}

// mayAssign says whether the authority may change somebody's roles in the organization from before to after.
func (a *Authority) mayAssign(in *org.Organization, before, after []role.Role) error {
	assignable := a.assignable(in)
	for _, r := range slices.Concat(before, after) {
		changes := slices.Contains(before, r) != slices.Contains(after, r)
		if changes && slices.Contains(role.BuiltIn(), r) && !slices.Contains(assignable, r) {
			if r == role.PlatformAdministrator && in.Slug != org.SystemSlug {
				return role.ErrPlatformElsewhere
			}
			return role.ErrNotHeld
		}
	}
	return nil
}

// mayChangeClient says whether the authority may make a client with the scopes after of one with the
// scopes before (none when it is new or going away). Administrative scopes pass on the authority of their
// holder, and whoever can change a redirect URI or read a new secret has what the client has. A client of
// `system` crosses organizations with them, so there only platform administrators handle such clients.
func (a *Authority) mayChangeClient(in *org.Organization, before, after []string) error {
	for _, scope := range slices.Concat(before, after) {
		if !oauth.IsAdminScope(scope) {
			if slices.Contains(after, scope) && strings.EqualFold(scope[:min(len(scope), len("admin:"))], "admin:") {
				return errScopeTaken // would be mistaken for one
			}
			continue
		}
		permission := role.Permission(scope)
		if !slices.Contains([]role.Permission{role.Read, role.Write}, permission) {
			return errScopeTaken
		}
		if !slices.Contains(a.allowed, permission) || in.Slug == org.SystemSlug && !a.Platform {
			return errAdminScope
		}
	}
	return nil
}
