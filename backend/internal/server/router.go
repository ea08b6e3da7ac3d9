package server

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/account"
	"github.com/clavex/clavex/backend/internal/ciba"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/device"
	"github.com/clavex/clavex/backend/internal/erasure"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/logout"
	"github.com/clavex/clavex/backend/internal/metadatadocument"
	"github.com/clavex/clavex/backend/internal/notice"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/oauth/authorize"
	"github.com/clavex/clavex/backend/internal/oauth/introspection"
	"github.com/clavex/clavex/backend/internal/oauth/revocation"
	"github.com/clavex/clavex/backend/internal/oauth/token"
	"github.com/clavex/clavex/backend/internal/oidc"
	"github.com/clavex/clavex/backend/internal/proofofwork"
	"github.com/clavex/clavex/backend/internal/registration"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/signin"
	"github.com/clavex/clavex/backend/internal/upstream"
	"github.com/clavex/clavex/backend/internal/web"
	"github.com/clavex/clavex/backend/internal/web/asset"
	"github.com/clavex/clavex/backend/internal/web/text"
)

// endpoints are the protocol endpoints, wired.
type endpoints struct {
	authorize     *authorize.Endpoint
	token         *token.Endpoint
	device        *device.Endpoint
	introspection *introspection.Endpoint
	revocation    *revocation.Endpoint
	registration  *registration.Endpoint
	userinfo      *oidc.Userinfo
	documents     *oidc.Documents
	signIn        *signin.SignIn
	account       *account.Account
	texts         *text.Catalog
	letters       notice.Letters
	cookies       session.Cookies
	tokens        *oauth.AccessTokens
	resource      *oauth.ProtectedResource
	attestations  *oauth.ClientAttestations

	sessionManagement *logout.SessionManagement
}

