package account

import (
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// explainMail says to somebody who has neither app nor passkey what a code by mail is to them.
func (v *visit) explainMail(method *page.Method) error {
	if !v.organization.ProvesByMail() {
		return nil
	}
	since, err := v.Passwords.Since(v.ctx(), v.Store, v.organization.ID, v.live.User.ID)
	if err != nil || since.IsZero() {
		return err
	}
	proves, err := v.SignIn.ProvesByMail(v.ctx(), v.organization, v.live.User, []string{session.MethodPassword})
	if err != nil {
		return err
	}
	byLink, err := v.Passwords.ByLink(v.ctx(), v.Store, v.organization.ID, v.live.User.ID)
	switch {
	case proves:
		method.State = v.words.T("method_factor_mail", "Email", v.live.User.Email)
	case byLink:
		method.State = v.words.T("method_factor_mail_not")
	}
	return err
}
