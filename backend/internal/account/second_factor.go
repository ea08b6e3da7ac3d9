package account

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/web/letter"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// ErrFactorRequired is the answer to removing the factor that the organization demands.
var ErrFactorRequired = fault.New(fault.Conflict, "second_factor_required", "The organization demands a second factor.")

// person is the visitor, as whoever adds a factor.
func (v *visit) person() credential.Person {
	return credential.Person{OrgID: v.organization.ID, UserID: v.live.User.ID, BrowserHash: v.live.Session.BrowserHash}
}

// where binds what is being added to the session.
func (v *visit) where() string { return v.live.Session.ID.String() }

// factorMethod is the authenticator app among the ways to sign in; nil where nobody is asked for one.
func (v *visit) factorMethod() (*page.Method, error) {
	if v.factors == org.SecondFactorOff {
		return nil, nil
	}
	method := &page.Method{ID: "method-authenticator", Title: v.words.T("account_factor"), State: v.words.T("method_factor_none"),
		Label: v.words.T("method_factor_add"), URL: v.address(pathFactor)}
	found, err := v.SecondFactors.Of(v.ctx(), v.Store, v.organization.ID, v.live.User.ID)
	if err == nil && found == nil {
		var passkeys bool
		if passkeys, err = v.SignIn.HasPasskey(v.ctx(), v.organization, v.live.User.ID, time.Time{}); passkeys {
			method.State = v.words.T("method_factor_passkeys")
		} else if err == nil {
			err = v.explainMail(method)
		}
	}
	if err == nil && found != nil {
		method.State, method.Label = v.words.T("method_factor_since", "When", v.moment(found.AddedAt).Shown), v.words.T("method_factor_manage")
	}
	return method, err
}

func (v *visit) showFactor() { v.factor(http.StatusOK, "", nil, nil) }

// factor shows what there is, or lets the person add it: with what was begun before, or anew.
func (v *visit) factor(status int, begun string, fresh []string, problem *fault.Error) {
	view := page.AccountSecondFactor{OwnAccount: v.shell(), Form: v.hidden(), Codes: fresh, BackURL: v.address(pathMethods), Fault: problem}
	found, err := v.SecondFactors.Of(v.ctx(), v.Store, v.organization.ID, v.live.User.ID)
	switch {
	case err != nil:
	case found != nil:
		view.Added, view.LastUsed, view.CodesLeft = v.moment(found.AddedAt), v.moment(found.LastUsedAt), found.CodesLeft
	case v.factors == org.SecondFactorOff:
		err = credential.ErrFactorMissing
	default:
		var seed credential.Seed
		if seed, err = v.SecondFactors.Begun(v.person(), v.where(), begun); err != nil {
			seed, begun, err = v.SecondFactors.Begin(v.person(), v.where())
		}
		view.Enrolment = &page.Enrolment{URI: seed.URI(v.organization.DisplayName, v.live.User.Username), Secret: seed.Text(), Kept: begun}
	}
	if err != nil {
		v.SignIn.Error(v.c, err)
		return
	}
	v.SignIn.Render(v.c, status, view)
}

// postFactor adds the app, makes new recovery codes, or removes the app. Each is told of by mail.
func (v *visit) postFactor() {
	var codes []string
	begun := v.form.Get("enrolment")
	done := ""
	err := v.change(func(ctx context.Context, tx *store.Tx) (err error) {
		change := letter.FactorAdded
		switch v.form.Get("do") {
		case "codes":
			change = letter.CodesMade
			codes, err = v.SecondFactors.NewCodes(ctx, tx, v.actor(), v.person())
		case "remove":
			change, done = letter.FactorRemoved, "factor_removed"
			if v.factors == org.SecondFactorRequired {
				if another, err := v.passkeyLeft(ctx, tx); err != nil || !another {
					return cmp.Or(err, error(ErrFactorRequired))
				}
			}
			err = v.SecondFactors.Remove(ctx, tx, v.actor(), v.organization.ID, v.live.User.ID)
			if err == nil { // elsewhere it may have been what a session began with
				_, err = v.Sessions.EndOthers(ctx, tx, v.actor(), v.organization.ID, v.live.User.ID, v.live.Session.ID, "second factor removed")
			}
		default:
			codes, err = v.addFactor(ctx, tx, begun)
			if err == nil { // whoever knows the password already may be signed in elsewhere, without the app
				_, err = v.Sessions.EndOthers(ctx, tx, v.actor(), v.organization.ID, v.live.User.ID, v.live.Session.ID, "second factor added")
			}
		}
		if err != nil {
			return err
		}
		return v.Letters.FactorChanged(ctx, tx, v.organization, v.live.User, change)
	})
	switch {
	case err != nil:
		v.failed(err, func(status int, problem *fault.Error) { v.factor(status, begun, nil, problem) })
	case done != "":
		v.back(pathMethods, done)
	default:
		v.factor(http.StatusOK, "", codes, nil)
	}
}

func (v *visit) addFactor(ctx context.Context, tx *store.Tx, begun string) ([]string, error) {
	seed, err := v.SecondFactors.Begun(v.person(), v.where(), begun)
	if err != nil {
		return nil, err
	}
	_, codes, err := v.SecondFactors.Confirm(ctx, tx, v.actor(), v.person(), seed, v.form.Get("code"))
	return codes, err
}
