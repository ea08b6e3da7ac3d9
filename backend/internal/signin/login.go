package signin

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/passwordhash"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// Login serves GET and POST of the login page. Opened without a transaction it begins one that ends at
// the organization's own home page.
func (s *SignIn) Login(c *gin.Context) {
	if c.Request.Method == http.MethodPost {
		s.postLogin(c)
		return
	}
	id := c.Query("transaction")
	if id == "" {
		s.Begin(c, login.Required{Continuation: homeContinuation})
		return
	}
	v := s.visit(c, id)
	if v == nil {
		return
	}
	facts, show := s.advance(c, v, pathLogin)
	if !show {
		return
	}
	username, another := s.suggestedUsername(v, facts), c.Query("change") != "" && v.transaction.Progress.Identifier == ""
	if v.organization.AsksIdentifierFirst() && v.transaction.Progress.Identifier == "" && !another {
		known, err := s.identified(c.Request.Context(), v, facts)
		if err != nil {
			s.Error(c, err)
			return
		}
		if known != "" { // who it is about need not be asked
			s.Pages.SeeOther(c, path(v.organization, pathWays)+"?transaction="+v.transaction.ID)
			return
		}
	}
	if another {
		username = ""
	}
	s.showLogin(c, v, http.StatusOK, username, nil)
}

// methodPassword is the amr value of a password (RFC 8176 §2).
const methodPassword = session.MethodPassword

// suggestedUsername is what was typed before, or the application says, or who has to prove themselves again: of several people whoever used
// the browser last.
func (s *SignIn) suggestedUsername(v *visit, facts login.Facts) string {
	requirement := v.transaction.Required.Requirement
	live := facts.Browser.Current()
	if requirement.UserID != noSession {
		live = facts.Browser.Of(requirement.UserID)
	}
	switch {
	case v.transaction.Progress.Identifier != "":
		return v.transaction.Progress.Identifier
	case requirement.LoginHint != "":
		return requirement.LoginHint
	case live != nil && !v.transaction.Progress.AnotherAccount && (requirement.UserID != noSession || !requirement.AuthenticatedSince.IsZero()):
		return live.User.Username
	}
	return ""
}

// showLogin shows the sign-in page: one form with both fields, or the first page of two.
func (s *SignIn) showLogin(c *gin.Context, v *visit, status int, username string, problem *fault.Error) {
	ctx := c.Request.Context()
	view, err := s.loginView(c, v, username, problem)
	if err != nil {
		s.Error(c, err)
		return
	}
	if s.SignUpOpen(ctx, v.organization) && v.transaction.Wanted() == noSession {
		view.SignUpURL = path(v.organization, pathSignUp) + "?transaction=" + v.transaction.ID
	}
	if view.Providers, err = s.upstreamLinks(ctx, v); err != nil {
		s.Error(c, err)
		return
	}
	if v.organization.AsksIdentifierFirst() {
		view.IdentifierFirst, view.ForgotPasswordURL, view.MagicLinkURL = true, "", "" // those are on the second page
	} else if view.Work, err = s.work(ctx, v, pathLogin, view.Username, problem); err != nil {
		s.Error(c, err)
		return
	}
	s.render(c, status, view, s.leadsTo(v)...)
}