func (a *App) endpoints(m *metrics) (*endpoints, error) {
	texts, err := text.Load()
	if err != nil {
		return nil, fmt.Errorf("translations: %w", err)
	}
	e := &endpoints{texts: texts, cookies: session.Cookies{Secure: strings.HasPrefix(a.Config.PublicURL, "https://"), StateKey: a.Ring.DeriveKey("browser-state").Key, Now: a.Now}}
	letters := notice.Letters{Mails: a.Mails, Texts: texts, Issuers: a.Issuers, Now: a.Now}
	e.letters, a.letters = letters, letters
	a.Erasure = &erasure.Erasure{Store: a.Store, Organizations: a.Organizations, Users: a.Users, Roles: a.Roles, Sessions: a.Sessions, Links: a.Links, Mails: a.Mails, Letters: letters,
		Audit: a.Audit, Now: a.Now, Random: rand.Reader}
	e.sessionManagement = logout.NewSessionManagement(e.cookies, rand.Reader)
	hints := oauth.NewIDTokenHints(a.Issuers, a.JWTs, a.Clients, a.Subjects, a.Now)
	authorities, err := a.Config.ClientAuthorities()
	if err != nil {
		return nil, err
	}
	descriptions := metadatadocument.New(metadatadocument.Dependencies{Fetch: a.Fetch.Restricted(a.ownMachine), Store: a.Store, Clients: a.Clients, Organizations: a.Organizations,
		Grants: a.Grants, Keys: a.Keys, State: a.State, Now: a.Now, SignIns: a.Config.SignInsPerNetwork})
	directory := oauth.NewClientDirectory(a.Clients, descriptions)
	authentication := oauth.NewClientAuthentication(directory, a.KeySets, a.State, a.Issuers, oauth.NewClientAuthorities(authorities), a.Now)
	e.attestations = oauth.NewClientAttestations(a.KeySets, a.State, a.Issuers, a.Ring.DeriveKey("client-attestation-challenge").Key, a.Now)
	authentication.Attestations = e.attestations
	senders := oauth.NewSenderConstraint(a.Issuers, a.State, a.Ring.DeriveKey("dpop-nonce").Key, oauth.NewProofLimit(a.State, a.Config.SignInsPerNetwork), a.Now)
	e.tokens = oauth.NewAccessTokens(a.Issuers, a.Keys, a.Ring, oidc.AccessTokenClaims(a.Store, a.Users), a.Now, rand.Reader)
	live := oauth.NewLiveTokens(a.Grants, a.Clients, a.Subjects)
	e.resource = oauth.NewProtectedResource(e.tokens, live, senders)
	idTokens := oidc.NewIDTokens(a.Issuers, a.Subjects, a.JWTs, a.Store, a.Users, a.Now)
	e.authorize = &authorize.Endpoint{Issuers: a.Issuers, SignUpOpen: a.signUpOpen, SecondFactor: a.secondFactorPolicy, MustAct: a.MustAct, Clients: directory, Sessions: a.Sessions, Grants: a.Grants, Tokens: e.tokens, Subjects: a.Subjects, KeySets: a.KeySets, Keys: a.Keys, Objects: authorize.NewRequestObjects(a.Fetch, a.Now), Targets: a.Targets, Hints: hints, JWTs: a.JWTs,
		Hooks: []authorize.ResponseHook{idTokens.AuthorizationHook}, SessionState: e.sessionManagement.State, Now: a.Now, Random: rand.Reader,
		Authentication: authentication, Senders: senders, State: a.State, Pushes: authorize.NewPushLimit(a.State, a.Config.SignInsPerNetwork)}
	identities := token.NewIdentityAssertions(token.IdentityAssertionDependencies{Issuers: a.Issuers, Keys: a.Keys, Hints: hints, Subjects: a.Subjects, Clients: a.Clients,
		Grants: a.Grants, Store: a.Store, Audit: a.Audit, Now: a.Now, Random: rand.Reader})
	e.token = token.NewEndpoint(token.Dependencies{Authentication: authentication, Senders: senders, Tokens: e.tokens, Subjects: a.Subjects, JWTs: a.JWTs, Targets: a.Targets,
		Grants: []token.Grant{token.NewAuthorizationCode(a.Grants), token.NewRefreshToken(a.Grants), token.NewClientCredentials(), device.NewGrant(a.Grants), ciba.NewGrant(a.Grants),
			token.NewTokenExchange(token.TokenExchangeDependencies{Tokens: e.tokens, Live: live, Hints: hints, Subjects: a.Subjects, Grants: a.Grants, Issuers: a.Issuers, Store: a.Store,
				Audit: a.Audit, Now: a.Now, Identities: identities}),
			token.NewJWTBearer(token.AssertionDependencies{Issuers: a.Issuers, Trusted: a.Trusted, KeySets: a.KeySets, Targets: a.Targets, Grants: a.Grants, State: a.State,
				Store: a.Store, Audit: a.Audit, Now: a.Now}, identities)},
		Hooks: []token.ResponseHook{idTokens.TokenHook, m.countToken}})
	e.introspection = introspection.NewEndpoint(authentication, e.tokens, live, a.Grants, a.Subjects, a.Targets, a.JWTs, a.Issuers, a.Now)
	e.revocation = revocation.NewEndpoint(authentication, e.tokens, a.Grants)
	e.registration = registration.NewEndpoint(registration.Dependencies{Store: a.Store, Clients: a.Clients, Organizations: a.Organizations, State: a.State, Fetch: a.Fetch,
		KeySets: a.KeySets, Keys: a.Keys, Issuers: a.Issuers, Now: a.Now, Random: rand.Reader, Limit: a.Config.RegistrationsPerNetwork})
	e.userinfo = oidc.NewUserinfo(a.Issuers, e.resource, a.Subjects, a.JWTs)
	e.documents = oidc.NewDocuments(a.Issuers, a.Keys, a.Resources, texts.Languages(), e.authorize.Prompts, cachedDocuments)
	e.device = device.New(device.Dependencies{Issuers: a.Issuers, Authentication: authentication, Clients: a.Clients, Grants: a.Grants, Targets: a.Targets, State: a.State, Now: a.Now,
		SignIns: a.Config.SignInsPerNetwork})
	a.CIBA = ciba.New(ciba.Dependencies{Store: a.Store, Issuers: a.Issuers, Authentication: authentication, Organizations: a.Organizations, Clients: a.Clients, Users: a.Users,
		KeySets: a.KeySets, Hints: hints, Sessions: a.Sessions, Grants: a.Grants, Targets: a.Targets, Tokens: e.token, State: a.State, Fetch: a.Fetch,
		Notifier: signin.ApprovalMails{Letters: letters}, Enqueue: a.Jobs.EnqueueOutgoing, Audit: a.Audit, Now: a.Now, Random: rand.Reader})
	e.signIn = signin.New(signin.Dependencies{
		Store: a.Store, Issuers: a.Issuers, Users: a.Users, Clients: a.Clients, Remembered: a.Devices, Directory: directory, Documents: descriptions, Logos: client.NewLogos(a.Fetch, a.Now), Subjects: a.Subjects, Sessions: a.Sessions, Grants: a.Grants, Resources: a.Resources, Passwords: a.Passwords, Links: a.Links, Invitations: a.Invitations, SecondFactors: a.SecondFactors, Passkeys: a.Passkeys, FirstWays: credential.NewFirstWays(a.Store, a.Models, a.Now, rand.Reader), Ceremonies: a.Ceremonies,
		Transactions: login.NewTransactions(a.State, a.Now, rand.Reader), Logout: logout.NewValidator(hints, a.Clients), Devices: e.device, Backchannel: a.CIBA, Audit: a.Audit, Ring: a.Ring,
		Cookies: e.cookies, Pages: web.NewPages(nil), Texts: texts, Organizations: a.Organizations, Now: a.Now, Random: rand.Reader,
		Mails: a.Mails, Letters: letters, Erasure: a.Erasure, Providers: a.Providers, Terms: a.Terms, Parties: upstream.New(a.Fetch, a.KeySets, a.Providers, a.Now), SignUpOpen: a.signUpOpen, SignUps: signin.NewSignUpLimits(a.State, a.Config.SignUpsPerNetwork),
		Recoveries: signin.NewRecoveryLimits(a.State), FactorMails: signin.NewFactorMailLimits(a.State), Addresses: signin.NewAddressLimits(a.State),
		State: a.State, Challenges: proofofwork.New(a.Ring.DeriveKey("proof-of-work").Key, a.State, a.Now, rand.Reader), Suspicion: proofofwork.NewSuspicion(a.State),
		Doable: a.Doable, Beginnings: signin.NewBeginnings(a.State, a.Config.SignInsPerNetwork), Identifiers: signin.NewIdentifiers(a.State, a.Config.SignInsPerNetwork), Observe: func(outcome string) { m.logins.WithLabelValues(outcome).Inc() },
	}, map[string]login.Continuation{authorize.ContinuationName: e.authorize, device.ContinuationName: e.device, ciba.ContinuationName: a.CIBA,
		account.ContinuationName: account.Continuation{}})
	e.account = account.New(account.Dependencies{SignIn: e.signIn, Store: a.Store, Issuers: a.Issuers, Users: a.Users, Clients: a.Clients, Sessions: a.Sessions, Grants: a.Grants,
		Passwords: a.Passwords, SecondFactors: a.SecondFactors, Remembered: a.Devices, Passkeys: a.Passkeys, Invitations: a.Invitations, Trusted: a.Trusted, Models: a.Models, Ceremonies: a.Ceremonies, Letters: letters, Erasure: a.Erasure, Providers: a.Providers, Terms: a.Terms, Mails: a.Mails, Audit: a.Audit, Texts: texts, Now: a.Now})
	return e, nil
}

