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
	// Passkey: the person has a passkey. It signs them in alone, which is more than one factor, and it is another factor
	// after whatever else they proved.
	Passkey bool
	// Mailbox: a code of a mail is another factor of the person, who has neither of these. They are asked for it where one
	// is demanded or wished for, and nowhere else.
	Mailbox bool
	// Explicit: a role of the person or the application demands another factor of each session, not merely the organization
	// of everybody: a remembered device does not do.
	Explicit bool
	// Remembered is the device on which the person is not asked again, for the first factor that they just proved or the
	// session that they have; uuid.Nil: none.
	Remembered uuid.UUID
}

// any reports whether the person has another factor than the one they proved.
func (f Factors) any() bool { return f.Enrolled || f.Passkey }

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
	required, demanded := t.Required.Requirement, t.demandsAnother(factors, methods)
	if t.Remembers(factors, methods) {
		return ""
	}
	switch {
	case factors.any() && (proved || demanded || required.WantsMore(methods, factors)):
		return SecondFactor
	case factors.Mailbox && (demanded || required.WantsMore(methods, factors)):
		return SecondFactor
	case factors.any() || !demanded:
		return ""
	case !proved:
		return Authenticate
	}
	return EnrolSecondFactor
}

// demandsAnother reports whether nothing less than another factor does.
func (t *Transaction) demandsAnother(factors Factors, methods []string) bool {
	required := t.Required.Requirement
	if t.Progress.Linking != nil && factors.any() { // whoever links an account opens a way in for good
		return true
	}
	return factors.Policy == org.SecondFactorRequired || required.SecondFactor || !session.Reach(methods, required.ACRValues) && factors.reach(methods, required.ACRValues)
}

// Remembers reports whether a remembered device stands for another factor: where nothing but the organization's policy for
// everybody asks for one. What a role, the application, an authentication context or a page of the account demands is proved.
func (t *Transaction) Remembers(factors Factors, methods []string) bool {
	required := t.Required.Requirement
	return factors.Remembered != uuid.Nil && t.Progress.Linking == nil && !factors.Explicit && !required.NotRemembered && !required.WantsMore(methods, factors) &&
		(session.Reach(methods, required.ACRValues) || !factors.reach(methods, required.ACRValues))
}

// OffersCode reports whether a code of their app leads the person to what is demanded, or nothing else does either.
func (t *Transaction) OffersCode(factors Factors, methods []string) bool {
	demanded := t.Required.Requirement.ACRValues
	return factors.Enrolled && (!factors.Passkey || len(demanded) == 0 || session.Reach(withAnother(methods), demanded))
}

// MayLosePasskeys reports whether whoever reads the mail of the account, or was given a link by an administrator, may say that its
// passkeys are lost instead of proving one, when they choose a password: where nothing demands another factor and the person
// has no app. Otherwise nobody who lost their device would come back without an administrator.
func (t *Transaction) MayLosePasskeys(factors Factors) bool {
	return len(t.Progress.OneTimeLink) > 0 && factors.Passkey && !factors.Enrolled && !t.demandsAnother(factors, t.Progress.Methods)
}

// withAnother is what methods become with another factor.
func withAnother(methods []string, further ...string) []string {
	return append(append(slices.Clone(methods), further...), session.MethodMultipleFactors)
}

// reach reports whether methods amount to one of the values of acr with another factor that the person has, or could add.
func (f Factors) reach(methods, values []string) bool {
	return session.Reach(withAnother(methods), values) || f.Passkey && session.Reach(withAnother(methods, session.MethodHardwareKey), values)
}

// WantsMore reports whether the application wishes for a context (acr_values) that another factor reaches, before any that
// the methods reach.
func (r Requirement) WantsMore(methods []string, factors Factors) bool {
	for _, wish := range r.ACRWishes {
		switch {
		case session.Reach(methods, []string{wish}):
			return false
		case factors.reach(methods, []string{wish}):
			return true
		}
	}
	return false
}

// Another is the other factor that a person proved: one of its members.
type Another struct {
	App     uuid.UUID // the authenticator app, or a recovery code in its place
	Passkey *Passkey
	Mailbox string // the address whose mail was read
}

// SecondFactorProved reports that the person proved another factor, by methods.
func (t *Transaction) SecondFactorProved(another Another, live *session.Live, methods ...string) {
	if t.Progress.UserID == uuid.Nil || t.Progress.SessionID != uuid.Nil {
		// The first factor was proved when the session began; the session goes on, stronger.
		t.reset(Progress{Chosen: t.Progress.Chosen, UserID: live.User.ID, AuthenticatedAt: live.Session.AuthenticatedAt,
			Methods: slices.Clone(live.Session.Methods), Stronger: live.Session.ID, Consented: t.Progress.Consented})
		if live.Session.PasskeyID != uuid.Nil {
			t.Progress.Passkey = &Passkey{ID: live.Session.PasskeyID, AAGUID: live.Session.AAGUID}
		}
	}
	t.Progress.Factor, t.Progress.FactorMailbox, t.Progress.FactorMail = another.App, another.Mailbox, nil
	if another.Passkey != nil {
		t.Progress.Passkey = another.Passkey
	}
	for _, method := range withAnother(methods) {
		if !slices.Contains(t.Progress.Methods, method) {
			t.Progress.Methods = append(t.Progress.Methods, method)
		}
	}
}
