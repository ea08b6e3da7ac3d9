package page

import (
	"context"
	"io"
	"strings"

	"github.com/clavex/clavex/backend/internal/fault"
)

// SignUp asks who a person is, to make an account: fields "email", "given_name", "family_name" and "new_password". The
// field "instead" with "sign_in" leads to the sign-in form.
type SignUp struct {
	Frame
	Form
	Client                       *Client      // nil when nobody but the organization asks
	Email, GivenName, FamilyName string       // what was typed before, or login_hint
	Domains                      []string     // that addresses must be of; empty: any
	MinLength                    int          // characters of a password, shown as a hint
	Passkeys                     bool         // a passkey may be made instead: field "with" with "passkey"
	Stay                         *Stay        // nil where nobody is asked whether they stay signed in
	Work                         *ProofOfWork // nil unless the form needs an answer to a challenge
	Fault                        *fault.Error
}

// Render implements templ.Component.
func (v SignUp) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }

// The fields where the focus may start.
const (
	focusEmail       = "email"
	focusGivenName   = "given_name"
	focusNewPassword = "new_password"
	focusCode        = "code"
)

func (v SignUp) focus() string {
	switch {
	case about(v.Fault, "email"):
		return focusEmail
	case about(v.Fault, "given_name"):
		return focusGivenName
	case about(v.Fault, "password"):
		return focusNewPassword
	case v.Fault != nil:
		return focusNotice
	case v.Email != "":
		return focusGivenName
	}
	return focusEmail
}

func (v SignUp) invalid(field string) bool { return v.Fault != nil && v.focus() == field }

// described is the list of ids that explain a field; hint is one that always does, "" for none.
func (v SignUp) described(field, hint string) string {
	if v.invalid(field) {
		return strings.TrimSpace("notice " + hint)
	}
	return hint
}

func (v SignUp) domainsHint() string {
	if len(v.Domains) == 0 {
		return ""
	}
	return "email-hint"
}

// Purpose is what the code of a mail is for.
type Purpose string

// The purposes.
const (
	NewAccount        Purpose = ""
	ForgottenPassword Purpose = "forgot-password"
	AnotherAddress    Purpose = "address"
	OwnAddress        Purpose = "own-address" // of the account, because it is required
	MagicLink         Purpose = "magic-link"
)

// ConfirmCode asks for the code of a mail: field "code"; the field "resend" has another mail sent. At BackURL the field
// "instead" leads back ("again").
type ConfirmCode struct {
	Frame
	Form
	Client    *Client
	For       Purpose
	BackURL   string
	Account   string       // where the mail went, or whose it is
	Code      string       // what was typed before, or stood in the link
	Again     bool         // another mail has just been sent
	MayResend bool         // another one may be asked for
	Work      *ProofOfWork // nil unless asking for another one needs an answer to a challenge
	Fault     *fault.Error
}

// Render implements templ.Component.
func (v ConfirmCode) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }

func (v ConfirmCode) reason() string {
	if v.For == ForgottenPassword || v.For == MagicLink {
		return v.Text.T("recover_reason", "Account", clean(v.Account))
	}
	return v.Text.T("confirm_reason", "Email", clean(v.Account))
}

func (v ConfirmCode) submit() (label, wait string) {
	switch v.For {
	case ForgottenPassword:
		return v.Text.T("sign_up_submit"), v.Text.T("sign_up_busy")
	case AnotherAddress:
		return v.Text.T("address_submit"), v.Text.T("password_busy")
	case OwnAddress:
		return v.Text.T("verify_email_submit"), v.Text.T("password_busy")
	case MagicLink:
		return v.Text.T("login_submit"), v.Text.T("login_busy")
	}
	return v.Text.T("confirm_submit"), v.Text.T("confirm_busy")
}

func (v ConfirmCode) other() (id, label string) {
	switch v.For {
	case ForgottenPassword:
		return "forgot-password-again", v.Text.T("recover_other")
	case MagicLink:
		return "magic-link-again", v.Text.T("recover_other")
	case AnotherAddress:
		return "address-again", v.Text.T("confirm_other")
	case OwnAddress:
		return "address-again", v.Text.T("verify_email_back")
	}
	return "sign-up-again", v.Text.T("confirm_other")
}

func (v ConfirmCode) focus() string {
	if v.Fault == nil || about(v.Fault, "code") {
		return focusCode
	}
	return focusNotice
}

func (v ConfirmCode) described() string {
	if v.Fault != nil && v.focus() == focusCode {
		return "notice code-hint"
	}
	return "code-hint"
}

// back is the hidden part of the form that leads back, which goes elsewhere.
func (v ConfirmCode) back() Form {
	back := v.Form
	back.Action = v.BackURL
	return back
}

// OtherBrowser says that a link of a mail was opened in another browser than the one it belongs to.
type OtherBrowser struct{ Frame }

// Render implements templ.Component.
func (v OtherBrowser) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }

// ForgotPassword asks whose password is forgotten, or who wants to sign in by mail: field "username". The field "instead" with "sign_in" leads to the
// sign-in form.
type ForgotPassword struct {
	Frame
	Form
	Client   *Client
	For      Purpose      // ForgottenPassword or MagicLink
	Username string       // what was typed before, at this or the sign-in form
	Stay     *Stay        // nil where nobody is asked whether they stay signed in
	Work     *ProofOfWork // nil unless the form needs an answer to a challenge
	Fault    *fault.Error
}

// Render implements templ.Component.
func (v ForgotPassword) Render(ctx context.Context, w io.Writer) error {
	return v.page().Render(ctx, w)
}

func (v ForgotPassword) focus() string {
	if v.Fault == nil || about(v.Fault, "username") {
		return focusUsername
	}
	return focusNotice
}

func (v ForgotPassword) id() string {
	if v.For == MagicLink {
		return string(MagicLink)
	}
	return string(ForgottenPassword)
}

func (v ForgotPassword) words() (title, reason, back string) {
	if v.For == MagicLink {
		return v.Text.T("magic_link_title"), v.Text.T("magic_link_reason"), v.Text.T("magic_link_back")
	}
	return v.Text.T("forgot_title"), v.Text.T("forgot_reason"), v.Text.T("forgot_sign_in")
}
