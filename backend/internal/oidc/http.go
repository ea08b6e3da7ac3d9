package oidc

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/oauth"
)

// documentLifetime is how long browsers, proxies and relying parties may keep a document. A new key is
// published a day before it signs, so even a forgotten copy is in time.
const documentLifetime = 5 * time.Minute

// ServeMetadata answers GET of the metadata in its three places: /{org}/.well-known/openid-configuration
// (OpenID Connect Discovery 1.0 §4), /.well-known/openid-configuration/{org} and
// /.well-known/oauth-authorization-server/{org} (RFC 8414 §3.1 and §5).
func (d *Documents) ServeMetadata(c *gin.Context) {
	found, err := d.metadataDocument(c.Request.Context(), oauth.Organization(c))
	if err != nil {
		oauth.WriteError(c, err)
		return
	}
	found.serve(c, metadataMediaType)
}

// ServeResourceMetadata answers GET /.well-known/oauth-protected-resource/{org}: the issuer is a protected resource, whose
// one endpoint is userinfo (RFC 9728 §3).
func (d *Documents) ServeResourceMetadata(c *gin.Context) {
	content, err := json.Marshal(d.ResourceMetadata(oauth.Organization(c)))
	if err != nil {
		oauth.WriteError(c, err)
		return
	}
	newDocument(content).serve(c, metadataMediaType)
}

// ServeKeySet answers GET /{org}/jwks (RFC 7517 §5).
func (d *Documents) ServeKeySet(c *gin.Context) {
	found, err := d.keySetDocument(c.Request.Context(), oauth.Organization(c))
	if err != nil {
		oauth.WriteError(c, err)
		return
	}
	found.serve(c, keySetMediaType)
}

// The values of headers that are the same in every answer: documents are asked for more often than anything else, and
// net/http only reads them.
var (
	metadataMediaType = []string{"application/json"}
	keySetMediaType   = []string{"application/jwk-set+json"}
	documentCaching   = []string{"public, max-age=" + strconv.Itoa(int(documentLifetime/time.Second))}
)

func (d *document) serve(c *gin.Context, mediaType []string) {
	header := c.Writer.Header()
	header["Cache-Control"], header["Etag"] = documentCaching, d.etagHeader
	if d.isIn(c.GetHeader("If-None-Match")) {
		c.Status(http.StatusNotModified)
		c.Writer.WriteHeaderNow()
		return
	}
	header["Content-Type"], header["Content-Length"] = mediaType, d.lengthHeader
	c.Status(http.StatusOK)
	if c.Request.Method == http.MethodHead {
		c.Writer.WriteHeaderNow()
		return
	}
	_, _ = c.Writer.Write(d.content) // the client went away: nobody is left to tell
}

// isIn compares entity tags weakly (RFC 9110 §13.1.2).
func (d *document) isIn(condition string) bool {
	if condition == "" {
		return false
	}
	for tag := range strings.SplitSeq(condition, ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || strings.TrimPrefix(tag, "W/") == d.etag {
			return true
		}
	}
	return false
}

// Serve answers GET and POST /{org}/userinfo.
func (u *Userinfo) Serve(c *gin.Context) {
	organization := oauth.Organization(c)
	refuse := func(err error) { oauth.WriteError(c, u.resource.Challenge(err, u.issuers.URL(organization))) }
	oauth.AnswerInteraction(c.Writer.Header(), c.Request)
	presented, err := oauth.PresentedToken(c)
	if err != nil {
		refuse(err)
		return
	}
	u.resource.Senders().OfferNonce(c)
	answer, err := u.Find(c.Request.Context(), organization, presented)
	if err == nil && answer.Interactions {
		oauth.NameInteraction(c.Writer.Header(), c.Request)
	}
	switch {
	case err != nil:
		refuse(err)
	case answer.JWT != "":
		oauth.WriteJWT(c, "application/jwt", answer.JWT)
	default:
		oauth.WriteJSON(c, http.StatusOK, answer.Claims)
	}
}
