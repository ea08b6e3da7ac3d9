package admin

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

var errDisabled = fault.New(fault.Conflict, "user_disabled", "This account is disabled. Enable it first.")

// SetUserPassword implements the operation setUserPassword.
func (h handlers) SetUserPassword(ginContext context.Context, request api.SetUserPasswordRequestObject) (api.SetUserPasswordResponseObject, error) {
	call, body := callOf(ginContext), *request.Body
	person, err := h.users.ByID(call.ctx, h.db, call.organization.ID, request.UserId)
	if err != nil {
		return nil, err
	}
	roles, err := role.Of(call.ctx, h.db, call.organization.ID, person.ID)
	if err != nil {
		return nil, err
	}
	if err := call.by.mayChangePerson(roles); err != nil { // before the hash, which is dear
		return nil, err
	}
	hashed, err := h.passwords.Hash(call.ctx, call.organization, person, or(body.Password, ""))
	if err != nil {
		return nil, err
	}
	err = h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		current, _, err := h.lockPerson(ctx, tx, call, person.ID)
		if err != nil {
			return err
		}
		changed := *current
		if or(body.Temporary, true) {
			changed.RequiredActions = withAction(current.RequiredActions, user.ChangePassword)
		} else {
			changed.RequiredActions = withoutAction(current.RequiredActions, user.ChangePassword)
		}
		if len(changed.RequiredActions) != len(current.RequiredActions) {
			if _, err := h.users.Update(ctx, tx, call.by.Actor(), changed); err != nil {
				return err
			}
		}
		return h.replacePassword(ctx, tx, call, current, hashed)
	})
	if err != nil {
		return nil, err
	}
	return api.SetUserPassword204Response{}, nil
}

func (h handlers) replacePassword(ctx context.Context, tx *store.Tx, call *call, person *user.User, hashed credential.Hashed) error {
	if err := h.passwords.Store(ctx, tx, call.by.Actor(), person.OrgID, person.ID, hashed); err != nil {
		return err
	}
	if err := h.sessions.EndAll(ctx, tx, call.by.Actor(), person.OrgID, person.ID, uuid.Nil, "password set by an administrator"); err != nil {
		return err
	}
	return h.letters.PasswordChanged(ctx, tx, call.organization, person)
}

// CreateOneTimeLink implements the operation createOneTimeLink.
func (h handlers) CreateOneTimeLink(ginContext context.Context, request api.CreateOneTimeLinkRequestObject) (api.CreateOneTimeLinkResponseObject, error) {
	call := callOf(ginContext)
	lifetime := credential.LinkLifetime
	if request.Body.LifetimeSeconds != nil {
		lifetime = time.Duration(*request.Body.LifetimeSeconds) * time.Second
	}
	var link api.OneTimeLink
	err := h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		person, _, err := h.lockPerson(ctx, tx, call, request.UserId)
		if err != nil {
			return err
		}
		if person.Status != user.Active {
			return errDisabled
		}
		token, expires, err := h.links.CreateFor(ctx, tx, call.by.Actor(), person.OrgID, person.ID, lifetime)
		link = api.OneTimeLink{Url: h.oneTimeLinkURL(call.organization, token), ExpiresAt: expires}
		return err
	})
	if err != nil {
		return nil, err
	}
	return api.CreateOneTimeLink201JSONResponse(link), nil
}

// GetUserRoles implements the operation getUserRoles.
func (h handlers) GetUserRoles(ginContext context.Context, request api.GetUserRolesRequestObject) (api.GetUserRolesResponseObject, error) {
	call := callOf(ginContext)
	if _, err := h.users.ByID(call.ctx, h.db, call.organization.ID, request.UserId); err != nil {
		return nil, err
	}
	roles, err := role.Of(call.ctx, h.db, call.organization.ID, request.UserId)
	if err != nil {
		return nil, err
	}
	return api.GetUserRoles200JSONResponse{Body: renderRoles(roles, call.by.assignable(call.organization)),
		Headers: api.GetUserRoles200ResponseHeaders{ETag: rolesETag(roles)}}, nil
}

// SetUserRoles implements the operation setUserRoles.
func (h handlers) SetUserRoles(ginContext context.Context, request api.SetUserRolesRequestObject) (api.SetUserRolesResponseObject, error) {
	call := callOf(ginContext)
	read, err := tagOf(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	var after []role.Role
	err = h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		person, before, err := h.lockPerson(ctx, tx, call, request.UserId)
		if err != nil {
			return err
		}
		if rolesETag(before) != `"`+read+`"` {
			return errVersion
		}
		wanted := renamed[role.Role](request.Body.Roles)
		if err := call.by.mayAssign(call.organization, before, wanted); err != nil {
			return err
		}
		grantor := role.Grantor{Actor: call.by.Actor(), Platform: call.by.Platform}
		if err := h.roles.Set(ctx, tx, grantor, person.OrgID, person.ID, call.organization.Slug == org.SystemSlug, wanted); err != nil {
			return err
		}
		after, err = role.Of(ctx, tx, person.OrgID, person.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return api.SetUserRoles200JSONResponse{Body: renderRoles(after, call.by.assignable(call.organization)),
		Headers: api.SetUserRoles200ResponseHeaders{ETag: rolesETag(after)}}, nil
}
