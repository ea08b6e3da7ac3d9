package authorize

import (
	"net/http"
	"time"

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

// pushedResponse is the answer to a pushed request (RFC 9126 §2.2).
type pushedResponse struct {
	RequestURI string `json:"request_uri"`
	ExpiresIn  int64  `json:"expires_in"` // seconds
}

// ServePushed answers POST /{org}/par (RFC 9126 §2).
func (a *Endpoint) ServePushed(c *gin.Context) {
	form, err := oauth.ReadForm(c)
	if err != nil {
		oauth.WriteError(c, err)
		return
	}
	organization := oauth.Organization(c)
	credentials := oauth.CredentialsOf(c, form)
	credentials.FirstUse = true
	pushing, err := a.Authentication.Authenticate(c.Request.Context(), organization, credentials)
	if err != nil {
		oauth.WriteError(c, err)
		return
	}
	a.Senders.OfferNonce(c)
	requestURI, err := a.Push(c.Request.Context(), organization, pushing, form, oauth.SenderOf(c))
	if err != nil {
		oauth.WriteError(c, err)
		return
	}
	oauth.WriteJSON(c, http.StatusCreated, pushedResponse{requestURI, int64(PushedLifetime / time.Second)})
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
		result, err := a.Handle(c.Request.Context(), organization, parameters, malformed, cookies.Tokens(c.Request, organization))
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
