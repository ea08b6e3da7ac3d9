package signin

import (
	"net/http"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// What pages of other packages share with those of a sign-in (package account).

// SignedIn are the browser's live sessions at the organization, the one used last first.
func (s *SignIn) SignedIn(c *gin.Context, organization *org.Organization) (session.Browser, error) {
	return s.signedIn(c, organization)
}

// Frame is what surrounds a page, in the first of the languages that is spoken here.
func (s *SignIn) Frame(c *gin.Context, organization *org.Organization, languages ...string) page.Frame {
	return s.frame(c, organization, languages)
}

// Token is the token of a form, bound to the browser, the organization and what the form is about.
func (s *SignIn) Token(c *gin.Context, organization *org.Organization, about string) string {
	own, _ := s.browser(c, organization)
	return s.formToken(organization, own, about)
}

// Posted reads a form and refuses one that is not from our own page about the same, in this browser.
func (s *SignIn) Posted(c *gin.Context, organization *org.Organization, about string) (oauth.Parameters, error) {
	form, err := oauth.ReadForm(c)
	if err != nil {
		return form, err
	}
	own, _ := s.browser(c, organization)
	return form, s.checkForm(c, form, s.formToken(organization, own, about))
}

// Render shows a page.
func (s *SignIn) Render(c *gin.Context, status int, view templ.Component) { s.render(c, status, view) }

// Go leads to another of the organization's pages, after a form too.
func (s *SignIn) Go(c *gin.Context, organization *org.Organization, name string) {
	s.Pages.SeeOther(c, path(organization, name))
}

// ShownClient is how a page shows an application, in the language.
func (s *SignIn) ShownClient(organization *org.Organization, found *client.Client, language string) page.Client {
	return s.shown(organization, found, language)
}

// Allowed fills in what a person allowed an application, as the page of consent says it.
func (s *SignIn) Allowed(c *gin.Context, organization *org.Organization, view *page.Consent, asking *client.Client, scopes []string) {
	s.describeAsked(c, organization, view, asking, &login.ConsentRequirement{Scopes: scopes})
}

// StatusOf is the HTTP status of a page that shows the fault in place.
func StatusOf(problem *fault.Error) int {
	if problem.Kind == fault.Invalid {
		return http.StatusUnprocessableEntity
	}
	return statusOf(problem.Kind)
}
