package login

import (
	"time"

	"github.com/google/uuid"
)

// HandedOver is what was proved at the address at which an organization was before, for a sign-in at its present one.
type HandedOver struct {
	UserID          uuid.UUID `json:"user_id"`
	SessionID       uuid.UUID `json:"session_id"` // that began there; when it has ended, this counts no more
	AuthenticatedAt time.Time `json:"authenticated_at"`
	Methods         []string  `json:"methods"`
	Passkey         *Passkey  `json:"passkey,omitempty"`
}

// MayAskFormer reports whether proving oneself at the address before is another answer to what is asked next.
func (t *Transaction) MayAskFormer(facts Facts) bool {
	step := t.Next(facts)
	return step == Authenticate || step == SecondFactor
}

// AsksFormer reports that the browser goes to the address before with a request (its hash). It begins the time of the
// transaction anew.
func (t *Transaction) AsksFormer(request []byte, at time.Time) {
	t.CreatedAt = at
	t.Progress.HandOver = request
}

// ProvedAtFormer reports what the person proved at the address before. The session there is one that goes on here.
func (t *Transaction) ProvedAtFormer(proved HandedOver) {
	t.reset(Progress{Chosen: t.Progress.Chosen, UserID: proved.UserID, AuthenticatedAt: proved.AuthenticatedAt, Methods: proved.Methods,
		Passkey: proved.Passkey, Stronger: proved.SessionID})
}
