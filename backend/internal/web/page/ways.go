package page

import (
	"context"
	"io"

	"github.com/clavex/clavex/backend/internal/fault"
)

// First is what the second page of a sign-in shows first.
type First string

// The ways that may stand first.
const (
	FirstPasskey  First = "passkey"
	FirstPassword First = "password"
	FirstProvider First = "provider"
	FirstMail     First = "mail"
)

// Ways asks whoever was identified on the page before (Username) for a proof. It has the same ways for everybody, but for what
// stands first, and a provider that stands there: field "password", with "username" as it was shown.
type Ways struct {
	Login
	First     First
	Provider  *Link  // with FirstProvider
	ChangeURL string // back to the page before; "" where nobody else is wanted
	Mail      *Form  // sends a mail at once; nil where MagicLinkURL is the way to do so, or there is none
}

// Render implements templ.Component.
func (v Ways) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }

func (v Ways) focus() string {
	switch {
	case v.Fault == nil && v.First == FirstPassword, about(v.Fault, "password"), v.Fault != nil && v.Fault.Kind == fault.Unauthenticated && !about(v.Fault, "passkey"):
		return focusPassword
	case v.Fault == nil:
		return ""
	}
	return focusNotice
}

// class of the button below the password, which is not the first thing on some pages.
func (v Ways) class() string {
	if v.First == FirstPasskey && v.Passkey != nil || v.First == FirstProvider && v.Provider != nil || v.First == FirstMail && v.Mail != nil {
		return "plain"
	}
	return ""
}
