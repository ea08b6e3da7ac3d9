// Package oidctest tests the OpenID Provider from both sides. Provider is one on a real database, with
// every protocol endpoint that needs no page; the domain packages behind it are the real ones. Its clock
// can be moved and its database taken away. RelyingParty is an application in a box: it keeps verifier,
// state and nonce, follows pages as a browser without JavaScript does, and checks what it gets. It works
// against any provider, the release binary included.
package oidctest

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/ciba"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/device"
	"github.com/clavex/clavex/backend/internal/fetch"
	"github.com/clavex/clavex/backend/internal/fido"
	"github.com/clavex/clavex/backend/internal/fidotest"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/jobs"
	"github.com/clavex/clavex/backend/internal/key"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/logout"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/oauth/authorize"
	"github.com/clavex/clavex/backend/internal/oauth/introspection"
	"github.com/clavex/clavex/backend/internal/oauth/revocation"
	"github.com/clavex/clavex/backend/internal/oauth/token"
	"github.com/clavex/clavex/backend/internal/oidc"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/registration"
	"github.com/clavex/clavex/backend/internal/resource"
	"github.com/clavex/clavex/backend/internal/seal"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/trust"
	"github.com/clavex/clavex/backend/internal/user"
)

const cacheSize = 1000

// RegistrationLimit is how many clients an address may register at a Provider.
const RegistrationLimit = 20

// DeviceLimit is how many devices of public clients one network may begin at a Provider.
const DeviceLimit = 20

// ProofLimit is how many proofs public clients of a network may send to an organization of a Provider.
const ProofLimit = 90

// Actor is in whose name a Provider makes things.
func Actor() audit.Actor { return audit.Actor{Kind: audit.Operator, Name: "test"} }

// Provider is an OpenID Provider on a database of its own.
type Provider struct {
	URL      string // scheme://host:port, the public URL
	Clock    *Clock
	Trips    *dbtest.RoundTrips
	Database *Line
	Handler  http.Handler
	Web      *Web // where addresses of clients lead to
	Fetch    *fetch.Client

	Store         *store.Store
	Organizations *org.Organizations
	Users         *user.Users
	Clients       *client.Clients
	Keys          *key.Keys
	Resources     *resource.Resources
	Trusted       *trust.Issuers
	Metadata      *fidotest.Service // whose BLOBs Models takes
	Models        *fido.Models
	Sessions      *session.Sessions
	Grants        *grant.Grants
	AuditLog      *audit.Log

	Issuers  oauth.Issuers
	Tokens   *oauth.AccessTokens
	Live     *oauth.LiveTokens
	Senders  *oauth.SenderConstraint
	Resource *oauth.ProtectedResource
	Subjects *oauth.Subjects
	JWTs     *oauth.ClientJWTs
	IDTokens *oidc.IDTokens
	Hints    *oauth.IDTokenHints
	Logout   *logout.Validator

	Authentication *oauth.ClientAuthentication
	KeySets        *client.KeySets
	State          kv.Store
	Devices        *device.Endpoint
	Backchannel    *ciba.Endpoint

	mu     sync.Mutex
	errors []error

	jobs     []Job
	notified []ciba.Waiting
}

// NewProvider starts a provider; it ends with the test.
func NewProvider(t testing.TB) *Provider {
	t.Helper()
	p := &Provider{Clock: NewClock(), Trips: &dbtest.RoundTrips{}, Database: &Line{}}
	server := httptest.NewUnstartedServer(nil)
	p.URL = "http://" + server.Listener.Addr().String()
	p.Issuers = oauth.Issuers{PublicURL: p.URL, MTLSURL: "https://mtls.example.test"}
	p.Web, p.Fetch = newWeb(t)
	db, err := store.Open(context.Background(), dbtest.URL(t), store.Options{MaxConns: 6, Configure: p.Database.configure(p.Trips)})
	if err != nil {
		t.Fatal(err)
	}
	p.Store = db
	t.Cleanup(db.Close)
	p.domain(t)
	p.Handler = p.router()
	server.Config.Handler = p.Handler
	server.Start()
	t.Cleanup(server.Close)
	return p
}

