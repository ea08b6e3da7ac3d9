package account

import (
	"context"
	"net/http"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/signin"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/page"
)

func (v *visit) showMethods() {
	methods, err := v.methods()
	if err != nil {
		v.SignIn.Error(v.c, err)
		return
	}
	v.SignIn.Render(v.c, http.StatusOK, page.AccountMethods{OwnAccount: v.shell(), Methods: methods})
}

// methods are the ways in which the person can prove who they are.
func (v *visit) methods() ([]page.Method, error) {
	password, err := v.passwordMethod()
	if err != nil {
		return nil, err
	}
	methods := []page.Method{password}
	passkeys, ok, err := v.passkeyMethod()
	if err != nil {
		return nil, err
	}
	if ok {
		methods = []page.Method{passkeys, password}
	}
	factor, err := v.factorMethod()
	if err != nil {
		return nil, err
	}
	if factor != nil {
		methods = append(methods, *factor)
	}
	elsewhere, err := v.identityMethod()
	if elsewhere != nil {
		methods = append(methods, *elsewhere)
	}
	return methods, err
}

func (v *visit) passwordMethod() (page.Method, error) {
	method := page.Method{ID: "method-password", Title: v.words.T("login_password"), State: v.words.T("method_password_none"),
		Label: v.words.T("method_password_choose"), URL: v.address(pathPassword)}
	since, err := v.Passwords.Since(v.ctx(), v.Store, v.organization.ID, v.live.User.ID)
	if err == nil && !since.IsZero() {
		method.State, method.Label = v.words.T("method_password_since", "When", v.moment(since).Shown), v.words.T("account_password")
	}
	return method, err
}

func (v *visit) showPassword() { v.password(http.StatusOK, nil) }

func (v *visit) password(status int, problem *fault.Error) {
	v.SignIn.Render(v.c, status, page.AccountPassword{OwnAccount: v.shell(), Form: v.hidden(), Username: v.live.User.Username,
		MinLength: v.organization.Policies.PasswordMinimum(), BackURL: v.address(pathMethods), Fault: problem})
}

// postPassword changes the password. The present session goes on with a fresh token; every other one ends, with all that applications hold
// from before, and the person is told.
func (v *visit) postPassword() {
	if err := v.changePassword(); err != nil {
		v.failed(err, v.password)
		return
	}
	v.back(pathMethods, "password")
}

func (v *visit) changePassword() error {
	person, chosen := v.live.User, v.form.Get("new_password")
	if chosen != v.form.Get("new_password_confirmation") {
		return signin.ErrMismatch
	}
	same, err := v.Passwords.Matches(v.ctx(), person.OrgID, person.ID, chosen)
	if err != nil {
		return err
	}
	if same {
		return credential.ErrSame
	}
	hashed, err := v.Passwords.Hash(v.ctx(), v.organization, person, chosen)
	if err != nil {
		return err
	}
	return v.change(func(ctx context.Context, tx *store.Tx) error {
		hashed, err := v.Passwords.ChosenAfter(ctx, tx, person.OrgID, person.ID, v.live.Session.Methods, hashed)
		if err != nil {
			return err
		}
		if err := v.Passwords.Store(ctx, tx, v.actor(), person.OrgID, person.ID, hashed); err != nil {
			return err
		}
		if err := v.Users.CompleteAction(ctx, tx, person.OrgID, person.ID, user.ChangePassword); err != nil {
			return err
		}
		if err := v.Letters.PasswordChanged(ctx, tx, v.organization, person); err != nil {
			return err
		}
		return v.Sessions.EndAll(ctx, tx, v.actor(), person.OrgID, person.ID, v.live.Session.ID, "password changed")
	})
}
