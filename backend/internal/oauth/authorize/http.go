package authorize

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/session"
)

// Delivery is what the endpoint needs of the packages that own pages.
type Delivery struct {
	SignIn func(c *gin.Context, required login.Required) // begins a login transaction and goes to its first page
	Answer func(c *gin.Context, answer login.Answer)     // redirects, or renders the self-posting form
	Error  func(c *gin.Context, err error)               // the error page
}

// Handler serves GET and POST (OpenID Connect Core 1.0 §3.1.2.1).
func (a *Endpoint) Handler(cookies session.Cookies, delivery Delivery) gin.HandlerFunc {
	return func(c *gin.Context) {
		organization := oauth.Organization(c)
		var parameters oauth.Parameters
		var malformed error
		if c.Request.Method == http.MethodPost {
			parameters, malformed = oauth.ReadForm(c)
		} else {
			parameters, malformed = oauth.ParseQuery(c.Request.URL.RawQuery)
		}
		result, err := a.Handle(c.Request.Context(), organization, parameters, malformed, cookies.Token(c.Request, organization))
		switch {
		case err != nil:
			delivery.Error(c, err)
		case result.Required != nil:
			delivery.SignIn(c, *result.Required)
		default:
			delivery.Answer(c, result.Answer)
		}
	}
}
