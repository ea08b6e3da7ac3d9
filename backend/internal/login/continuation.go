package login

import (
	"context"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
)

// Answer is what a continuation tells the browser: a redirect, or a form that posts itself
// (OAuth 2.0 Form Post Response Mode).
type Answer struct {
	RedirectURL string    // where to go; "" when FormPost is set
	FormPost    *FormPost //
	ClientID    string    // client_id of the application that it is for
	// Sessions are those whose browser state the answer tells of (session_state); empty when it tells of none.
	Sessions []uuid.UUID
}

// FormPost is a form to be posted to a client.
type FormPost struct {
	Action string
	Fields []Field
}

// Field is a form field; the order is kept.
type Field struct{ Name, Value string }

// Continuation is what happens after a sign-in. A protocol registers one under the name it uses in
// Required.Continuation.
type Continuation interface {
	// Complete answers the protocol's request in the name of the person of live, one of the browser's sessions. The
	// transaction has been finished: it is called once.
	Complete(ctx context.Context, organization *org.Organization, transaction *Transaction, live *session.Live, browser session.Browser) (Answer, error)
	// Deny answers that the person refused. The transaction has been finished.
	Deny(ctx context.Context, organization *org.Organization, transaction *Transaction) (Answer, error)
	// LeadsTo is the validated address that answers go to, for the form-action of pages; "" when that is us.
	LeadsTo(transaction *Transaction) string
	// RestartURL begins the same request anew, for the page that says a sign-in expired; "" when it cannot.
	RestartURL(organization *org.Organization, transaction *Transaction) string
}
