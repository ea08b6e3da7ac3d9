package token

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/oauth"
)

// Serve answers POST /{org}/token.
func (e *Endpoint) Serve(c *gin.Context) {
	form, err := oauth.ReadForm(c)
	if err != nil {
		oauth.WriteError(c, err)
		return
	}
	e.Senders.OfferNonce(c)
	response, err := e.Issue(c.Request.Context(), &Request{Organization: oauth.Organization(c), Parameters: form, Credentials: oauth.CredentialsOf(c, form),
		Sender: oauth.SenderOf(c)})
	if err != nil {
		oauth.WriteError(c, err)
		return
	}
	oauth.WriteJSON(c, http.StatusOK, response)
}
