package page

import (
	"context"
	"io"
)

// Home tells a signed-in person who they are here.
type Home struct {
	Frame
	Name        string // "" leaves the line out
	Username    string
	Email       string   // "" leaves the line out
	Others      []string // names of others who are signed in in this browser
	AccountsURL string   // lets the person use another account; "" shows no such link
	AccountURL  string   // of the pages of their account; "" shows no such link
	LogoutURL   string

	ApprovalsURL string // where requests wait for the person; "" when none does
	Accepted     string // what authenticators are told of the person's passkeys; "" for nothing
}

// accounts says what the page of accounts is good for.
func (v Home) accounts() string {
	if len(v.Others) > 0 {
		return v.Text.T("home_switch")
	}
	return v.Text.T("accounts_another")
}

// Render implements templ.Component.
func (v Home) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }

// FormPost sends an authorization response to the application by a form that submits
// itself (OAuth 2.0 Form Post Response Mode §2), with a button for those without script.
type FormPost struct {
	Frame
	Client Client  // a zero value speaks of "the application"
	Action string  // the redirect URI; anything but http(s) is not followed
	Fields []Field // the response's parameters
}

// Render implements templ.Component.
func (v FormPost) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }

// Leaving is what is seen while the browser moves on to the application by a Refresh
// header, with a link for those who switched such refreshes off.
type Leaving struct {
	Frame
	Client Client // a zero value speaks of "the application"
	URL    string // absolute http(s); any other scheme is not followed
	// Accepted is what authenticators are told of the person's passkeys; "" for nothing.
	Accepted string
}

// Render implements templ.Component.
func (v Leaving) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }

// leavingFor is the heading of the pages that lead back to an application.
func (f Frame) leavingFor(c *Client) string {
	if c.Name == "" {
		return f.Text.T("post_title_unnamed")
	}
	return f.clientSays("post_title", c)
}

// Expired says that a sign-in waited too long and how to start again, or that it is over.
type Expired struct {
	Frame
	RestartURL string  // starts the same sign-in again; "" when that is not possible
	Completed  bool    // it did not wait too long: it was completed
	Client     *Client // where ReturnURL leads
	ReturnURL  string  // the application; "" asks to go back there
	HomeURL    string  // the organization's own page; "" shows no such link
}

// Render implements templ.Component.
func (v Expired) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }

// heading does not claim that time ran out when nothing is known of the sign-in: most who see that went
// back after they had completed it.
func (v Expired) heading() string {
	if v.RestartURL == "" {
		return v.Text.T("ended_title")
	}
	return v.Text.T("expired_title")
}

// ended says as much as is known about how it ended.
func (v Expired) ended() string {
	if v.Completed {
		return v.Text.T("ended_completed")
	}
	return v.Text.T("ended_text")
}
