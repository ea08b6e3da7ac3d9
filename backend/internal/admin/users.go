package admin

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/filter"
	"github.com/clavex/clavex/backend/internal/user"
)

// ListUsers implements the operation listUsers.
func (h handlers) ListUsers(ginContext context.Context, request api.ListUsersRequestObject) (api.ListUsersResponseObject, error) {
	call, p := callOf(ginContext), request.Params
	wanted := user.Filter{Search: or(p.Q, ""), Status: user.Status(or(p.Status, "")), Sort: user.Sort(or(p.Sort, api.ListUsersParamsSort(user.ByUsername)))}
	of := list{"users", call.organization.ID.String(), wanted.Search, string(wanted.Status), string(wanted.Sort)}
	var invited map[uuid.UUID]credential.Invitation
	items, next, err := page(h.cursors, p.Cursor, p.Limit, reading[user.Listed, api.UserSummary]{
		of: of,
		rows: func(after *filter.Position, limit int32) (rows []user.Listed, err error) {
			wanted.After, wanted.Limit = after, limit
			if rows, err = h.users.List(call.ctx, h.db, call.organization.ID, wanted); err == nil {
				invited, err = h.invitations.Of(call.ctx, h.db, call.organization.ID, idsOf(rows)...)
			}
			return rows, err
		},
		position: func(l user.Listed) filter.Position { return l.Position },
		show: func(l user.Listed) api.UserSummary {
			return renderUserSummary(l.User, invitationState(invited, l.User.ID))
		},
	})
	return api.ListUsers200JSONResponse{Items: items, NextCursor: next}, err
}

// readUser reads a person of the call's organization as the contract shows them.
func (a *API) readUser(ctx context.Context, db store.DB, orgID, id uuid.UUID) (*user.User, api.User, error) {
	found, err := a.users.ByID(ctx, db, orgID, id)
	if err != nil {
		return nil, api.User{}, err
	}
	hasPassword, err := a.passwords.Exists(ctx, db, orgID, id)
	if err != nil {
		return nil, api.User{}, err
	}
	invitation, err := a.invitationOf(ctx, db, found)
	if err != nil {
		return nil, api.User{}, err
	}
	rendered, err := renderUser(found, hasPassword, invitation)
	return found, rendered, err
}

// GetUser implements the operation getUser.
func (h handlers) GetUser(ginContext context.Context, request api.GetUserRequestObject) (api.GetUserResponseObject, error) {
	call := callOf(ginContext)
	found, rendered, err := h.readUser(call.ctx, h.db, call.organization.ID, request.UserId)
	if err != nil {
		return nil, err
	}
	return api.GetUser200JSONResponse{Body: rendered, Headers: api.GetUser200ResponseHeaders{ETag: etagOf(found.Version)}}, nil
}

// CreateUser implements the operation createUser.
func (h handlers) CreateUser(ginContext context.Context, request api.CreateUserRequestObject) (api.CreateUserResponseObject, error) {
	call, body := callOf(ginContext), *request.Body
	wanted, err := newUser(call.organization.ID, body)
	if err != nil {
		return nil, err
	}
	invite := or(body.Invite, false)
	if err := h.mayInvite(call, invite, body.Password != nil, &wanted); err != nil {
		return nil, err
	}
	if err := h.mayRequire(call.ctx, h.db, call.organization, &wanted, nil); err != nil {
		return nil, err
	}
	var hashed credential.Hashed
	made, replayed, err := h.once(call, request.Params.IdempotencyKey, creation{
		prepare: func() (err error) {
			if body.Password != nil {
				hashed, err = h.passwords.Hash(call.ctx, call.organization, &wanted, *body.Password)
			}
			return err
		},
		make: func(ctx context.Context, tx *store.Tx) (uuid.UUID, error) {
			created, err := h.users.Create(ctx, tx, call.by.Actor(), wanted)
			if err == nil && invite {
				err = h.letters.Invite(ctx, tx, h.invitations, call.by.Actor(), call.organization, created)
			}
			if err != nil || body.Password == nil {
				return idOf(created), err
			}
			return created.ID, h.passwords.Store(ctx, tx, call.by.Actor(), created.OrgID, created.ID, hashed)
		},
	})
	if err != nil {
		return nil, err
	}
	created, rendered, err := h.readUser(call.ctx, h.db, call.organization.ID, made)
	if err != nil {
		return nil, err
	}
	return api.CreateUser201JSONResponse{Body: rendered, Headers: api.CreateUser201ResponseHeaders{ETag: etagOf(created.Version),
		Location: Prefix + "/orgs/" + call.organization.Slug + "/users/" + made.String(), IdempotentReplayed: replayedHeader(replayed)}}, nil
}

func idOf(u *user.User) uuid.UUID {
	if u == nil {
		return uuid.Nil
	}
	return u.ID
}

func newUser(orgID uuid.UUID, body api.UserCreate) (user.User, error) {
	wanted := user.User{OrgID: orgID, Username: body.Username, Email: or(body.Email, ""), EmailVerified: or(body.EmailVerified, false),
		PhoneNumber: or(body.PhoneNumber, ""), PhoneNumberVerified: or(body.PhoneNumberVerified, false), Attributes: or(body.Attributes, nil)}
	if body.Profile != nil {
		var err error
		if wanted.Profile, err = recode[user.Profile](*body.Profile); err != nil {
			return user.User{}, err
		}
	}
	wanted.RequiredActions = renamed[user.RequiredAction](or(body.RequiredActions, nil))
	if body.Password != nil && or(body.PasswordTemporary, true) {
		wanted.RequiredActions = withAction(wanted.RequiredActions, user.ChangePassword)
	}
	return wanted, nil
}

