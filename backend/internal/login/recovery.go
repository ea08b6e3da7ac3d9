package login

import (
	"time"

	"github.com/google/uuid"
)

// RecoveryData is whose password somebody forgot, and what they typed to say so.
type RecoveryData struct {
	Typed  string    `json:"typed"`
	UserID uuid.UUID `json:"user_id"`         // uuid.Nil when there is nobody who could be written to
	Email  string    `json:"email,omitempty"` // where the code went
}

// WantsRecovery reports that somebody forgot a password. It begins the time of the transaction anew, because they wait
// for a mail now.
func (t *Transaction) WantsRecovery(proof MailProof, at time.Time) {
	t.CreatedAt = at
	t.reset(Progress{Chosen: t.Progress.Chosen, AnotherAccount: t.Progress.AnotherAccount, Identifier: t.Progress.Identifier, Recovery: &proof})
}

// ForgetRecovery goes back to where the password was forgotten.
func (t *Transaction) ForgetRecovery() { t.Progress.Recovery = nil }

// MayRecover reports whether the form for a forgotten password is another answer to the sign-in form.
func (t *Transaction) MayRecover(facts Facts) bool {
	return facts.RecoveryOpen && t.Progress.UserID == uuid.Nil && t.Next(facts) == Authenticate
}
