package page

import (
	"context"
	"io"

	"github.com/clavex/clavex/backend/internal/fault"
)

// Approvals shows a person what applications ask of them through the back channel (CIBA Core 1.0). Each request is
// opened by a form with the field "request"; the decision is taken on the page of consent.
type Approvals struct {
	Frame
	Requests []Approval // the newest first
	AgainURL string     // of this page
	Fault    *fault.Error
}

// Approval is one of the requests.
type Approval struct {
	Consent // Elsewhere is set; Username only where several people are signed in
	ID      string
}

// Render implements templ.Component.
func (v Approvals) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }

func (v Approvals) heading() string {
	if len(v.Requests) == 0 {
		return v.Text.T("approvals_none")
	}
	return v.Text.T("approvals_title")
}
