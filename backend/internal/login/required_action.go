package login

import (
	"slices"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/user"
)

// Doable says which required actions people can do at an organization now. The others wait: nobody is locked out by what
// cannot be done.
type Doable struct {
	VerifyEmail  bool // mail is sent
	EnrolPasskey bool // people sign in with passkeys
}

// The faults of MayRequire.
var (
	ErrActionNeedsAddress = fault.New(fault.Invalid, "required_action_impossible", "Somebody without an e-mail address cannot prove it: set one first.").WithField("required_actions")
	ErrActionNeedsMail    = fault.New(fault.Invalid, "required_action_impossible",
		"Nobody can prove an address before mail is sent: set mail_host in the configuration, or enter a mail server of the organization, first.").WithField("required_actions")
	ErrActionNeedsPasskeys = fault.New(fault.Invalid, "required_action_impossible",
		"Nobody makes a passkey here: the organization has passkeys off, or the public address is none that browsers use them at.").WithField("required_actions")
)

// MayRequire refuses to require of a person what they could not do. before are the actions that were required of them
// already: those may stay, and wait.
func (d Doable) MayRequire(person *user.User, before []user.RequiredAction) error {
	for _, action := range person.RequiredActions {
		switch {
		case slices.Contains(before, action):
		case action == user.VerifyEmail && person.Email == "":
			return ErrActionNeedsAddress
		case action == user.VerifyEmail && !d.VerifyEmail:
			return ErrActionNeedsMail
		case action == user.EnrolPasskey && !d.EnrolPasskey:
			return ErrActionNeedsPasskeys
		}
	}
	return nil
}

// Left are the actions that are required of a person and can be done, without the terms: those are judged for themselves
// (terms.Due).
func (d Doable) Left(person *user.User) []user.RequiredAction {
	return slices.DeleteFunc(slices.Clone(person.RequiredActions), func(action user.RequiredAction) bool {
		return action == user.VerifyEmail && (!d.VerifyEmail || person.Email == "") || action == user.EnrolPasskey && !d.EnrolPasskey || action == user.AcceptTerms
	})
}

// asksTerms reports whether the person has terms to accept before they go on.
func (t *Transaction) asksTerms(facts Facts) bool {
	return facts.Terms != nil && !t.Required.Requirement.WithoutTerms
}

// requiredAction decides which action a signed-in person does next; "" for none. Nothing is added to an account by whoever
// has nothing but a session that began some time ago.
func (t *Transaction) requiredAction(doable Doable, live *session.Live) Step {
	left := doable.Left(live.User)
	switch {
	case slices.Contains(left, user.ChangePassword):
		// Demanded after the session began: the person proves themselves again first.
		return Authenticate
	case slices.Contains(left, user.VerifyEmail) && t.Progress.Address == nil:
		return VerifyEmail
	case t.Progress.Address != nil:
		return ProveAddress
	case slices.Contains(left, user.EnrolPasskey) && t.Progress.UserID == uuid.Nil:
		return Authenticate
	case slices.Contains(left, user.EnrolPasskey), t.Progress.NextPasskey && doable.EnrolPasskey:
		return EnrolPasskey
	}
	return ""
}
