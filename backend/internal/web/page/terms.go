package page

import (
	"context"
	"io"

	"github.com/clavex/clavex/backend/internal/fault"
)

// Terms asks a person to accept the terms of the organization: the field "accept" has the version that is shown, "decision"
// with "decline" declines.
type Terms struct {
	Frame
	Form
	Client     *Client // nil when nobody but the organization asks
	Username   string
	Version    string
	Changed    bool   // the person accepted an earlier version
	Language   string // of title and text
	Title, URL string // URL is "" when the text says it all
	Paragraphs []string
	Since      string // when they came into force
	DataURL    string // where people who decline take their data with them, or leave
	Fault      *fault.Error
}

// Render implements templ.Component.
func (v Terms) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }

func (v Terms) lead() string {
	if v.Changed {
		return v.Text.T("terms_changed_lead", "Organization", v.Organization.Name, "Username", clean(v.Username))
	}
	return v.Text.T("terms_lead", "Organization", v.Organization.Name, "Username", clean(v.Username))
}

// AccountTerms lists what a person accepted of the terms of the organization.
type AccountTerms struct {
	OwnAccount
	Accepted []AcceptedTerms
}

// AcceptedTerms is a version that a person accepted.
type AcceptedTerms struct {
	Version, Language, Title, URL string
	At                            Moment
}

// Render implements templ.Component.
func (v AccountTerms) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }
