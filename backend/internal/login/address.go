package login

import (
	"time"

	"github.com/google/uuid"
)

// AddressData is an e-mail address that somebody who is signed in is about to prove, to have it in their account.
type AddressData struct {
	UserID uuid.UUID `json:"user_id"`
	Email  string    `json:"email"`
	Own    bool      `json:"own,omitempty"` // it is that of their account already
}

// WantsAddress reports that the signed-in person said which address is to be theirs. It begins the time of the transaction
// anew, because they wait for a mail now.
func (t *Transaction) WantsAddress(proof MailProof, at time.Time) {
	t.CreatedAt = at
	t.Progress.Address = &proof
}

// ForgetAddress gives up the address that was to be proved.
func (t *Transaction) ForgetAddress() { t.Progress.Address = nil }

// AddressProved reports that the address is the person's now.
func (t *Transaction) AddressProved() { t.Progress.Address, t.Progress.AddressChanged = nil, true }

// OwnAddressProved reports that the person reads the mail of the address that their account has.
func (t *Transaction) OwnAddressProved() { t.Progress.Address = nil }
