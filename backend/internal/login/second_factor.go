package login

import (
	"slices"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
)

// Factors are what is true of second factors: of the organization, and of the person the sign-in is about.
type Factors struct {
	Policy   org.SecondFactor // "" is as org.SecondFactorOff
	Enrolled bool             // the person has one that is no passkey
	// Passkey: the person has a passkey that signs them in, which is more than one factor by itself.
	Passkey bool
}

// Subject is whom the sign-in is about so far; uuid.Nil when that is nobody yet.
func (t *Transaction) Subject(browser session.Browser) uuid.UUID {
	if t.Progress.UserID != uuid.Nil {
		return t.Progress.UserID
	}
	if live := t.Live(browser); live != nil {
		return live.User.ID
	}
	return uuid.Nil
}

// secondFactor decides whether a person who proved themselves by methods must add another factor; "" when not. proved says
// that they did so in this transaction: nobody adds a factor with nothing but a session that began some time ago.
func (t *Transaction) secondFactor(factors Factors, methods []string, proved bool) Step {
	if factors.Policy == "" || factors.Policy == org.SecondFactorOff || slices.Contains(methods, session.MethodMultipleFactors) {
		return ""
	}
	required := t.Required.Requirement
	demanded := factors.Policy == org.SecondFactorRequired || required.SecondFactor || !session.Reach(methods, required.ACRValues) && session.Reach(withAnother(methods), required.ACRValues)
	switch {
	case factors.Enrolled && (proved || demanded || required.WantsMore(methods)):
		return SecondFactor
	case factors.Enrolled || !demanded:
		return ""
	case !proved, factors.Passkey: // who has a passkey uses it: a password alone does not add something beside it
		return Authenticate
	}
	return EnrolSecondFactor
}

// NeedsPasskey reports whether what was proved leads nowhere, because the person has a passkey and has to use it.
func (t *Transaction) NeedsPasskey(factors Factors) bool {
	return factors.Passkey && t.secondFactor(factors, t.Progress.Methods, true) == Authenticate
}

// withAnother is what methods become with another factor.
func withAnother(methods []string) []string {
	return append(slices.Clone(methods), session.MethodMultipleFactors)
}

// WantsMore reports whether the application wishes for a context (acr_values) that another factor reaches, before any that
// the methods reach.
func (r Requirement) WantsMore(methods []string) bool {
	for _, wish := range r.ACRWishes {
		switch {
		case session.Reach(methods, []string{wish}):
			return false
		case session.Reach(withAnother(methods), []string{wish}):
			return true
		}
	}
	return false
}

// SecondFactorProved reports that the person proved another factor: the authenticator app of the name, by methods.
func (t *Transaction) SecondFactorProved(factor uuid.UUID, live *session.Live, methods ...string) {
	if t.Progress.UserID == uuid.Nil || t.Progress.SessionID != uuid.Nil {
		// The first factor was proved when the session began; the session goes on, stronger.
		t.reset(Progress{Chosen: t.Progress.Chosen, UserID: live.User.ID, AuthenticatedAt: live.Session.AuthenticatedAt,
			Methods: slices.Clone(live.Session.Methods), Stronger: live.Session.ID, Consented: t.Progress.Consented})
		if live.Session.PasskeyID != uuid.Nil {
			t.Progress.Passkey = &Passkey{ID: live.Session.PasskeyID, AAGUID: live.Session.AAGUID}
		}
	}
	t.Progress.Factor = factor
	for _, method := range append(methods, session.MethodMultipleFactors) {
		if !slices.Contains(t.Progress.Methods, method) {
			t.Progress.Methods = append(t.Progress.Methods, method)
		}
	}
}
