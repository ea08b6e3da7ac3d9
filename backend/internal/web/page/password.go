package page

import (
	"context"
	"io"

	"github.com/clavex/clavex/backend/internal/fault"
)

// ChangePassword asks for a new password, twice: fields "new_password" and
// "new_password_confirmation".
type ChangePassword struct {
	Frame
	Form
	Username string   // for the password manager, and so that the person sees whose it is
	First    bool     // there was no password before
	Invited  bool     // the account was made for them a moment ago
	Passkey  *Passkey // what may be made instead; nil for nothing
	// MayLosePasskeys: the person may say that their passkeys are lost, field "passkeys_lost"
	MayLosePasskeys bool
	MinLength       int          // characters, shown as a hint
	Fault           *fault.Error // why the last attempt failed; nil at first
}

// Render implements templ.Component.
func (v ChangePassword) Render(ctx context.Context, w io.Writer) error {
	return v.page().Render(ctx, w)
}

func (v ChangePassword) heading() string {
	if v.Invited {
		return v.organizationSays("invitation_title")
	}
	if v.First {
		return v.Text.T("password_first_title")
	}
	return v.Text.T("password_title")
}

func (v ChangePassword) reason() string {
	if v.Invited {
		return v.organizationSays("invitation_reason")
	}
	if v.First {
		return v.organizationSays("password_first_reason")
	}
	return v.organizationSays("password_reason")
}

// aboutPassword reports whether the fault lies in what was typed; the focus then starts in
// the first field, because both are empty again.
func (v ChangePassword) aboutPassword() bool {
	return about(v.Fault, "new_password", "new_password_confirmation", "password")
}

// described is the list of ids that explain the new password.
func (v ChangePassword) described() string {
	if v.aboutPassword() {
		return "notice password-hint"
	}
	return "password-hint"
}
