package logout

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/oauth"
)

// ServeCheckSession serves the document that clients embed to learn whether the browser's state has changed (Session
// Management 1.0 §3.2, §3.3). It is the same for everybody and the only one of ours that others may embed.
func (m *SessionManagement) ServeCheckSession(c *gin.Context) {
	header := c.Writer.Header()
	header.Set("Content-Security-Policy", checkSessionPolicy())
	header.Set("Cache-Control", "public, max-age=300")
	header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	c.Data(http.StatusOK, "text/html; charset=utf-8", []byte(checkSessionPage(m.cookies.StateName(oauth.Organization(c)))))
}
