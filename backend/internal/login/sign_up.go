package login

import (
	"time"

	"github.com/google/uuid"
)

// SignUpData is what somebody said of themselves before they proved that the address is theirs. Until then it occupies
// nothing: no account exists, and whoever proves the address first has it.
type SignUpData struct {
	Email      string `json:"email"`
	GivenName  string `json:"given_name"`
	FamilyName string `json:"family_name,omitempty"`
	Password   string `json:"password,omitempty"` // hashed; "" with Passkey
	Passkey    bool   `json:"passkey,omitempty"`  // they make one when the address is proved
	Handle     []byte `json:"handle,omitempty"`   // the user handle of that passkey
	Locale     string `json:"locale,omitempty"`
}

// WantsToSignUp reports that somebody said who they are. It begins the time of the transaction anew, because they wait
// for a mail now.
func (t *Transaction) WantsToSignUp(proof MailProof, at time.Time) {
	t.CreatedAt = at
	t.reset(Progress{SignUp: &proof})
}

// ForgetSignUp gives up the account that is on its way.
func (t *Transaction) ForgetSignUp() { t.Progress.SignUp = nil }

// SignInInstead reports that the person has an account already. Where accounts are signed in here they choose one: none
// is taken for theirs without a word.
func (t *Transaction) SignInInstead() {
	t.Progress.SignUpAnswered = true
	t.reset(Progress{Choosing: t.Required.Requirement.Create})
}

// SignedUp reports that the account was made. Authenticated follows.
func (t *Transaction) SignedUp() { t.Progress.SignUpAnswered = true }

// MaySignUp reports whether the form of signing up is another answer to the sign-in form: not where a certain person is
// demanded or was chosen.
func (t *Transaction) MaySignUp(facts Facts) bool {
	return facts.SignUpOpen && t.Wanted() == uuid.Nil && t.Next(facts) == Authenticate && t.Progress.UserID == uuid.Nil
}

// reset forgets what was reported, but not that the question whether to sign up was answered, nor which account elsewhere is
// to be linked.
func (t *Transaction) reset(progress Progress) {
	progress.SignUpAnswered, progress.Linking = t.Progress.SignUpAnswered, t.Progress.Linking
	t.Progress = progress
}