// loginView is what the pages have in common on which people sign in.
func (s *SignIn) loginView(c *gin.Context, v *visit, username string, problem *fault.Error) (page.Login, error) {
	ctx, required, progress := c.Request.Context(), v.transaction.Required, v.transaction.Progress
	view := page.Login{Frame: s.frame(c, v.organization, required.Requirement.UILocales), Form: s.form(v, pathLogin), Username: username, Fault: problem}
	view.Client, _ = s.clientView(c, v.organization, required.ClientID, view.Text.Language())
	view.Again = required.ClientID == "" && required.Requirement.UserID != noSession && !required.Requirement.AuthenticatedSince.IsZero()
	if progress.Chosen != noSession {
		person, err := s.Users.ByID(ctx, s.Store, v.organization.ID, progress.Chosen)
		if err != nil && !fault.IsKind(err, fault.NotFound) {
			return view, err
		}
		if person != nil {
			view.Username, view.Chosen = person.Username, true
		}
	}
	if s.recoveryOpen(ctx, v.organization) {
		view.ForgotPasswordURL = path(v.organization, pathForgotPassword) + "?transaction=" + v.transaction.ID
	}
	if s.magicLinksOpen(ctx, v.organization) {
		view.MagicLinkURL = path(v.organization, pathMagicLink) + "?transaction=" + v.transaction.ID
	}
	if progress.Linking != nil {
		// A provider that was switched off meanwhile links nothing, and keeps nobody from signing in.
		if data, provider, err := s.linking(ctx, v); err == nil {
			if view.Linking = provider.Name; data.Name != "" {
				view.Linking = data.Name + " · " + provider.Name
			}
		}
	}
	view.Former = s.formerAddress(v)
	if progress.Chosen != noSession || progress.AnotherAccount {
		view.AccountsURL = path(v.organization, pathSelectAccount)
	}
	if !view.Again { // whoever is signed in stays so as they said
		view.Stay = s.stay(c, v)
	}
	var err error
	if view.Passkey, err = s.passkeyRequest(v); err == nil {
		view.FormerPasskey, err = s.formerPasskeyRequest(v)
	}
	for _, passkey := range []*page.Passkey{view.Passkey, view.FormerPasskey} {
		if passkey != nil {
			passkey.Fields = append(passkey.Fields, stayFields(view.Stay)...)
		}
	}
	return view, err
}

func (s *SignIn) postLogin(c *gin.Context) {
	v, form := s.posted(c)
	if v == nil {
		return
	}
	v.stays(form.Get)
	if v.organization.AsksIdentifierFirst() {
		s.postIdentifier(c, v, form)
		return
	}
	s.provePassword(c, v, form, pathLogin, form.Get("username"))
}

// provePassword takes the password of whom the identifier names, from a form.
func (s *SignIn) provePassword(c *gin.Context, v *visit, form oauth.Parameters, at, username string) {
	ctx := c.Request.Context()
	if err := s.checkWork(ctx, v, at, username, form); err != nil {
		s.loginFailed(c, v, username, err)
		return
	}
	proof, err := s.Passwords.Verify(ctx, credential.Attempt{OrgID: v.organization.ID, Identifier: username, Password: form.Get("password"), BrowserHash: v.browserHash})
	if err == nil {
		err = s.checkWanted(v, proof.Person)
	} else if fault.IsKind(err, fault.Unauthenticated) || errors.Is(err, credential.ErrTooMany) {
		err = errors.Join(err, s.suspicious(ctx, v, at, username))
	}
	if err != nil {
		s.loginFailed(c, v, username, err)
		return
	}
	v.transaction.Authenticated(proof.Person.ID, s.Now(), methodPassword)
	v.transaction.Progress.Password = proof.Password
	if err := s.Transactions.Save(ctx, v.transaction); err != nil {
		s.stepFailed(c, v, err)
		return
	}
	s.Observe("success")
	s.advance(c, v, pathLogin)
}

// checkWanted refuses somebody else than the person who is demanded or was chosen.
func (s *SignIn) checkWanted(v *visit, person *user.User) error {
	wanted := v.transaction.Wanted()
	switch {
	case wanted == noSession || wanted == person.ID:
		return nil
	case v.transaction.Required.Requirement.UserID == noSession:
		return ErrNotChosen
	}
	return ErrOtherPerson
}

// loginFailed shows the form again with what went wrong. What was typed stays, but never the password.
func (s *SignIn) loginFailed(c *gin.Context, v *visit, username string, err error) {
	problem := fault.From(err)
	status := http.StatusUnprocessableEntity
	switch {
	case problem.Kind == fault.Unauthenticated, problem.Kind == fault.Invalid && problem.Field == fieldPasskey:
		s.Observe("wrong")
	case ofWork(problem) && problem.Kind == fault.Invalid:
		s.Observe("wrong")
	case errors.Is(err, credential.ErrTooMany), ofWork(problem) && problem.Kind == fault.RateLimited:
		s.Observe("damped")
		status = http.StatusTooManyRequests
	case errors.Is(err, passwordhash.ErrQueueFull):
		s.Observe("busy")
		status = http.StatusServiceUnavailable
	default:
		s.Observe("error")
		s.Error(c, err)
		return
	}
	if problem.RetryAfter > 0 {
		c.Header("Retry-After", retryAfter(problem.RetryAfter))
	}
	_ = c.Error(err)
	s.showLoginAgain(c, v, status, username, problem)
}

func retryAfter(wait time.Duration) string {
	return strconv.Itoa(int((wait + time.Second - 1) / time.Second))
}
