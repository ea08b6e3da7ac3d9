package signin

import (
	"context"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/logout"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/web/asset"
	"github.com/clavex/clavex/backend/internal/web/page"
)

var noSession = uuid.Nil

// homeContinuation ends a sign-in that nobody but the person asked for, at their home page.
const homeContinuation = "home"

type home struct{ issuers oauth.Issuers }

func (h home) Complete(_ context.Context, organization *org.Organization, _ *login.Transaction, _ *session.Live) (login.Answer, error) {
	return login.Answer{RedirectURL: path(organization, "")}, nil
}

func (h home) Deny(_ context.Context, organization *org.Organization, _ *login.Transaction) (login.Answer, error) {
	return login.Answer{RedirectURL: path(organization, pathLogin)}, nil
}

func (h home) LeadsTo(*login.Transaction) string { return "" }

func (h home) RestartURL(organization *org.Organization, _ *login.Transaction) string {
	return path(organization, pathLogin)
}

// live is the browser's live session at the organization, nil when there is none.
func (s *SignIn) live(c *gin.Context, organization *org.Organization) (*session.Live, error) {
	live, err := s.Sessions.Find(c.Request.Context(), organization.ID, s.Cookies.Token(c.Request, organization), uuid.Nil)
	if fault.IsKind(err, fault.NotFound) {
		return nil, nil
	}
	return live, err
}

// Home serves the page that tells a signed-in person who they are here; others go to sign in.
func (s *SignIn) Home(c *gin.Context) {
	organization := oauth.Organization(c)
	live, err := s.live(c, organization)
	if err == nil && live != nil {
		err = s.Sessions.Touch(c.Request.Context(), live, organization.Policies)
	}
	if err != nil {
		s.Error(c, err)
		return
	}
	if live == nil {
		s.Pages.SeeOther(c, path(organization, pathLogin))
		return
	}
	s.render(c, http.StatusOK, page.Home{Frame: s.frame(c, organization, nil), Name: live.User.DisplayName(), Username: live.User.Username,
		Email: live.User.Email, LogoutURL: path(organization, pathLogout)})
}

// logoutFields are the parameters that a confirmation carries on.
var logoutFields = []string{"id_token_hint", "logout_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"}

// Logout serves GET and POST of the end-session endpoint (OpenID Connect RP-Initiated Logout 1.0 §2) and
// its confirmation, which is a POST with a decision.
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
	live, err := s.live(c, organization)
	if err != nil {
		s.Error(c, err)
		return
	}
	confirmed, everywhere := false, false
	if live != nil && c.Request.Method == http.MethodPost && parameters.Has("decision") {
		browser, _ := s.browser(c, organization)
		if err := s.checkForm(c.Request, parameters, s.formToken(organization, browser, "logout "+live.Session.ID.String())); err != nil {
			s.Error(c, err)
			return
		}
		switch parameters.Get("decision") {
		case "confirm":
		case "everywhere":
			everywhere = true
		default:
			s.Pages.SeeOther(c, path(organization, ""))
			return
		}
		confirmed = true
	}
	if request.NeedsConfirmation(live) && !confirmed {
		s.confirmLogout(c, organization, request, parameters, live)
		return
	}
	s.endSession(c, organization, request, live, everywhere)
}

