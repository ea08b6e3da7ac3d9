package login_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/user"
)

// What a person is asked, in each state of signing up.
func TestStepsOfSignUp(t *testing.T) {
	t.Parallel()
	now := time.Now()
	ada := &user.User{ID: uuid.New(), Status: user.Active}
	live := &session.Live{Session: session.Session{ID: uuid.New(), UserID: ada.ID, AuthenticatedAt: now}, User: ada}
	browser := session.Browser{live}
	create := login.Requirement{Create: true}
	newcomer := &user.User{ID: uuid.New(), Status: user.Active}
	forgot := func(t *login.Transaction) { t.WantsRecovery(login.MailProof{}, now) }
	begun := func(t *login.Transaction) { t.WantsToSignUp(login.MailProof{}, now) }
	for name, c := range map[string]struct {
		requirement login.Requirement
		facts       login.Facts
		reports     []func(*login.Transaction)
		want        login.Step
		may         bool // the other form may be shown, too
	}{
		"nothing wanted":                        {facts: login.Facts{SignUpOpen: true}, want: login.Authenticate, may: true},
		"nothing wanted, closed":                {want: login.Authenticate},
		"nothing wanted, signed in":             {facts: login.Facts{SignUpOpen: true, Browser: browser}, want: login.Complete},
		"a certain person wanted":               {requirement: login.Requirement{UserID: uuid.New()}, facts: login.Facts{SignUpOpen: true}, want: login.Authenticate},
		"an account chosen":                     {facts: login.Facts{SignUpOpen: true, Browser: browser}, reports: []func(*login.Transaction){func(t *login.Transaction) { t.Choose(uuid.New()) }}, want: login.Authenticate},
		"create":                                {requirement: create, facts: login.Facts{SignUpOpen: true}, want: login.MakeAccount},
		"create, signed in":                     {requirement: create, facts: login.Facts{SignUpOpen: true, Browser: browser}, want: login.MakeAccount},
		"create, closed meanwhile":              {requirement: create, facts: login.Facts{}, want: login.Authenticate},
		"create, closed meanwhile, signed in":   {requirement: create, facts: login.Facts{Browser: browser}, want: login.SelectAccount},
		"create and select_account":             {requirement: login.Requirement{Create: true, SelectAccount: true}, facts: login.Facts{SignUpOpen: true, Browser: browser}, want: login.MakeAccount},
		"waiting for the code":                  {facts: login.Facts{SignUpOpen: true}, reports: []func(*login.Transaction){begun}, want: login.ConfirmAddress},
		"waiting for the code, closed":          {reports: []func(*login.Transaction){begun}, want: login.Authenticate},
		"waiting for the code, signed in":       {requirement: create, facts: login.Facts{SignUpOpen: true, Browser: browser}, reports: []func(*login.Transaction){begun}, want: login.ConfirmAddress},
		"the address proved, a passkey wanted":  {facts: login.Facts{SignUpOpen: true}, reports: []func(*login.Transaction){begun, func(t *login.Transaction) { t.Progress.SignUp.Prove() }}, want: login.MakePasskey},
		"another address":                       {requirement: create, facts: login.Facts{SignUpOpen: true}, reports: []func(*login.Transaction){begun, (*login.Transaction).ForgetSignUp}, want: login.MakeAccount},
		"sign in instead":                       {requirement: create, facts: login.Facts{SignUpOpen: true}, reports: []func(*login.Transaction){(*login.Transaction).SignInInstead}, want: login.Authenticate, may: true},
		"sign in instead, signed in":            {requirement: create, facts: login.Facts{SignUpOpen: true, Browser: browser}, reports: []func(*login.Transaction){(*login.Transaction).SignInInstead}, want: login.SelectAccount},
		"sign in instead, then chosen":          {requirement: create, facts: login.Facts{SignUpOpen: true, Browser: browser}, reports: []func(*login.Transaction){(*login.Transaction).SignInInstead, func(t *login.Transaction) { t.Choose(ada.ID) }}, want: login.Complete},
		"sign in instead, then another account": {requirement: create, facts: login.Facts{SignUpOpen: true, Browser: browser}, reports: []func(*login.Transaction){(*login.Transaction).SignInInstead, (*login.Transaction).ChooseAnother}, want: login.Authenticate, may: true},
		"signed up": {requirement: create, facts: login.Facts{SignUpOpen: true, Browser: browser, User: newcomer},
			reports: []func(*login.Transaction){begun, (*login.Transaction).SignedUp, func(t *login.Transaction) { t.Authenticated(newcomer.ID, now, "pwd") }}, want: login.BeginSession},
		"signed up, then the password was replaced": {requirement: create, facts: login.Facts{SignUpOpen: true},
			reports: []func(*login.Transaction){begun, (*login.Transaction).SignedUp, (*login.Transaction).StartOver}, want: login.Authenticate, may: true},
		"password forgotten":                   {facts: login.Facts{SignUpOpen: true, RecoveryOpen: true}, reports: []func(*login.Transaction){forgot}, want: login.ConfirmRecovery},
		"password forgotten, closed meanwhile": {facts: login.Facts{}, reports: []func(*login.Transaction){forgot}, want: login.Authenticate},
		"password forgotten, remembered":       {facts: login.Facts{RecoveryOpen: true}, reports: []func(*login.Transaction){forgot, (*login.Transaction).ForgetRecovery}, want: login.Authenticate},
		"password forgotten, mail read": {facts: login.Facts{RecoveryOpen: true, User: ada},
			reports: []func(*login.Transaction){forgot, func(t *login.Transaction) { t.OpenedLink(ada.ID, []byte("hash"), now) }}, want: login.ChangePassword},
		"signed in meanwhile with a password": {requirement: create, facts: login.Facts{SignUpOpen: true, User: ada},
			reports: []func(*login.Transaction){begun, func(t *login.Transaction) { t.Authenticated(ada.ID, now, "pwd") }}, want: login.BeginSession},
	} {
		transaction := &login.Transaction{Required: login.Required{Requirement: c.requirement}}
		for _, report := range c.reports {
			report(transaction)
		}
		if got := transaction.Next(c.facts); got != c.want || transaction.MaySignUp(c.facts) != c.may {
			t.Errorf("%s: %s (may sign up: %v), want %s", name, got, transaction.MaySignUp(c.facts), c.want)
		}
	}
}

func TestGuessesOfACode(t *testing.T) {
	t.Parallel()
	var signUp login.MailProof
	signUp.Mailed([]byte("hash"), time.Now())
	for range login.MailGuesses - 1 {
		signUp.GuessedWrong()
	}
	if len(signUp.Code) == 0 {
		t.Error("the code is worth nothing too early")
	}
	if signUp.GuessedWrong(); len(signUp.Code) != 0 {
		t.Error("the code can be guessed for ever")
	}
	if signUp.Mailed([]byte("other"), time.Now()); len(signUp.Code) == 0 || signUp.Guesses != 0 || signUp.Mails != 2 {
		t.Errorf("%+v", signUp)
	}
}
