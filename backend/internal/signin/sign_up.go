package signin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/passwordhash"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// Signing up has two pages. On the first a person says who they are and chooses a password; nothing is made of it, it is
// kept sealed in the transaction. Whatever the address, a mail goes out: with a code, or saying that there is an account
// already. The second page takes the code, in the same browser; then the account is made and the sign-in goes on. Page
// and time are the same for every address, so nobody learns who has an account, and nobody occupies an address that is
// not theirs.

// The faults of signing up.
var (
	ErrSignUpClosed   = fault.New(fault.Forbidden, "sign_up_closed", "This organization makes the accounts of its people itself.")
	ErrNameMissing    = fault.New(fault.Invalid, "name_missing", "Enter your name.").WithField("given_name")
	ErrNameInvalid    = fault.New(fault.Invalid, "name_invalid", "A name has at most 100 characters on one line.").WithField("given_name")
	ErrAddressInvalid = fault.New(fault.Invalid, "email_invalid", "This is not an e-mail address.").WithField("email")
	ErrAddressRefused = fault.New(fault.Invalid, "email_domain_refused", "This organization takes addresses of certain domains only.").WithField("email")
	ErrCodeWrong      = fault.New(fault.Invalid, "code_wrong", "This is not the code of the last mail.").WithField("code")
	ErrCodeVoid       = fault.New(fault.Invalid, "code_void", "This code is not good any more. Have another mail sent.").WithField("code")
	ErrNoMoreMails    = fault.New(fault.RateLimited, "no_more_mails", "No further mail is sent for this sign-up. Begin again later.")
	ErrAddressTaken   = fault.New(fault.Conflict, "email_taken", "There is an account with this address. Sign in with it.").WithField("password")
)

// SignUp serves GET and POST of the page on which a person says who they are, to have an account. Opened without a
// transaction it begins one that ends at the organization's own home page.
func (s *SignIn) SignUp(c *gin.Context) {
	if c.Request.Method == http.MethodPost {
		s.postSignUp(c)
		return
	}
	organization, id := oauth.Organization(c), c.Query("transaction")
	switch {
	case !s.SignUpOpen(c.Request.Context(), organization):
		s.Error(c, ErrSignUpClosed)
		return
	case id == "":
		s.Begin(c, login.Required{Continuation: homeContinuation, Requirement: login.Requirement{Create: true}})
		return
	}
	v := s.visit(c, id)
	if v == nil {
		return
	}
	if _, show := s.advance(c, v, pathSignUp); show {
		s.showSignUp(c, v, http.StatusOK, login.SignUpData{Email: s.suggestedAddress(v)}, nil)
	}
}

// suggestedAddress is what the application says, when that is an address.
func (s *SignIn) suggestedAddress(v *visit) string {
	if hint := v.transaction.Required.Requirement.LoginHint; strings.Contains(hint, "@") {
		return hint
	}
	return ""
}

func (s *SignIn) showSignUp(c *gin.Context, v *visit, status int, typed login.SignUpData, problem *fault.Error) {
	required := v.transaction.Required
	view := page.SignUp{Frame: s.frame(c, v.organization, required.Requirement.UILocales), Form: s.form(v, pathSignUp), Email: typed.Email, GivenName: typed.GivenName,
		FamilyName: typed.FamilyName, Domains: v.organization.Policies.SignUpEmailDomains, MinLength: v.organization.Policies.PasswordMinimum(), Passkeys: s.passkeysOpen(v.organization), Fault: problem}
	view.Stay = s.stay(c, v)
	view.Client, _ = s.clientView(c, v.organization, required.ClientID, view.Text.Language())
	var err error
	if view.Work, err = s.work(c.Request.Context(), v, pathSignUp, typed.Email, problem); err != nil {
		s.Error(c, err)
		return
	}
	s.render(c, status, view, s.leadsTo(v)...)
}

// atStep reads a form of one of the steps, or of another form that may be shown at the present one, and answers itself
// when the sign-in is elsewhere by now.
func (s *SignIn) atStep(c *gin.Context, at string, or func(*login.Transaction, login.Facts) bool, steps ...login.Step) (*visit, oauth.Parameters) {
	v, form := s.posted(c)
	if v == nil {
		return nil, form
	}
	facts, err := s.facts(c.Request.Context(), v)
	if err != nil {
		s.Error(c, err)
		return nil, form
	}
	if !slices.Contains(steps, v.transaction.Next(facts)) && (or == nil || !or(v.transaction, facts)) {
		s.advance(c, v, at)
		return nil, form
	}
	return v, form
}

