package account

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
)

// ContinuationName is under which the pages register what happens after a sign-in.
const ContinuationName = "account"

// came is where somebody was sent to sign in from.
type came struct {
	From string `json:"from"`
}

// Continuation leads back to the page that demanded a sign-in.
type Continuation struct{}

// Complete implements login.Continuation.
func (r Continuation) Complete(_ context.Context, organization *org.Organization, t *login.Transaction, _ *session.Live, _ session.Browser) (login.Answer, error) {
	answer := login.Answer{RedirectURL: r.RestartURL(organization, t)}
	if t.Progress.AddressChanged {
		answer.RedirectURL += "?done=email"
	}
	return answer, nil
}

// Deny implements login.Continuation. Nothing is asked that could be refused.
func (r Continuation) Deny(_ context.Context, organization *org.Organization, t *login.Transaction) (login.Answer, error) {
	return login.Answer{RedirectURL: r.RestartURL(organization, t)}, nil
}

// LeadsTo implements login.Continuation: it never leaves us.
func (Continuation) LeadsTo(*login.Transaction) string { return "" }

// RestartURL implements login.Continuation. A page that a release did not know is not led to.
func (Continuation) RestartURL(organization *org.Organization, t *login.Transaction) string {
	var request came
	known := (&Account{}).places()
	if json.Unmarshal(t.Required.Request, &request) != nil || !slices.ContainsFunc(known, func(p place) bool { return p.path == request.From }) {
		request.From = pathProfile
	}
	return organization.Path(request.From)
}
