package signin

import (
	"context"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// Where an organization says so, people are asked who they are on one page, and for the proof on the next, which shows first by
// what they sign in best. Whoever is known already comes to that one at once. The identifier is kept in the transaction: forms of the
// second page say only which one they were shown for. Nobody learns who has an account: an identifier that nobody
// has is answered as well, always in the same way (credential.FirstWays), and both cost the same.
//
// The two are pages of one step (login.Authenticate): an identifier proves nothing.

// ErrOtherPasskey is the answer to the passkey of somebody else than the page was shown for.
var ErrOtherPasskey = fault.New(fault.Unauthenticated, "passkey_of_another", "This passkey belongs to another account. Use one of this account, or change the account.").WithField(fieldPasskey)

const (
	pathWays = "login/ways"
	// fieldIdentified says for whom a form of the second page was shown.
	fieldIdentified = "identified"
)

// signInPage is the page to which other pages of the same step lead back.
func signInPage(v *visit) string {
	if v.organization.AsksIdentifierFirst() && v.transaction.Progress.Identifier != "" {
		return pathWays
	}
	return pathLogin
}

// identified is the identifier of whom the second page is about: whose account was chosen, or what was typed, or
// who is to prove themselves once more; "" when nobody said.
func (s *SignIn) identified(ctx context.Context, v *visit, facts login.Facts) (string, error) {
	progress, requirement := v.transaction.Progress, v.transaction.Required.Requirement
	switch {
	case progress.Chosen != noSession:
		person, err := s.Users.ByID(ctx, s.Store, v.organization.ID, progress.Chosen)
		if fault.IsKind(err, fault.NotFound) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		return person.Username, nil
	case progress.Identifier != "":
		return progress.Identifier, nil
	case progress.AnotherAccount:
		return "", nil
	}
	live := facts.Browser.Current()
	if requirement.UserID != noSession {
		live = facts.Browser.Of(requirement.UserID)
	}
	if live == nil || requirement.UserID == noSession && (requirement.AuthenticatedSince.IsZero() || requirement.LoginHint != "" && !live.User.IsCalled(requirement.LoginHint)) {
		return "", nil
	}
	return live.User.Username, nil
}

// postIdentifier takes what was typed on the first page. It looks nobody up.
func (s *SignIn) postIdentifier(c *gin.Context, v *visit, form oauth.Parameters) {
	facts, err := s.facts(c.Request.Context(), v)
	if err != nil {
		s.Error(c, err)
		return
	}
	if v.transaction.Next(facts) != login.Authenticate {
		s.advance(c, v, pathLogin)
		return
	}
	typed := user.Normalize(form.Get("username"))
	if typed == "" || len(typed) > user.MaximumIdentifier {
		err = ErrIdentifierMissing
	} else {
		err = s.mayIdentify(c, v.organization)
	}
	if problem := fault.From(err); err != nil && (problem.Kind == fault.Invalid || problem.Kind == fault.RateLimited) {
		_ = c.Error(err)
		if problem.RetryAfter > 0 {
			c.Header("Retry-After", retryAfter(problem.RetryAfter))
		}
		s.showLogin(c, v, StatusOf(problem), typed, problem)
		return
	}
	if err != nil {
		s.Error(c, err)
		return
	}
	v.transaction.Identified(typed)
	if err := s.Transactions.Save(c.Request.Context(), v.transaction); err != nil && !errors.Is(err, login.ErrConcurrent) {
		s.stepFailed(c, v, err)
		return
	} // twice at once, one is kept: the next page says which
	s.Pages.SeeOther(c, path(v.organization, pathWays)+"?transaction="+v.transaction.ID)
}

// Ways serves GET and POST of the second page.
func (s *SignIn) Ways(c *gin.Context) {
	if c.Request.Method == http.MethodPost {
		s.postWays(c)
		return
	}
	v := s.visit(c, c.Query("transaction"))
	if v == nil {
		return
	}
	if facts, show := s.advance(c, v, pathWays); show {
		s.showWays(c, v, facts, http.StatusOK, nil)
	}
}

// postWays takes the password of whom the page was shown for. Where the transaction is about somebody else by now, as in another
// tab, the password is tried on nobody.
func (s *SignIn) postWays(c *gin.Context) {
	v, form := s.posted(c)
	if v == nil {
		return
	}
	ctx := c.Request.Context()
	facts, err := s.facts(ctx, v)
	if err != nil {
		s.Error(c, err)
		return
	}
	if !s.atWays(v, facts) {
		s.advance(c, v, pathWays)
		return
	}
	identifier, err := s.identified(ctx, v, facts)
	switch {
	case err != nil:
		s.Error(c, err)
	case identifier == "" || user.Normalize(form.Get("username")) != identifier:
		s.Pages.SeeOther(c, path(v.organization, pathWays)+"?transaction="+v.transaction.ID)
	default:
		v.stays(form.Get)
		s.provePassword(c, v, form, pathWays, identifier)
	}
}

// atWays reports whether the second page is one of the pages of the next step.
func (s *SignIn) atWays(v *visit, facts login.Facts) bool {
	return v.organization.AsksIdentifierFirst() && v.transaction.Next(facts) == login.Authenticate
}

// showWays shows the second page, or leads to the first when nobody is identified.
func (s *SignIn) showWays(c *gin.Context, v *visit, facts login.Facts, status int, problem *fault.Error) {
	ctx := c.Request.Context()
	identifier, err := s.identified(ctx, v, facts)
	if err != nil {
		s.Error(c, err)
		return
	}
	if identifier == "" {
		s.Pages.SeeOther(c, path(v.organization, pathLogin)+"?change=1&transaction="+v.transaction.ID)
		return
	}
	view := page.Ways{}
	if view.Login, err = s.loginView(c, v, identifier, problem); err == nil {
		view.Action = path(v.organization, pathWays)
		if view.Work, err = s.work(ctx, v, pathWays, identifier, problem); err == nil {
			err = s.firstWay(ctx, v, &view)
		}
	}
	if err != nil {
		s.Error(c, err)
		return
	}
	if v.transaction.Wanted() == noSession || v.transaction.Progress.Chosen == noSession && v.transaction.Progress.Identifier != "" {
		view.ChangeURL = path(v.organization, pathLogin) + "?change=1&transaction=" + v.transaction.ID
	}
	for _, passkey := range []*page.Passkey{view.Passkey, view.FormerPasskey} {
		if passkey != nil {
			passkey.Fields = append(passkey.Fields, page.Field{Name: fieldIdentified, Value: identifier})
		}
	}
	if view.MagicLinkURL != "" && view.Work == nil { // else that page asks for an answer to a challenge of its own
		form := s.form(v, pathMagicLink)
		form.Fields = append(form.Fields, page.Field{Name: "username", Value: identifier})
		form.Fields = append(form.Fields, stayFields(view.Stay)...)
		view.Mail = &form
	}
	s.render(c, status, view, s.leadsTo(v)...)
}

// firstWay fills in what the second page shows first.
func (s *SignIn) firstWay(ctx context.Context, v *visit, view *page.Ways) error {
	providers, err := s.Providers.Active(ctx, v.organization.ID)
	if err != nil {
		return err
	}
	offered := credential.Offered{Mail: view.MagicLinkURL != ""}
	for _, provider := range providers {
		offered.Providers = append(offered.Providers, provider.ID)
	}
	if party, ok := s.party(v.organization); ok && view.Passkey != nil {
		offered.RPID = party.ID
	}
	first, err := s.FirstWays.Of(ctx, v.organization.ID, view.Username, offered)
	if err != nil {
		return err
	}
	view.First = page.First(first.Kind)
	for _, provider := range providers {
		if first.Kind == credential.ByProvider && provider.ID == first.ProviderID {
			link := s.upstreamLink(v, provider)
			view.Provider = &link
		}
	}
	return nil
}

// showLoginAgain shows the page again that a sign-in failed on: the second of two, where somebody is identified.
func (s *SignIn) showLoginAgain(c *gin.Context, v *visit, status int, username string, problem *fault.Error) {
	if v.organization.AsksIdentifierFirst() {
		ctx := c.Request.Context()
		facts, err := s.facts(ctx, v)
		known := ""
		if err == nil {
			known, err = s.identified(ctx, v, facts)
		}
		if err != nil {
			s.Error(c, err)
			return
		}
		if known != "" {
			s.showWays(c, v, facts, status, problem)
			return
		}
	}
	s.showLogin(c, v, status, username, problem)
}

// shownForAnother reports whether a form of the second page was shown for somebody else than the sign-in is about by now, as
// in another tab.
func (s *SignIn) shownForAnother(ctx context.Context, v *visit, form oauth.Parameters) (bool, error) {
	if form.Get(fieldIdentified) == "" || !v.organization.AsksIdentifierFirst() {
		return false, nil
	}
	facts, err := s.facts(ctx, v)
	if err != nil {
		return false, err
	}
	identifier, err := s.identified(ctx, v, facts)
	return user.Normalize(form.Get(fieldIdentified)) != identifier, err
}

// checkIdentified refuses the passkey of somebody else than the second page was shown for.
func (s *SignIn) checkIdentified(v *visit, form oauth.Parameters, person *user.User) error {
	identifier := user.Normalize(form.Get(fieldIdentified))
	if identifier != "" && v.organization.AsksIdentifierFirst() && !person.IsCalled(identifier) {
		return ErrOtherPasskey
	}
	return nil
}

// suggested is whom a provider is told that somebody probably is: who was identified here, else whom the application suggests.
func (s *SignIn) suggested(ctx context.Context, v *visit, facts login.Facts, hint string) (string, error) {
	if pending := v.transaction.Progress.Upstream; pending != nil && pending.Link || !v.organization.AsksIdentifierFirst() {
		return hint, nil
	}
	identifier, err := s.identified(ctx, v, facts)
	if identifier == "" {
		identifier = hint
	}
	return identifier, err
}
