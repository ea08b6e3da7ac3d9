package admin

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/role"
)

// challenge adds to a refusal where what the Admin API demands can be read (RFC 9728 §5.1).
func (a *API) challenge(err error) error {
	var known *refusal
	if !errors.As(err, &known) || known.wire == nil {
		return err
	}
	copied := *known
	_ = errors.As(a.resource.Challenge(known.wire, a.issuers.AdminAudience()), &copied.wire)
	return &copied
}

// resourceMetadata is what the Admin API says of itself as a protected resource (RFC 9728 §2). Every organization's issuer
// issues tokens for it; the one that is named crosses organizations, and the others are not for everybody to read.
func (a *API) resourceMetadata() oauth.ResourceMetadata {
	metadata := oauth.ResourceMetadata{
		Resource: a.issuers.AdminAudience(), AuthorizationServers: []string{a.issuers.URL(&org.Organization{Slug: org.SystemSlug})},
		ScopesSupported: []string{string(role.Read), string(role.Write)}, BearerMethodsSupported: []string{"header"}, ResourceName: "Clavex Admin API",
		TLSClientCertificateBoundAccessTokens: a.issuers.MutualTLS,
	}
	for _, algorithm := range jose.Algorithms() {
		metadata.DPoPSigningAlgValuesSupported = append(metadata.DPoPSigningAlgValuesSupported, string(algorithm))
	}
	return metadata
}

func (a *API) serveResourceMetadata(c *gin.Context) {
	c.Header("Cache-Control", "public, max-age=300")
	c.Header("X-Content-Type-Options", "nosniff")
	c.JSON(http.StatusOK, a.resourceMetadata())
}