func withAction(actions []user.RequiredAction, action user.RequiredAction) []user.RequiredAction {
	if slices.Contains(actions, action) {
		return actions
	}
	return append(slices.Clone(actions), action)
}

func withoutAction(actions []user.RequiredAction, action user.RequiredAction) []user.RequiredAction {
	return slices.DeleteFunc(slices.Clone(actions), func(a user.RequiredAction) bool { return a == action })
}

// lockPerson reads a person and their roles for a change that the caller may make, and keeps others from
// changing either before the transaction ends.
func (h handlers) lockPerson(ctx context.Context, tx *store.Tx, call *call, id uuid.UUID) (*user.User, []role.Role, error) {
	roles, err := role.Locked(ctx, tx, call.organization.ID, id)
	if err != nil {
		return nil, nil, err
	}
	person, err := h.users.ByID(ctx, tx, call.organization.ID, id)
	if err != nil {
		return nil, nil, err
	}
	return person, roles, call.by.mayChangePerson(roles)
}

// leaves makes sure that somebody who will not be able to sign in any more is neither the caller nor the
// last platform administrator.
func (h handlers) leaves(ctx context.Context, tx *store.Tx, call *call, person *user.User, roles []role.Role) error {
	if call.by.is(person.ID, call.organization) {
		return errSelf
	}
	if !slices.Contains(roles, role.PlatformAdministrator) {
		return nil
	}
	return h.roles.EnsureNotLast(ctx, tx, person.OrgID, person.ID)
}

// UpdateUser implements the operation updateUser.
func (h handlers) UpdateUser(ginContext context.Context, request api.UpdateUserRequestObject) (api.UpdateUserResponseObject, error) {
	call, body := callOf(ginContext), *request.Body
	version, err := versionOf(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	var updated *user.User
	var rendered api.User
	err = h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		current, roles, err := h.lockPerson(ctx, tx, call, request.UserId)
		if err != nil {
			return err
		}
		if current.Version != version {
			return user.ErrVersionMismatch
		}
		changed, err := patched(*current, body)
		if err != nil {
			return err
		}
		disables := current.Status == user.Active && changed.Status == user.Disabled
		if disables {
			if err := h.leaves(ctx, tx, call, current, roles); err != nil {
				return err
			}
		}
		if err := h.mayRequire(ctx, tx, call.organization, &changed, current.RequiredActions); err != nil {
			return err
		}
		if _, err := h.users.Update(ctx, tx, call.by.Actor(), changed); err != nil {
			return err
		}
		if disables {
			if err := h.sessions.EndAll(ctx, tx, call.by.Actor(), current.OrgID, current.ID, uuid.Nil, "account disabled"); err != nil {
				return err
			}
		}
		updated, rendered, err = h.readUser(ctx, tx, current.OrgID, current.ID)
		if err == nil && !strings.EqualFold(current.Email, updated.Email) {
			err = h.addressSet(ctx, tx, call, current, updated)
		}
		if err == nil && current.Status == user.Leaving && updated.Status == user.Active {
			err = h.letters.Kept(ctx, tx, call.organization, updated)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return api.UpdateUser200JSONResponse{Body: rendered, Headers: api.UpdateUser200ResponseHeaders{ETag: etagOf(updated.Version)}}, nil
}

// addressSet follows from another address of a person: what went to the former mailbox opens nothing any more, and both are told.
func (h handlers) addressSet(ctx context.Context, tx *store.Tx, call *call, before, after *user.User) error {
	if err := h.links.Cancel(ctx, tx, after.OrgID, after.ID); err != nil {
		return err
	}
	return h.letters.AddressSet(ctx, tx, call.organization, before, after)
}

// patched applies a merge patch. An address or number that changes is not verified any more, unless the
// patch says so.
func patched(u user.User, body api.UserPatch) (user.User, error) {
	before := u
	set(&u.Username, body.Username)
	setText(&u.Email, body.Email)
	setText(&u.PhoneNumber, body.PhoneNumber)
	if u.Email != before.Email {
		u.EmailVerified = false
	}
	if u.PhoneNumber != before.PhoneNumber {
		u.PhoneNumberVerified = false
	}
	set(&u.EmailVerified, body.EmailVerified)
	set(&u.PhoneNumberVerified, body.PhoneNumberVerified)
	if body.Status != nil {
		u.Status = user.Status(*body.Status)
	}
	if body.Attributes != nil {
		u.Attributes = *body.Attributes
	}
	if body.RequiredActions != nil {
		u.RequiredActions = renamed[user.RequiredAction](*body.RequiredActions)
	}
	if body.Profile != nil {
		var err error
		if u.Profile, err = recode[user.Profile](*body.Profile); err != nil {
			return user.User{}, err
		}
	}
	return u, nil
}

// DeleteUser implements the operation deleteUser.
func (h handlers) DeleteUser(ginContext context.Context, request api.DeleteUserRequestObject) (api.DeleteUserResponseObject, error) {
	call := callOf(ginContext)
	version, err := versionOf(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	err = h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		current, roles, err := h.lockPerson(ctx, tx, call, request.UserId)
		if err != nil {
			return err
		}
		if err := h.leaves(ctx, tx, call, current, roles); err != nil {
			return err
		}
		// The sessions go with the person; ending them first records it and tells who must know.
		if err := h.sessions.EndAll(ctx, tx, call.by.Actor(), current.OrgID, current.ID, uuid.Nil, "account deleted"); err != nil {
			return err
		}
		return h.users.Delete(ctx, tx, call.by.Actor(), current.OrgID, current.ID, version)
	})
	if err != nil {
		return nil, err
	}
	return api.DeleteUser204Response{}, nil
}