func (s *SignIn) confirmLogout(c *gin.Context, organization *org.Organization, request *logout.Request, parameters oauth.Parameters, live *session.Live) {
	browser, _ := s.browser(c, organization)
	view := page.Logout{Frame: s.frame(c, organization, request.UILocales), Username: live.User.DisplayName(), Form: page.Form{
		Action: path(organization, pathLogout), CSRFToken: s.formToken(organization, browser, "logout "+live.Session.ID.String())}}
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

// endSession ends the browser's session, when there is one, or with everywhere all sessions of its person, and goes
// where the request says or shows that it is done. Applications that want to hear of it in the browser do so first
// (Front-Channel Logout 1.0).
func (s *SignIn) endSession(c *gin.Context, organization *org.Organization, request *logout.Request, live *session.Live, everywhere bool) {
	view := page.LoggedOut{Frame: s.frame(c, organization, request.UILocales)}
	if live != nil {
		frames, err := s.frames(c.Request.Context(), organization, live)
		if err == nil {
			err = s.end(c.Request.Context(), live, everywhere)
		}
		if err != nil && !fault.IsKind(err, fault.NotFound) {
			s.Error(c, err)
			return
		}
		view.Frames = frames
	}
	s.Cookies.ClearSession(c.Writer, organization)
	next := request.RedirectURL()
	if next != "" && len(view.Frames) == 0 {
		s.leave(c, page.Leaving{Frame: view.Frame, Client: page.Client{Name: request.Client.Presentation(view.Text.Language()).Name}, URL: next})
		return
	}
	if next != "" {
		view.Client, view.ContinueURL = &page.Client{Name: request.Client.Presentation(view.Text.Language()).Name}, next
	} else {
		view.LoginURL = path(organization, pathLogin)
	}
	if err := s.Pages.LoggedOut(c, view); err != nil {
		_ = c.Error(err)
		c.AbortWithStatus(http.StatusInternalServerError)
	}
}

func (s *SignIn) end(ctx context.Context, live *session.Live, everywhere bool) error {
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

// Logo serves an organization's logo under the digest of its content, so it can be cached for good.
func (s *SignIn) Logo(c *gin.Context) {
	organization := oauth.Organization(c)
	logo, err := s.Organizations.Logo(c.Request.Context(), organization.ID)
	if err == nil && logo.Digest != c.Param("digest") {
		err = errNoLogo
	}
	if err != nil {
		s.Error(c, err)
		return
	}
	servePicture(c, "public, max-age=31536000, immutable", logo.MediaType, logo.Content)
}

// ClientLogo serves an application's logo, fetched from the address that it registered, so that people's browsers
// need not go there. Only addresses that the application has registered now are fetched. In the place of one that
// cannot be had stands an icon, because browsers draw a broken picture for an error; the log says what went wrong.
func (s *SignIn) ClientLogo(c *gin.Context) {
	organization := oauth.Organization(c)
	found, err := s.Clients.ByClientID(c.Request.Context(), organization.ID, c.Query("client_id"))
	uri := ""
	if err == nil {
		uri = found.LogoURIOf(c.Param("key"))
	}
	if uri == "" {
		s.Error(c, errNoLogo.WithCause(err))
		return
	}
	logo, err := s.Logos.Get(c.Request.Context(), uri)
	if err != nil {
		_ = c.Error(err)
		c.Header("Cache-Control", "public, max-age=60")
		c.Redirect(http.StatusFound, asset.URL(asset.ApplicationIcon))
		return
	}
	servePicture(c, "public, max-age=3600", logo.MediaType, logo.Content)
}

func servePicture(c *gin.Context, caching, mediaType string, content []byte) {
	c.Header("Cache-Control", caching)
	c.Header("Content-Security-Policy", "default-src 'none'; sandbox")
	c.Header("X-Content-Type-Options", "nosniff")
	c.Data(http.StatusOK, mediaType, content)
}

var errNoLogo = fault.New(fault.NotFound, "logo_not_found", "There is no such logo.")

// Error shows an error page with the request's id. It never redirects.
func (s *SignIn) Error(c *gin.Context, err error) { s.errorWithRetry(c, err, "") }

// ErrorWithStatus is Error with a status that its kind does not say.
func (s *SignIn) ErrorWithStatus(c *gin.Context, err error, status int) {
	problem, detail, _ := describe(err)
	s.showError(c, err, problem, detail, status, "")
}

func (s *SignIn) errorWithRetry(c *gin.Context, err error, retryURL string) {
	problem, detail, status := describe(err)
	s.showError(c, err, problem, detail, status, retryURL)
}

func (s *SignIn) showError(c *gin.Context, err error, problem *fault.Error, detail string, status int, retryURL string) {
	_ = c.Error(err)
	if problem.RetryAfter > 0 {
		c.Header("Retry-After", retryAfter(problem.RetryAfter))
	}
	var organization *org.Organization
	if found, ok := c.Get("oauth.organization"); ok {
		organization, _ = found.(*org.Organization)
	}
	if retryURL == "" && (problem.Kind == fault.Unavailable || problem.Kind == fault.RateLimited) && c.Request.Method == http.MethodGet {
		retryURL = c.Request.URL.RequestURI()
	}
	c.Abort()
	s.render(c, status, page.Error{Frame: s.frame(c, organization, strings.Fields(c.Query("ui_locales"))), Fault: problem, Detail: detail, RequestID: requestID(c), RetryURL: retryURL})
}

// describe brings protocol errors and faults to what the error page shows.
func describe(err error) (problem *fault.Error, detail string, status int) {
	var wire *oauth.Error
	if asOAuth(err, &wire) && wire.Code != "" {
		kind := fault.Invalid
		if wire.Status >= http.StatusInternalServerError {
			kind = fault.Unavailable
		}
		return fault.New(kind, wire.Code, wire.Description).WithRetryAfter(wire.RetryAfter), wire.Description, wire.Status
	}
	problem = fault.From(err)
	return problem, "", statusOf(problem.Kind)
}