// router mounts every address of the contract.
func (a *App) router(m *metrics, health *health) (*gin.Engine, error) {
	e, err := a.endpoints(m)
	if err != nil {
		return nil, err
	}
	proxies, err := a.Config.Proxies()
	if err != nil {
		return nil, err
	}
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	// gin believes every proxy by default and repairs addresses by redirecting; both are ours to decide.
	_ = engine.SetTrustedProxies(nil)
	engine.ForwardedByClientIP = false
	engine.RedirectTrailingSlash, engine.RedirectFixedPath = false, false
	engine.HandleMethodNotAllowed = true
	engine.ContextWithFallback = true
	page := errorRenderer(e.signIn.Error)
	engine.Use(m.middleware, facts(proxies, a.Config.ClientCertificateHeader, a.Config.RequestTimeout), renderErrorsWith(page), accessLog(a.Log), explainRefusals(a.State, a.Audit, a.Store), recoverPanics(a.Log, page), strictTransport(a.Config.PublicURL), refuseUnknownOwners)
	engine.NoRoute(func(c *gin.Context) { renderError(c, errNoSuchAddress) })
	engine.NoMethod(func(c *gin.Context) { methodNotAllowed(c, e) })

	engine.GET("/healthz", health.alive)
	engine.GET("/readyz", health.ready)
	both(engine, asset.Prefix+"*path", web.Assets())
	engine.GET("/robots.txt", func(c *gin.Context) { c.String(http.StatusOK, "User-agent: *\nDisallow: /\n") })
	engine.GET("/", func(c *gin.Context) { c.Redirect(http.StatusSeeOther, a.Config.ConsoleURL+"/console/") })
	if a.pages != nil {
		a.pages(engine)
	}
	a.mountOrganizations(engine, e, page)
	return engine, a.mountConsole(engine, e)
}

