package page

import (
	"context"
	"io"

	"github.com/clavex/clavex/backend/internal/fault"
)

// Login asks for username and password: fields "username" and "password".
type Login struct {
	Frame
	Form
	Client            *Client      // nil when nobody but the organization asks
	Username          string       // what was typed before, or login_hint
	Chosen            bool         // the username was chosen on the page of accounts and stays
	AccountsURL       string       // leads back to that page by a form, field "account" with "again"; "" shows no such way
	ForgotPasswordURL string       // where another password is chosen; "" shows no such way
	MagicLinkURL      string       // where a sign-in by mail begins; "" shows no such way
	SignUpURL         string       // where an account is made; "" shows no such way
	Passkey           *Passkey     // nil where nobody signs in with passkeys
	FormerPasskey     *Passkey     // of the address before, where browsers let people use those here; nil without one
	Former            *Link        // the address before, where passkeys of there still work; nil when none is served
	Providers         []Link       // where people may sign in elsewhere
	IdentifierFirst   bool         // the first page of two: the proof is asked for on the next
	Linking           string       // the account elsewhere that is linked to whoever signs in; "" for none
	Again             bool         // the person is signed in, and proves once more who they are before they change something
	Work              *ProofOfWork // nil unless the form needs an answer to a challenge
	Stay              *Stay        // nil where nobody is asked whether they stay signed in
	Fault             *fault.Error // why the last attempt failed; nil at first
}

// Render implements templ.Component.
func (v Login) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }

// The three places where the focus may start. An error that a field explains takes the
// focus to that field, which reads the error aloud as its description; any other error
// takes it to itself.
const (
	focusUsername = "username"
	focusPassword = "password"
	focusNotice   = "notice"
)

func (v Login) focus() string {
	switch {
	case v.Fault == nil && (v.Username == "" || v.IdentifierFirst), about(v.Fault, "username"):
		return focusUsername
	case v.IdentifierFirst:
		return focusNotice
	case v.Fault == nil, about(v.Fault, "password"), v.Fault.Kind == fault.Unauthenticated && !about(v.Fault, "passkey"):
		return focusPassword
	default:
		return focusNotice
	}
}

// autocomplete lets browsers offer passkeys in the field of the username, too (WebAuthn Level 3 §5.8.7).
func (v Login) autocomplete() string {
	if v.Passkey != nil {
		return "username webauthn"
	}
	return "username"
}

// invalid reports whether the field with the focus is what was wrong.
func (v Login) invalid(field string) bool { return v.Fault != nil && v.focus() == field }
