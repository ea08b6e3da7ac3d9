package server

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/admin"
	"github.com/clavex/clavex/backend/internal/console"
	"github.com/clavex/clavex/backend/internal/org"
)

// mountConsole mounts the Admin API and the console. Neither knows the other: the console's session
// becomes authority here.
func (a *App) mountConsole(engine *gin.Engine, e *endpoints) error {
	var front *console.Console
	back, err := admin.New(admin.Options{
		Store: a.Store, Organizations: a.Organizations, Users: a.Users, Imports: a.Imports, Roles: a.Roles, Clients: a.Clients, Resources: a.Resources, Trusted: a.Trusted, Providers: a.Providers, Terms: a.Terms, Sessions: a.Sessions, Grants: a.Grants, Backchannel: a.CIBA, Keys: a.Keys, Passwords: a.Passwords,
		Links: a.Links, Invitations: a.Invitations, Passkeys: a.Passkeys, Models: a.Models, SecondFactors: a.SecondFactors, Letters: e.letters,
		Domains: a.Domains, IssuerOf: a.organizationOf, Audit: a.Audit, Issuers: a.Issuers, Resource: e.resource, Counters: a.State, Fetch: a.Fetch, Ring: a.Ring, Now: a.Now,
		Console: func(r *http.Request) (*admin.ConsoleSession, error) {
			session, err := front.Authenticate(r)
			if session == nil {
				return nil, err
			}
			return consoleSession(session), nil
		},
		OneTimeLinkURL: func(organization *org.Organization, token string) string {
			return a.Issuers.Endpoint(organization, "login/link") + "?token=" + token
		},
		SendsMail: a.Mails.Works, MayRequire: a.MayRequire, InstallationSendsMail: a.Mails.Installed(), MailServers: a.MailServers, EnqueueOrganizationDeletion: a.DeleteOrganizationLater,
	})
	if err != nil {
		return err
	}
	front, err = console.New(console.Options{
		Organizations: a.Organizations, Grants: a.Grants, Keys: a.Keys, Token: e.token, AccessTokens: e.tokens, Issuers: a.Issuers, State: a.State, Ring: a.Ring,
		Now: a.Now, Random: rand.Reader, URL: a.Config.ConsoleURL,
		Permissions: func(ctx context.Context, session *console.Session) ([]string, error) {
			authority, err := back.OfConsole(ctx, consoleSession(session))
			if err != nil {
				return nil, err
			}
			return authority.Permissions(), nil
		},
		Error: e.signIn.Error, Problem: admin.WriteProblem,
	})
	if err != nil {
		return err
	}
	back.Mount(engine.Group("", renderErrorsWith(admin.WriteProblem)))
	front.Mount(engine)
	engine.NoRoute(func(c *gin.Context) {
		if strings.HasPrefix(c.Request.URL.Path, admin.Prefix+"/") {
			back.Unknown(c)
			return
		}
		renderError(c, errNoSuchAddress)
	})
	return nil
}

func consoleSession(session *console.Session) *admin.ConsoleSession {
	return &admin.ConsoleSession{Organization: session.Organization, User: session.User, Scopes: session.Scopes}
}
