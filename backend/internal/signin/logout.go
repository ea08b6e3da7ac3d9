package signin

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/logout"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// logoutFields are the parameters that a confirmation carries on.
var logoutFields = []string{"id_token_hint", "logout_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"}

// The answers to the question whether to sign out.
const (
	decisionConfirm    = "confirm"    // the account that was asked about
	decisionAll        = "all"        // every account of this browser
	decisionEverywhere = "everywhere" // every session of the person, in other browsers too
)

// Logout serves GET and POST of the end-session endpoint (OpenID Connect RP-Initiated Logout 1.0 §2) and
// its confirmation, which is a POST with a decision about the session that the person was asked about.
func (s *SignIn) Logout(c *gin.Context) {
	organization := oauth.Organization(c)
	parameters, err := oauth.ParseQuery(c.Request.URL.RawQuery)
	if c.Request.Method == http.MethodPost {
		parameters, err = oauth.ReadForm(c)
	}
	if err != nil {
		s.Error(c, err)
		return
	}
	request, err := s.Dependencies.Logout.Validate(c.Request.Context(), organization, logout.ParametersOf(parameters))
	if err != nil {
		s.Error(c, err)
		return
	}
	// Whoever holds the tokens may sign out, also where they count for nothing else.
	browser, err := s.Sessions.Presented(c.Request.Context(), s.Store, organization.ID, s.Cookies.Tokens(c.Request, organization), uuid.Nil)
	if err != nil {
		s.Error(c, err)
		return
	}
	if len(browser) > 0 && c.Request.Method == http.MethodPost && parameters.Has("decision") {
		s.decidedLogout(c, organization, request, parameters, browser)
		return
	}
	live := request.Session(browser)
	if request.NeedsConfirmation(live) {
		s.confirmLogout(c, organization, request, parameters, browser, live)
		return
	}
	if live == nil {
		s.endSessions(c, organization, request, browser, nil, false)
		return
	}
	s.endSessions(c, organization, request, browser, session.Browser{live}, false)
}

// decidedLogout acts on the answer to a confirmation. The session that it was about may have ended meanwhile: then
// it is over already, and no other one ends in its place.
func (s *SignIn) decidedLogout(c *gin.Context, organization *org.Organization, request *logout.Request, parameters oauth.Parameters, browser session.Browser) {
	own, _ := s.browser(c, organization)
	asked := parameters.Get("session")
	if err := s.checkForm(c, parameters, s.formToken(organization, own, "logout "+asked)); err != nil {
		s.Error(c, err)
		return
	}
	var ending session.Browser
	if id, err := uuid.Parse(asked); err == nil {
		if live := browser.ByID(id); live != nil {
			ending = session.Browser{live}
		}
	}
	switch parameters.Get("decision") {
	case decisionConfirm:
		s.endSessions(c, organization, request, browser, ending, false)
	case decisionEverywhere:
		s.endSessions(c, organization, request, browser, ending, true)
	case decisionAll:
		s.endSessions(c, organization, request, browser, browser, false)
	default:
		s.Pages.SeeOther(c, path(organization, ""))
	}
}

func (s *SignIn) confirmLogout(c *gin.Context, organization *org.Organization, request *logout.Request, parameters oauth.Parameters, browser session.Browser, live *session.Live) {
	own, _ := s.browser(c, organization)
	id := live.Session.ID.String()
	view := page.Logout{Frame: s.frame(c, organization, request.UILocales), Username: live.User.DisplayName(), Others: names(browser.Without(live.Session.ID)),
		Form: page.Form{Action: path(organization, pathLogout), CSRFToken: s.formToken(organization, own, "logout "+id), Fields: []page.Field{{Name: "session", Value: id}}}}
	for _, name := range logoutFields {
		if value := parameters.Get(name); value != "" {
			view.Fields = append(view.Fields, page.Field{Name: name, Value: value})
		}
	}
	if request.Client != nil {
		view.Client, _ = s.clientView(c, organization, request.Client.ClientID, view.Text.Language())
	}
	s.render(c, http.StatusOK, view, request.RedirectURL())
}

