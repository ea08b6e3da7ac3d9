package ciba

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/oauth"
)

// Serve answers POST /{org}/bc-authorize.
func (e *Endpoint) Serve(c *gin.Context) {
	form, err := oauth.ReadForm(c)
	if err != nil {
		oauth.WriteError(c, err)
		return
	}
	response, err := e.Begin(c.Request.Context(), &Request{Organization: oauth.Organization(c), Parameters: form, Credentials: oauth.CredentialsOf(c, form)})
	if err != nil {
		oauth.WriteError(c, err)
		return
	}
	oauth.WriteJSON(c, http.StatusOK, response)
}
