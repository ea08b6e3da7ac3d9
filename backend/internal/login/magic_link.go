package login

import (
	"time"

	"github.com/google/uuid"
)

// WantsMagicLink reports that somebody wants to sign in by mail. It begins the time of the transaction anew, because they
// wait for a mail now.
func (t *Transaction) WantsMagicLink(proof MailProof, at time.Time) {
	t.CreatedAt = at
	t.reset(Progress{Chosen: t.Progress.Chosen, AnotherAccount: t.Progress.AnotherAccount, Identifier: t.Progress.Identifier, MagicLink: &proof})
}

// ForgetMagicLink goes back to where the sign-in by mail was asked for.
func (t *Transaction) ForgetMagicLink() { t.Progress.MagicLink = nil }

// MayUseMagicLink reports whether the form of signing in by mail is another answer to the sign-in form.
func (t *Transaction) MayUseMagicLink(facts Facts) bool {
	return facts.MagicLinksOpen && t.Progress.UserID == uuid.Nil && t.Next(facts) == Authenticate
}

// ReadMailbox reports that the person reads the mail of their account. RFC 8176 has no name for it, so it is no method.
func (t *Transaction) ReadMailbox(userID uuid.UUID, address string, at time.Time) {
	t.reset(Progress{Chosen: t.Progress.Chosen, UserID: userID, AuthenticatedAt: at, Methods: []string{}, Mailbox: address})
}