// endSessions ends sessions of the browser, with everywhere all sessions of their people, and goes where the request
// says or shows that it is done. Applications that want to hear of it in the browser do so first (Front-Channel
// Logout 1.0). Other people stay signed in.
func (s *SignIn) endSessions(c *gin.Context, organization *org.Organization, request *logout.Request, browser, ending session.Browser, everywhere bool) {
	frames, err := s.end(c, organization, browser, ending, everywhere)
	if err != nil {
		s.Error(c, err)
		return
	}
	view := page.LoggedOut{Frame: s.frame(c, organization, request.UILocales), Frames: frames, Others: names(browser.Without(ending.IDs()...))}
	next := request.RedirectURL()
	if next != "" && len(view.Frames) == 0 {
		s.leave(c, page.Leaving{Frame: view.Frame, Client: page.Client{Name: request.Client.Presentation(view.Text.Language()).Name}, URL: next})
		return
	}
	switch {
	case next != "":
		view.Client, view.ContinueURL = &page.Client{Name: request.Client.Presentation(view.Text.Language()).Name}, next
	case len(view.Others) > 0:
		view.AccountsURL = path(organization, pathSelectAccount)
	default:
		view.LoginURL = path(organization, pathLogin)
	}
	s.loggedOut(c, view)
}

func (s *SignIn) loggedOut(c *gin.Context, view page.LoggedOut) {
	if err := s.Pages.LoggedOut(c, view); err != nil {
		_ = c.Error(err)
		c.AbortWithStatus(http.StatusInternalServerError)
	}
}

// end ends sessions of the browser and takes their tokens away from it. It returns the addresses at which
// applications want to hear of it.
func (s *SignIn) end(c *gin.Context, organization *org.Organization, browser, ending session.Browser, everywhere bool) ([]string, error) {
	var frames []string
	for _, live := range ending {
		further, err := s.frames(c.Request.Context(), organization, live)
		if err == nil {
			err = s.endOne(c.Request.Context(), live, everywhere)
		}
		if err != nil && !fault.IsKind(err, fault.NotFound) {
			return nil, err
		}
		frames = append(frames, further...)
	}
	s.Cookies.SetSessions(c.Writer, c.Request, organization, browser.Without(ending.IDs()...))
	return frames, nil
}

func (s *SignIn) endOne(ctx context.Context, live *session.Live, everywhere bool) error {
	return s.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if !everywhere {
			return s.Sessions.End(ctx, tx, actorOf(live.User), live.Session.OrgID, live.Session.ID, "signed out")
		}
		_, err := s.Sessions.EndEverywhere(ctx, tx, actorOf(live.User), live.Session.OrgID, live.User.ID, "signed out everywhere")
		return err
	})
}

// frames are the addresses at which applications of the session want to hear of its end.
func (s *SignIn) frames(ctx context.Context, organization *org.Organization, live *session.Live) ([]string, error) {
	listeners, err := s.Sessions.FrontChannelListeners(ctx, organization.ID, live.Session.ID)
	if err != nil {
		return nil, err
	}
	frames := make([]string, 0, len(listeners))
	for _, listener := range listeners {
		found, err := s.Clients.ByID(ctx, s.Store, organization.ID, listener.ClientID)
		if fault.IsKind(err, fault.NotFound) {
			continue // it was deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		sid, err := s.Subjects.Session(ctx, found, live.Session.ID)
		if err != nil {
			return nil, err
		}
		frames = append(frames, logout.FrontChannelURL(listener.URI, s.Issuers.URL(organization), sid))
	}
	return frames, nil
}

// names are what pages call the people of sessions.
func names(browser session.Browser) []string {
	called := make([]string, len(browser))
	for i, live := range browser {
		called[i] = live.User.DisplayName()
	}
	return called
}
