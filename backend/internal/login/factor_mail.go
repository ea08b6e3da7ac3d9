package login

import "time"

// WantsFactorMail reports that a mail is on its way with a code that is another factor. It begins the time of the transaction
// anew, because the person waits for it.
func (t *Transaction) WantsFactorMail(proof MailProof, at time.Time) {
	t.CreatedAt = at
	t.Progress.FactorMail = &proof
}
