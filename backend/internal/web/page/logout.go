package page

import (
	"context"
	"io"
)

// Logout asks whether to end the session (OpenID Connect RP-Initiated Logout 1.0 §2):
// field "decision" with "confirm", "all", "everywhere" or "cancel".
type Logout struct {
	Frame
	Form
	Client   *Client  // the application that asks; nil when the person came by themselves
	Username string   // whose session it is
	Others   []string // names of others who are signed in in this browser; "all" is for them too
}

// Render implements templ.Component.
func (v Logout) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }

// LoggedOut says that the session has ended, and lets the applications in Frames hear of it.
type LoggedOut struct {
	Frame
	Frames      []string // validated addresses (OpenID Connect Front-Channel Logout 1.0 §2)
	Client      *Client  // where ContinueURL leads; nil when that is one of our own pages, or nowhere
	ContinueURL string   // a registered post-logout address, or a page of ours; "" when none
	Others      []string // names of those who are still signed in in this browser
	AccountsURL string   // shows their accounts; "" shows no such link
	LoginURL    string   // signs in again; "" shows no such link
}

// goOn says where ContinueURL leads.
func (v LoggedOut) goOn() string {
	if v.Client == nil {
		return v.Text.T("logged_out_accounts")
	}
	return v.clientSays("logged_out_continue", v.Client)
}

// Render implements templ.Component.
func (v LoggedOut) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }
