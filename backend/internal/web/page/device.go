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

// DeviceDone ends the visit of a person who decided about another device.
type DeviceDone struct {
	Frame
	Allowed bool
}

// Render implements templ.Component.
func (v DeviceDone) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }

func (v DeviceDone) heading() string {
	if v.Allowed {
		return v.Text.T("device_allowed_title")
	}
	return v.Text.T("device_denied_title")
}

func (v DeviceDone) text() string {
	if v.Allowed {
		return v.Text.T("device_allowed_text")
	}
	return v.Text.T("device_denied_text")
}
