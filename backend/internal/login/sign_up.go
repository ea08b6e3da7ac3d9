package login

import (
	"time"

	"github.com/google/uuid"
)

// Bounds of proving an address.
const (
	SignUpGuesses = 5 // wrong codes after which the code is worth nothing
	SignUpMails   = 4 // the first and three further ones
)

// SignUpData is what somebody said of themselves before they proved that the address is theirs. Until then it occupies
// nothing: no account exists, and whoever proves the address first has it.
type SignUpData struct {
	Email      string `json:"email"`
	GivenName  string `json:"given_name"`
	FamilyName string `json:"family_name,omitempty"`
	Password   string `json:"password"` // hashed
	Locale     string `json:"locale,omitempty"`
}

// SignUp is an account on its way. It lives in the transaction and so in one browser.
type SignUp struct {
	SealedBy string    `json:"sealed_by"` // the key-encryption key
	Sealed   []byte    `json:"sealed"`    // SignUpData
	Code     []byte    `json:"code"`      // keyed hash of the code in the last mail; empty when no code is good any more
	Expires  time.Time `json:"expires"`   // of the code
	Guesses  int       `json:"guesses"`   // wrong codes since the last mail
	Mails    int       `json:"mails"`     // sent so far
}

// WantsToSignUp reports that somebody said who they are. It begins the time of the transaction anew, because they wait
// for a mail now.
func (t *Transaction) WantsToSignUp(signUp SignUp, at time.Time) {
	t.CreatedAt = at
	t.reset(Progress{SignUp: &signUp})
}

// Mailed reports that a mail with another code goes out.
func (s *SignUp) Mailed(code []byte, expires time.Time) {
	s.Code, s.Expires, s.Guesses = code, expires, 0
	s.Mails++
}

// GuessedWrong reports a wrong code. After a few the code is worth nothing.
func (s *SignUp) GuessedWrong() {
	if s.Guesses++; s.Guesses >= SignUpGuesses {
		s.Code = nil
	}
}

// Spend makes the code worth nothing; whoever saves that first may use it.
func (s *SignUp) Spend() { s.Code = nil }

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

// reset forgets what was reported, but not that the question whether to sign up was answered.
func (t *Transaction) reset(progress Progress) {
	progress.SignUpAnswered = t.Progress.SignUpAnswered
	t.Progress = progress
}
