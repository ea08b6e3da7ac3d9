package introspection

import (
	"mime"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/oauth"
)

// Serve answers POST /{org}/introspect.
func (e *Endpoint) Serve(c *gin.Context) {
	form, err := oauth.ReadForm(c)
	if err != nil {
		oauth.WriteError(c, err)
		return
	}
	request := &Request{Organization: oauth.Organization(c), Parameters: form, Credentials: oauth.CredentialsOf(c, form)}
	response, err := e.Introspect(c.Request.Context(), request)
	if err != nil {
		oauth.WriteError(c, err)
		return
	}
	c.Header("Vary", "Accept")
	if !accepts(c.Request.Header.Values("Accept")) {
		oauth.WriteJSON(c, http.StatusOK, response)
		return
	}
	signed, err := e.Sign(c.Request.Context(), request, response)
	if err != nil {
		oauth.WriteError(c, err)
		return
	}
	oauth.WriteJWT(c, MediaType, signed)
}

// accepts reports whether the JWT is asked for by its name (RFC 9701 §4); */* is content with JSON.
func accepts(headers []string) bool {
	for _, header := range headers {
		for part := range strings.SplitSeq(header, ",") {
			mediaType, parameters, err := mime.ParseMediaType(part)
			if err == nil && mediaType == MediaType && parameters["q"] != "0" {
				return true
			}
		}
	}
	return false
}