// mountOrganizations mounts what each organization has: its OpenID Provider and its pages.
func (a *App) mountOrganizations(engine *gin.Engine, e *endpoints, page errorRenderer) {
	found := a.organization
	json := renderErrorsWith(oauth.WriteError)

	for _, address := range []string{"/.well-known/openid-configuration/:org", "/.well-known/oauth-authorization-server/:org", "/:org/.well-known/openid-configuration"} {
		cors(engine.Group("", json, found), a, address, e.documents.ServeMetadata, http.MethodGet, http.MethodHead)
	}
	cors(engine.Group("", json, found), a, oauth.WellKnownProtectedResource+"/:org", e.documents.ServeResourceMetadata, http.MethodGet, http.MethodHead)
	protocol := engine.Group("/:org", json, found)
	protocol.GET("/.well-known/webauthn", a.serveRelatedOrigins)
	cors(protocol, a, "/jwks", e.documents.ServeKeySet, http.MethodGet, http.MethodHead)
	cors(protocol, a, "/token", e.token.Serve, http.MethodPost)
	cors(protocol, a, "/device_authorization", e.device.Serve, http.MethodPost)
	protocol.POST("/bc-authorize", a.CIBA.Serve)
	cors(protocol, a, "/par", e.authorize.ServePushed, http.MethodPost)
	cors(protocol, a, "/userinfo", e.userinfo.Serve, http.MethodGet, http.MethodPost)
	cors(protocol, a, "/revoke", e.revocation.Serve, http.MethodPost)
	cors(protocol, a, "/register", e.registration.Serve, http.MethodPost)
	cors(protocol, a, "/register/:client_id", e.registration.ServeConfiguration, http.MethodGet, http.MethodPut, http.MethodDelete)
	protocol.POST("/introspect", e.introspection.Serve)
	protocol.POST("/challenge", e.attestations.ServeChallenge)

	pages := engine.Group("/:org", renderErrorsWith(page), found)
	authorization := e.authorize.Handler(e.cookies, authorize.Delivery{SignIn: e.signIn.Begin, Answer: e.signIn.Answer, Error: e.signIn.Error})
	pages.GET("/authorize", authorization)
	pages.POST("/authorize", authorization)
	for address, serve := range map[string]gin.HandlerFunc{
		"/login": e.signIn.Login, "/login/second-factor": e.signIn.SecondFactor, "/login/second-factor/add": e.signIn.EnrolSecondFactor, "/login/passkey": e.signIn.Passkey, "/login/ways": e.signIn.Ways, "/login/mail": e.signIn.MagicLink, "/login/mail/confirm": e.signIn.ConfirmMagicLink, "/sign-up": e.signIn.SignUp, "/sign-up/confirm": e.signIn.ConfirmAddress, "/sign-up/passkey": e.signIn.SignUpPasskey,
		"/forgot-password": e.signIn.ForgotPassword, "/forgot-password/confirm": e.signIn.ConfirmRecovery,
		"/select-account": e.signIn.SelectAccount, "/consent": e.signIn.Consent, "/action/change-password": e.signIn.ChangePassword, "/action/email": e.signIn.ProveAddress, "/action/verify-email": e.signIn.VerifyEmail, "/action/passkey": e.signIn.EnrolPasskey, "/action/terms": e.signIn.AcceptTerms, "/action/keep-account": e.signIn.KeepAccount, "/action/link-account": e.signIn.LinkIdentity, "/undo-email-change": e.signIn.UndoAddress, "/logout": e.signIn.Logout,
		"/" + device.PathVerification: e.signIn.Device, "/" + ciba.PathApprovals: e.signIn.Approvals,
	} {
		pages.GET(address, serve)
		pages.POST(address, serve)
	}
	pages.GET("/login/link", e.signIn.OpenLink)
	pages.GET("/login/former-address", e.signIn.AskFormer)
	pages.GET("/login/hand-over", e.signIn.HandOver)
	pages.GET("/login/handed-over", e.signIn.HandedOver)
	pages.GET("/"+notice.PathInvitation, e.signIn.OpenInvitation)
	pages.GET("/"+notice.PathInvitation+"/accept", e.signIn.AcceptInvitation)
	pages.POST("/"+notice.PathInvitation+"/accept", e.signIn.AcceptInvitation)
	pages.GET("/idp/:alias", e.signIn.Upstream)
	pages.GET("/idp/:alias/callback", e.signIn.UpstreamCallback)
	pages.GET("/"+device.PathAllowed, e.signIn.DeviceAllowed)
	pages.GET("/"+device.PathDenied, e.signIn.DeviceDenied)
	pages.GET("/"+ciba.PathAllowed, e.signIn.ApprovalAllowed)
	pages.GET("/"+ciba.PathDenied, e.signIn.ApprovalDenied)
	e.account.Mount(pages)
	pages.GET("/check_session", e.sessionManagement.ServeCheckSession)
	pages.GET("/logo/:digest", e.signIn.Logo)
	pages.GET("/client-logo/:key", e.signIn.ClientLogo)
	pages.GET("/", e.signIn.Home)
	pages.GET("", func(c *gin.Context) { c.Redirect(http.StatusSeeOther, oauth.Organization(c).Path("")) })
}

// methodNotAllowed answers in the form of the address: JSON where programs call, a page where people go.
func methodNotAllowed(c *gin.Context, e *endpoints) {
	if forPrograms(c.Request.URL.Path) {
		oauth.WriteError(c, oauth.InvalidRequest(errMethodNotAllowed.Message).WithStatus(http.StatusMethodNotAllowed))
		return
	}
	e.signIn.ErrorWithStatus(c, errMethodNotAllowed, http.StatusMethodNotAllowed)
}

// cors mounts an endpoint that pages of registered origins may call.
func cors(group *gin.RouterGroup, a *App, address string, serve gin.HandlerFunc, methods ...string) {
	allow := oauth.CORS(a.Clients, methods...)
	for _, method := range methods {
		group.Handle(method, address, allow, serve)
	}
	group.OPTIONS(address, allow)
}

func both(engine *gin.Engine, address string, serve gin.HandlerFunc) {
	engine.GET(address, serve)
	engine.HEAD(address, serve)
}
