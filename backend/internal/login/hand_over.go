package login

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/session"
)

// HandedOver is what was proved at the address at which an organization was before, for a sign-in at its present one.
type HandedOver struct {
	UserID          uuid.UUID `json:"user_id"`
	SessionID       uuid.UUID `json:"session_id"` // that is there; when it has ended, this counts no more
	Begun           bool      `json:"begun"`      // for nothing but this, so it ends when the session here begins
	AuthenticatedAt time.Time `json:"authenticated_at"`
	Methods         []string  `json:"methods"`
	Passkey         *Passkey  `json:"passkey,omitempty"`
}

// MayAskFormer reports whether proving oneself at the address before is another answer to what is asked next.
func (t *Transaction) MayAskFormer(facts Facts) bool {
	step := t.Next(facts)
	return step == Authenticate || step == SecondFactor
}

// AsksFormer reports that the browser goes to the address before. It begins the time of the transaction anew.
func (t *Transaction) AsksFormer(at time.Time) { t.CreatedAt = at }

// AskedOfFormer is what is demanded of a sign-in at the address before, for one that waits here: that the person whom it is about
// proves themselves anew.
func (t *Transaction) AskedOfFormer(facts Facts, at time.Time) Requirement {
	here := t.Required.Requirement
	asked := Requirement{AuthenticatedSince: at, UserID: t.Wanted(), WithoutTerms: here.WithoutTerms, LoginHint: here.LoginHint, UILocales: here.UILocales}
	if t.Next(facts) == SecondFactor {
		asked.UserID = t.Subject(facts.Browser)
	}
	return asked
}

// ProvedAtFormer reports what the person proved at the address before, and whether that is an answer to what is asked: who they
// are, or, of whom it is known, a passkey as another factor.
func (t *Transaction) ProvedAtFormer(facts Facts, proved HandedOver) bool {
	if t.Next(facts) != SecondFactor {
		t.reset(Progress{Chosen: t.Progress.Chosen, UserID: proved.UserID, AuthenticatedAt: proved.AuthenticatedAt, Methods: proved.Methods,
			Passkey: proved.Passkey, Stronger: proved.SessionID})
		if proved.Begun {
			t.Progress.Former = proved.SessionID
		}
		return true
	}
	if proved.Passkey == nil || proved.UserID != t.Subject(facts.Browser) {
		return false
	}
	methods := slices.DeleteFunc(slices.Clone(proved.Methods), func(method string) bool { return method == session.MethodPassword })
	t.SecondFactorProved(Another{Passkey: proved.Passkey}, t.Live(facts.Browser), methods...)
	if proved.Begun {
		t.Progress.Former = proved.SessionID
	}
	return true
}

// OffersNextPasskey reports that the person used a passkey of the address before, and has none of this one.
func (t *Transaction) OffersNextPasskey() { t.Progress.NextPasskey = true }

// NextPasskeyLater reports that the person makes no passkey of this address now.
func (t *Transaction) NextPasskeyLater() { t.Progress.NextPasskey = false }
