package page

import (
	"context"
	"io"
)

// Logout asks whether to end the session (OpenID Connect RP-Initiated Logout 1.0 §2):
// field "decision" with "confirm", "everywhere" or "cancel".
type Logout struct {
	Frame
	Form
	Client   *Client // the application that asks; nil when the person came by themselves
	Username string  // whose session it is
}

// Render implements templ.Component.
func (v Logout) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }

// LoggedOut says that the session has ended, and lets the applications in Frames hear of it.
type LoggedOut struct {
	Frame
	Frames      []string // validated addresses (OpenID Connect Front-Channel Logout 1.0 §2)
	Client      *Client  // where ContinueURL leads; nil when nowhere
	ContinueURL string   // a registered post-logout address; "" when none
	LoginURL    string   // signs in again; "" shows no such link
}

// Render implements templ.Component.
func (v LoggedOut) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }
