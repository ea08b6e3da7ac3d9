package page

import (
	"context"
	"io"

	"github.com/clavex/clavex/backend/internal/fault"
)

// Error says what went wrong, what to do, and the number under which we find it again.
type Error struct {
	Frame
	Fault       *fault.Error
	Detail      string  // for whoever operates the application: English, technical, safe; "" when none
	RequestID   string  // "" leaves the line out
	Client      *Client // where ContinueURL leads
	ContinueURL string  // a safe way back to the application; "" when none
	RetryURL    string  // tries the same again; "" when pointless
}

// Render implements templ.Component.
func (v Error) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }

func (v Error) heading() string {
	switch {
	case v.Fault.Kind == fault.NotFound:
		return v.Text.T("error_title_not_found")
	case v.Fault.Kind == fault.Unavailable, v.Fault.Kind == fault.RateLimited:
		return v.Text.T("error_title_unavailable")
	case fromApplication(v.Fault.Code):
		return v.Text.T("error_title_application")
	default:
		return v.Text.T("error_title")
	}
}

// fromApplication reports whether the application, not the person, has to mend it
// (RFC 6749 §4.1.2.1, RFC 7591 §3.2.2).
func fromApplication(code string) bool {
	switch code {
	case "invalid_request", "invalid_client", "invalid_redirect_uri", "unauthorized_client",
		"unsupported_response_type", "invalid_scope":
		return true
	default:
		return false
	}
}

// mayRepeat reports whether the same could happen again without anybody doing something
// wrong, so that it is worth a report.
func (v Error) mayRepeat() bool {
	return v.RequestID != "" && v.Fault.Kind != fault.NotFound && v.Fault.Code != "access_denied"
}

func (v Error) report() string {
	if v.name() == "" {
		return v.Text.T("error_report_nobody")
	}
	return v.organizationSays("error_report")
}
