package page

import (
	"context"
	"io"

	"github.com/clavex/clavex/backend/internal/fault"
)

// Device asks for the code that another device shows: field "user_code" (RFC 8628 §3.3).
type Device struct {
	Frame
	Form
	UserCode string       // what was typed before, or came with the address
	Fault    *fault.Error // why the last code led nowhere; nil at first
}

// Render implements templ.Component.
func (v Device) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }

// lead says what to do: a code that came with the address is compared, not typed.
func (v Device) lead() string {
	if v.UserCode != "" && v.Fault == nil {
		return v.Text.T("device_lead_code")
	}
	return v.Text.T("device_lead")
}

// Decided ends the visit of a person who decided about a request that was begun elsewhere.
type Decided struct {
	Frame
	Application bool // asked, not another device
	Allowed     bool
	MoreURL     string // of other requests that wait; "" when there is no such page
}

// Render implements templ.Component.
func (v Decided) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }

func (v Decided) heading() string {
	switch {
	case v.Application && v.Allowed:
		return v.Text.T("approval_allowed_title")
	case v.Application:
		return v.Text.T("approval_denied_title")
	case v.Allowed:
		return v.Text.T("device_allowed_title")
	}
	return v.Text.T("device_denied_title")
}

func (v Decided) text() string {
	switch {
	case v.Application && v.Allowed:
		return v.Text.T("approval_allowed_text")
	case v.Application:
		return v.Text.T("approval_denied_text")
	case v.Allowed:
		return v.Text.T("device_allowed_text")
	}
	return v.Text.T("device_denied_text")
}
