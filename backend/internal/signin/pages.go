package signin

import (
	"context"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/ciba"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/reqctx"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/web/asset"
	"github.com/clavex/clavex/backend/internal/web/page"
)

var noSession = uuid.Nil

// The continuations of sign-ins that nobody but the person asked for: at their home page, and at what waits for them.
const (
	homeContinuation      = "home"
	approvalsContinuation = "approvals"
)

// home ends a sign-in at one of our own pages.
type home struct{ to string }

func (h home) Complete(_ context.Context, organization *org.Organization, _ *login.Transaction, _ *session.Live, _ session.Browser) (login.Answer, error) {
	return login.Answer{RedirectURL: path(organization, h.to)}, nil
}

func (h home) Deny(_ context.Context, organization *org.Organization, _ *login.Transaction) (login.Answer, error) {
	return login.Answer{RedirectURL: path(organization, pathLogin)}, nil
}

func (h home) LeadsTo(*login.Transaction) string { return "" }

func (h home) RestartURL(organization *org.Organization, _ *login.Transaction) string {
	if h.to != "" {
		return path(organization, h.to)
	}
	return path(organization, pathLogin)
}

// signedIn are the browser's live sessions at the organization.
func (s *SignIn) signedIn(c *gin.Context, organization *org.Organization) (session.Browser, error) {
	return s.Sessions.InBrowser(c.Request.Context(), organization, s.Cookies.Tokens(c.Request, organization), uuid.Nil)
}

// Home serves the page that tells a signed-in person who they are here; others go to sign in.
func (s *SignIn) Home(c *gin.Context) {
	organization := oauth.Organization(c)
	browser, err := s.signedIn(c, organization)
	live := browser.Current()
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
	view := page.Home{Frame: s.frame(c, organization, nil), Name: live.User.DisplayName(), Username: live.User.Username,
		Email: live.User.Email, Others: names(browser[1:]), AccountsURL: path(organization, pathSelectAccount), LogoutURL: path(organization, pathLogout),
		AccountURL: path(organization, pathAccount)}
	if view.Accepted, err = s.acceptedPasskeys(c.Request.Context(), organization, live.User.ID); err != nil {
		s.Error(c, err)
		return
	}
	waiting, err := s.Grants.PendingBackchannel(c.Request.Context(), organization.ID, live.User.ID, uuid.Max, 1)
	if err != nil {
		s.Error(c, err)
		return
	}
	if len(waiting) > 0 {
		view.ApprovalsURL = path(organization, ciba.PathApprovals)
	}
	s.render(c, http.StatusOK, view)
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
	found, err := s.Directory.Find(c.Request.Context(), organization, c.Query("client_id"))
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
		if retryURL = reqctx.Path(c.Request); c.Request.URL.RawQuery != "" {
			retryURL += "?" + c.Request.URL.RawQuery
		}
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
