package signin

import (
	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/secret"
)

// OpenLink serves a one-time link. Opening it changes nothing, because mail scanners open links too: it
// begins a sign-in in which a password may be chosen, and choosing it spends the link.
func (s *SignIn) OpenLink(c *gin.Context) {
	s.openLink(c, oauth.Organization(c), c.Query("token"))
}

func (s *SignIn) openLink(c *gin.Context, organization *org.Organization, token string) {
	ctx, hash := c.Request.Context(), secret.Hash(token)
	userID, _, err := s.Links.Person(ctx, s.Store, organization.ID, hash)
	if err != nil {
		s.Error(c, err)
		return
	}
	_, browserHash := s.browser(c, organization)
	transaction, err := s.Transactions.Begin(ctx, organization.ID, browserHash, login.Required{Continuation: homeContinuation})
	if err == nil {
		transaction.OpenedLink(userID, hash, s.Now())
		err = s.Transactions.Save(ctx, transaction)
	}
	if err != nil {
		s.Error(c, err)
		return
	}
	s.Pages.SeeOther(c, path(organization, pathChangePassword)+"?transaction="+transaction.ID)
}
