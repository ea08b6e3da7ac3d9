package registration

import (
	"context"
	"mime"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/oauth"
)

// Serve answers POST /{org}/register with 201 and the client, or an error of RFC 7591 §3.2.2.
func (e *Endpoint) Serve(c *gin.Context) {
	request := &Request{Organization: oauth.Organization(c)}
	err := readBody(c, request)
	if err == nil && c.GetHeader("Authorization") != "" {
		request.InitialAccessToken, err = oauth.BearerToken(c)
	}
	if err != nil {
		oauth.WriteError(c, err)
		return
	}
	answer(c, http.StatusCreated, request, e.Register)
}

// ServeConfiguration answers GET, PUT and DELETE /{org}/register/:client_id, the client configuration endpoint of
// RFC 7592 §2.
func (e *Endpoint) ServeConfiguration(c *gin.Context) {
	token, err := oauth.BearerToken(c)
	if err != nil {
		oauth.WriteError(c, err)
		return
	}
	request := &Request{Organization: oauth.Organization(c), ClientID: c.Param("client_id"), Token: token}
	switch c.Request.Method {
	case http.MethodGet:
		answer(c, http.StatusOK, request, e.Read)
	case http.MethodPut:
		if err := readBody(c, request); err != nil {
			oauth.WriteError(c, err)
			return
		}
		answer(c, http.StatusOK, request, e.Update)
	case http.MethodDelete:
		if err := e.Delete(c.Request.Context(), request); err != nil {
			oauth.WriteError(c, err)
			return
		}
		c.Header("Cache-Control", "no-store")
		c.Header("Pragma", "no-cache")
		c.Status(http.StatusNoContent)
		c.Writer.WriteHeaderNow()
	}
}

func readBody(c *gin.Context, request *Request) (err error) {
	mediaType, _, err := mime.ParseMediaType(c.GetHeader("Content-Type"))
	if err != nil || mediaType != "application/json" {
		return oauth.NewError(oauth.CodeInvalidClientMetadata, "The content type must be application/json.")
	}
	request.Body, err = oauth.ReadBody(c, oauth.MaximumBodyBytes)
	return err
}

func answer(c *gin.Context, status int, request *Request, do func(context.Context, *Request) (Response, error)) {
	response, err := do(c.Request.Context(), request)
	if err != nil {
		oauth.WriteError(c, err)
		return
	}
	oauth.WriteJSON(c, status, response)
}
