package revocation

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/oauth"
)

// Serve answers POST /{org}/revoke. The answer to a success has no body (RFC 7009 §2.2).
func (e *Endpoint) Serve(c *gin.Context) {
	form, err := oauth.ReadForm(c)
	if err != nil {
		oauth.WriteError(c, err)
		return
	}
	err = e.Revoke(c.Request.Context(), &Request{Organization: oauth.Organization(c), Parameters: form, Credentials: oauth.CredentialsOf(c, form)})
	if err != nil {
		oauth.WriteError(c, err)
		return
	}
	c.Header("Cache-Control", "no-store")
	c.Status(http.StatusOK)
}