func (p *Provider) domain(t testing.TB) {
	hub, now := store.NewInvalidations(), p.Clock.Now
	ring, err := seal.NewRing(seal.GenerateKey(rand.Reader))
	if err != nil {
		t.Fatal(err)
	}
	p.AuditLog = audit.NewLog(now)
	p.Organizations = org.New(p.Store, hub, p.AuditLog, now, cacheSize)
	p.Users = user.New(p.AuditLog, now)
	p.Clients = client.New(p.Store, hub, p.AuditLog, ring, now, rand.Reader, cacheSize)
	p.Resources = resource.New(p.Store, hub, p.AuditLog, now, cacheSize)
	p.Trusted = trust.New(p.Store, hub, p.AuditLog, now, cacheSize)
	p.Keys = key.New(p.Store, hub, ring, p.AuditLog, now, cacheSize)
	queue, err := jobs.New(p.Store, jobs.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	p.Metadata = fidotest.NewService()
	trust, err := fido.NewTrust(p.Metadata.Root.PEM(), nil)
	if err != nil {
		t.Fatal(err)
	}
	p.Models = fido.New(p.Store, hub, p.Organizations, p.Fetch, queue, slog.New(slog.DiscardHandler), now, fido.Source{Trust: trust})
	p.Sessions = session.New(p.Store, p.AuditLog, queue, p.Models, now, rand.Reader)
	p.Grants = grant.New(p.Store, p.AuditLog, p.Models, now, ring, rand.Reader)
	p.Tokens = oauth.NewAccessTokens(p.Issuers, p.Keys, ring, oidc.AccessTokenClaims(p.Store, p.Users), now, rand.Reader)
	p.KeySets, p.State = client.NewKeySets(p.Fetch, now), kv.NewPostgres(p.Store, rand.Reader)
	p.Authentication = oauth.NewClientAuthentication(oauth.NewClientDirectory(p.Clients, nil), p.KeySets, p.State, p.Issuers, oauth.NewClientAuthorities(nil), now)
	p.Authentication.Attestations = oauth.NewClientAttestations(p.KeySets, p.State, p.Issuers, ring.DeriveKey("client-attestation-challenge").Key, now)
	p.Senders = oauth.NewSenderConstraint(p.Issuers, p.State, ring.DeriveKey("dpop-nonce").Key, oauth.NewProofLimit(p.State, ProofLimit/30), now)
	p.Subjects, p.JWTs = oauth.NewSubjects(p.Keys.Secret), oauth.NewClientJWTs(p.Keys, p.Clients, p.KeySets)
	p.Live = oauth.NewLiveTokens(p.Grants, p.Clients, p.Subjects)
	p.Resource = oauth.NewProtectedResource(p.Tokens, p.Live, p.Senders)
	p.IDTokens = oidc.NewIDTokens(p.Issuers, p.Subjects, p.JWTs, p.Store, p.Users, now)
	p.Hints = oauth.NewIDTokenHints(p.Issuers, p.JWTs, p.Clients, p.Subjects, now)
	p.Devices = device.New(device.Dependencies{Issuers: p.Issuers, Authentication: p.Authentication, Clients: p.Clients, Grants: p.Grants, Targets: oauth.NewTargets(p.Resources, p.Issuers), State: p.State, Now: now,
		SignIns: DeviceLimit})
	p.Logout = logout.NewValidator(p.Hints, p.Clients)
}

// quiet sets gin's mode once: it is a variable of the process.
var quiet = sync.OnceFunc(func() { gin.SetMode(gin.TestMode) })

func (p *Provider) router() http.Handler {
	quiet()
	identities := token.NewIdentityAssertions(token.IdentityAssertionDependencies{Issuers: p.Issuers, Keys: p.Keys, Hints: p.Hints, Subjects: p.Subjects, Clients: p.Clients,
		Grants: p.Grants, Store: p.Store, Audit: p.AuditLog, Now: p.Clock.Now, Random: rand.Reader})
	tokens := token.NewEndpoint(token.Dependencies{Authentication: p.Authentication, Senders: p.Senders, Tokens: p.Tokens, Subjects: p.Subjects, JWTs: p.JWTs,
		Targets: oauth.NewTargets(p.Resources, p.Issuers), Hooks: []token.ResponseHook{p.IDTokens.TokenHook}, Grants: []token.Grant{
			token.NewAuthorizationCode(p.Grants), token.NewRefreshToken(p.Grants), token.NewClientCredentials(), device.NewGrant(p.Grants), ciba.NewGrant(p.Grants),
			token.NewTokenExchange(token.TokenExchangeDependencies{Tokens: p.Tokens, Live: p.Live, Hints: p.Hints, Subjects: p.Subjects, Grants: p.Grants, Issuers: p.Issuers, Store: p.Store,
				Audit: p.AuditLog, Now: p.Clock.Now, Identities: identities}),
			token.NewJWTBearer(token.AssertionDependencies{Issuers: p.Issuers, Trusted: p.Trusted, KeySets: p.KeySets, Targets: oauth.NewTargets(p.Resources, p.Issuers),
				Grants: p.Grants, State: p.State, Store: p.Store, Audit: p.AuditLog, Now: p.Clock.Now}, identities),
		}})
	p.Backchannel = ciba.New(ciba.Dependencies{Store: p.Store, Issuers: p.Issuers, Authentication: p.Authentication, Organizations: p.Organizations, Clients: p.Clients, Users: p.Users,
		KeySets: p.KeySets, Hints: p.Hints, Sessions: p.Sessions, Grants: p.Grants, Targets: oauth.NewTargets(p.Resources, p.Issuers), Tokens: tokens, State: p.State, Fetch: p.Fetch,
		Notifier: p, Enqueue: p.enqueue, Audit: p.AuditLog, Now: p.Clock.Now, Random: rand.Reader})
	authorization := authorize.Endpoint{SignUpOpen: func(_ context.Context, o *org.Organization) bool { return o.Policies.SignUpPolicy() == org.SignUpOpen }}
	documents := oidc.NewDocuments(p.Issuers, p.Keys, p.Resources, []string{"en", "it", "de"}, authorization.Prompts, cacheSize)
	userinfo := oidc.NewUserinfo(p.Issuers, p.Resource, p.Subjects, p.JWTs)
	registrations := registration.NewEndpoint(registration.Dependencies{Store: p.Store, Clients: p.Clients, Organizations: p.Organizations, State: p.State, Fetch: p.Fetch,
		KeySets: p.KeySets, Keys: p.Keys, Issuers: p.Issuers, Now: p.Clock.Now, Random: rand.Reader, Limit: RegistrationLimit})

	router := gin.New()
	router.HandleMethodNotAllowed = true
	router.Use(p.remember)
	mount := func(path string, serve gin.HandlerFunc, methods ...string) {
		cors := oauth.CORS(p.Clients, methods...)
		for _, method := range methods {
			router.Handle(method, path, p.organization, cors, serve)
		}
		router.OPTIONS(path, p.organization, cors)
	}
	mount("/:org/.well-known/openid-configuration", documents.ServeMetadata, http.MethodGet)
	mount("/.well-known/openid-configuration/:org", documents.ServeMetadata, http.MethodGet)
	mount("/.well-known/oauth-authorization-server/:org", documents.ServeMetadata, http.MethodGet)
	mount("/:org/jwks", documents.ServeKeySet, http.MethodGet)
	router.POST("/:org/challenge", p.organization, p.Authentication.Attestations.ServeChallenge)
	mount("/:org/token", tokens.Serve, http.MethodPost)
	mount("/:org/device_authorization", p.Devices.Serve, http.MethodPost)
	mount("/:org/bc-authorize", p.Backchannel.Serve, http.MethodPost)
	mount("/:org/userinfo", userinfo.Serve, http.MethodGet, http.MethodPost)
	mount("/:org/revoke", revocation.NewEndpoint(p.Authentication, p.Tokens, p.Grants).Serve, http.MethodPost)
	mount("/:org/register", registrations.Serve, http.MethodPost)
	mount("/:org/register/:client_id", registrations.ServeConfiguration, http.MethodGet, http.MethodPut, http.MethodDelete)
	router.POST("/:org/introspect", p.organization, introspection.NewEndpoint(p.Authentication, p.Tokens, p.Live, p.Grants, p.Subjects,
		oauth.NewTargets(p.Resources, p.Issuers), p.JWTs, p.Issuers, p.Clock.Now).Serve)
	return router
}

func (p *Provider) organization(c *gin.Context) {
	organization, err := p.Organizations.Serving(c.Request.Context(), c.Param("org"))
	if err != nil {
		oauth.WriteError(c, err)
		return
	}
	oauth.SetOrganization(c, organization)
}

// remember keeps what the handlers attached for the log.
func (p *Provider) remember(c *gin.Context) {
	c.Next()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, attached := range c.Errors {
		p.errors = append(p.errors, attached.Err)
	}
}

// LoggedErrors returns and forgets the errors that the server would have logged.
func (p *Provider) LoggedErrors() []error {
	p.mu.Lock()
	defer p.mu.Unlock()
	logged := p.errors
	p.errors = nil
	return logged
}

// Clock is a clock that tests move. It is safe for concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock makes a clock that shows the present time and stands still.
func NewClock() *Clock { return &Clock{now: time.Now().Truncate(time.Second)} }

// Now is the time shown.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock.
func (c *Clock) Advance(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(by)
}
