package signin

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// What the field "account" says beside a session's identifier.
const (
	anotherAccount = "another" // none of those shown
	accountsAgain  = "again"   // back from the sign-in form to the accounts
)

// SelectAccount serves GET and POST of the page on which a person says which of the accounts signed in here they
// mean. Opened without a transaction it begins one that ends at the organization's own home page.
func (s *SignIn) SelectAccount(c *gin.Context) {
	if c.Request.Method == http.MethodPost {
		s.postSelectAccount(c)
		return
	}
	id := c.Query("transaction")
	if id == "" {
		s.Begin(c, login.Required{Continuation: homeContinuation, Requirement: login.Requirement{SelectAccount: true}})
		return
	}
	v := s.visit(c, id)
	if v == nil {
		return
	}
	if facts, show := s.advance(c, v, pathSelectAccount); show {
		s.showAccounts(c, v, facts, http.StatusOK, nil)
	}
}

func (s *SignIn) showAccounts(c *gin.Context, v *visit, facts login.Facts, status int, problem *fault.Error) {
	required := v.transaction.Required
	view := page.Accounts{Frame: s.frame(c, v.organization, required.Requirement.UILocales), Form: s.form(v, pathSelectAccount), Fault: problem,
		Another: required.Requirement.UserID == noSession}
	view.Client, _ = s.clientView(c, v.organization, required.ClientID, view.Text.Language())
	candidates := v.transaction.Candidates(facts.Browser)
	if hinted := candidates.Hinted(required.Requirement.LoginHint); hinted != nil {
		candidates = candidates.First(hinted)
	}
	demands := required.Requirement
	demands.SelectAccount = false
	for _, live := range candidates {
		view.Accounts = append(view.Accounts, page.Account{ID: live.Session.ID.String(), Name: live.User.DisplayName(), Username: live.User.Username,
			NeedsProof: !demands.Accepts(live)})
	}
	s.render(c, status, view, s.leadsTo(v)...)
}

// postSelectAccount acts on a pressed button. Which session is meant is believed only of those whose tokens this
// browser holds at this organization: the identifier of any other one chooses nothing and ends nothing.
func (s *SignIn) postSelectAccount(c *gin.Context) {
	v, form := s.posted(c)
	if v == nil {
		return
	}
	facts, err := s.facts(c.Request.Context(), v)
	if err != nil {
		s.Error(c, err)
		return
	}
	if v.transaction.Progress.UserID != noSession { // somebody proved themselves in another tab: it is settled
		s.advance(c, v, pathSelectAccount)
		return
	}
	candidates := v.transaction.Candidates(facts.Browser)
	if leaving := form.Get("sign_out"); leaving != "" {
		s.signOutOf(c, v, facts.Browser, byText(candidates, leaving))
		return
	}
	var problem *fault.Error
	switch chosen := form.Get("account"); chosen {
	case anotherAccount:
		v.transaction.ChooseAnother()
	case accountsAgain:
		v.transaction.ChooseAgain()
	default:
		if live := byText(candidates, chosen); live != nil {
			v.transaction.Choose(live.User.ID)
		} else { // it ended meanwhile, or was never here: nobody else is taken for it
			v.transaction.ChooseAgain()
			problem = ErrNotSignedIn
		}
	}
	if err := s.Transactions.Save(c.Request.Context(), v.transaction); err != nil {
		s.stepFailed(c, v, err)
		return
	}
	if problem != nil && v.transaction.Next(facts) == login.SelectAccount {
		_ = c.Error(problem)
		s.showAccounts(c, v, facts, http.StatusUnprocessableEntity, problem)
		return
	}
	s.advance(c, v, pathSelectAccount)
}

// signOutOf ends the session of one account and comes back to the others. With nil it had ended already. The person
// is asked again in any case: whoever is left was not chosen.
func (s *SignIn) signOutOf(c *gin.Context, v *visit, browser session.Browser, live *session.Live) {
	v.transaction.ChooseAgain()
	if err := s.Transactions.Save(c.Request.Context(), v.transaction); err != nil {
		s.stepFailed(c, v, err)
		return
	}
	var ending session.Browser
	if live != nil {
		ending = session.Browser{live}
	}
	frames, err := s.end(c, v.organization, browser, ending, false)
	if err != nil {
		s.Error(c, err)
		return
	}
	back := path(v.organization, pathSelectAccount) + "?transaction=" + v.transaction.ID
	if len(frames) == 0 {
		s.Pages.SeeOther(c, back)
		return
	}
	s.loggedOut(c, page.LoggedOut{Frame: s.frame(c, v.organization, v.transaction.Required.Requirement.UILocales), Frames: frames,
		Others: names(browser.Without(ending.IDs()...)), ContinueURL: back})
}

// byText is the session of the browser with the written identifier, nil when there is none.
func byText(browser session.Browser, text string) *session.Live {
	id, err := uuid.Parse(text)
	if err != nil {
		return nil
	}
	return browser.ByID(id)
}