func (s *SignIn) postSignUp(c *gin.Context) {
	v, form := s.atStep(c, pathSignUp, (*login.Transaction).MaySignUp, login.MakeAccount, login.ConfirmAddress, login.MakePasskey)
	if v == nil {
		return
	}
	ctx := c.Request.Context()
	switch form.Get("instead") {
	case "sign_in":
		v.transaction.SignInInstead()
		s.saved(c, v, pathLogin)
		return
	case "again": // back from the code to the form
		v.transaction.ForgetSignUp()
		s.saved(c, v, pathSignUp)
		return
	}
	v.stays(form.Get)
	typed := login.SignUpData{Email: user.Normalize(form.Get("email")), GivenName: oneLine(form.Get("given_name")), FamilyName: oneLine(form.Get("family_name"))}
	typed.Locale = s.frame(c, v.organization, v.transaction.Required.Requirement.UILocales).Text.Language()
	typed.Passkey = form.Get("with") == fieldPasskey
	err := s.checkWork(ctx, v, pathSignUp, typed.Email, form)
	if err == nil {
		err = s.prepare(ctx, v, &typed, form.Get("new_password"))
	}
	if err == nil {
		err = s.suspicious(ctx, v, pathSignUp, typed.Email)
	}
	if err == nil {
		err = s.mailSignUp(c, v, typed)
	}
	if err != nil {
		s.mailStepFailed(c, v, err, func(status int, problem *fault.Error) { s.showSignUp(c, v, status, typed, problem) })
		return
	}
	s.advance(c, v, pathSignUp)
}

// saved writes the transaction and goes to a page; the dispatcher leads on from there.
func (s *SignIn) saved(c *gin.Context, v *visit, to string) {
	if err := s.Transactions.Save(c.Request.Context(), v.transaction); err != nil {
		s.stepFailed(c, v, err)
		return
	}
	s.Pages.SeeOther(c, path(v.organization, to)+"?transaction="+v.transaction.ID)
}

// mailStepFailed shows a page again with what went wrong, or says that it is broken.
func (s *SignIn) mailStepFailed(c *gin.Context, v *visit, err error, show func(status int, problem *fault.Error)) {
	problem := fault.From(err)
	status := http.StatusUnprocessableEntity
	switch {
	case errors.Is(err, login.ErrConcurrent), errors.Is(err, login.ErrExpired):
		s.stepFailed(c, v, err)
		return
	case problem.Kind == fault.Invalid:
	case problem.Kind == fault.RateLimited:
		status = http.StatusTooManyRequests
	case errors.Is(err, passwordhash.ErrQueueFull):
		status = http.StatusServiceUnavailable
	default:
		s.Error(c, err)
		return
	}
	if problem.RetryAfter > 0 {
		c.Header("Retry-After", retryAfter(problem.RetryAfter))
	}
	_ = c.Error(err)
	show(status, problem)
}

// prepare judges what was typed, counts the attempt and hashes the password. It looks at nobody's account.
func (s *SignIn) prepare(ctx context.Context, v *visit, typed *login.SignUpData, password string) error {
	person := user.User{OrgID: v.organization.ID, Username: typed.Email, Email: typed.Email, Profile: profileOf(*typed)}
	switch {
	case !user.IsEmail(typed.Email):
		return ErrAddressInvalid
	case !v.organization.Policies.SignUpAllows(typed.Email):
		return ErrAddressRefused
	case typed.GivenName == "":
		return ErrNameMissing
	case utf8.RuneCountInString(typed.GivenName) > maximumName || utf8.RuneCountInString(typed.FamilyName) > maximumName:
		return ErrNameInvalid
	}
	if typed.Passkey {
		return s.preparePasskey(ctx, v, typed)
	}
	if err := credential.CheckRules(v.organization, &person, password); err != nil {
		return err
	}
	if err := s.SignUps.count(ctx, v.organization.ID); err != nil {
		return err
	}
	hashed, err := s.Passwords.Hash(ctx, v.organization, &person, password)
	typed.Password = hashed.Keep()
	return err
}

// maximumName is how long each of the two names may be, in characters.
const maximumName = 100

// oneLine is what somebody typed as a name, without control characters and superfluous space.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(user.Normalize(text), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}

func profileOf(data login.SignUpData) user.Profile {
	return user.Profile{Name: strings.TrimSpace(data.GivenName + " " + data.FamilyName), GivenName: data.GivenName, FamilyName: data.FamilyName, Locale: data.Locale}
}
