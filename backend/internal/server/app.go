// Package server builds a Clavex process: it opens what is outside (PostgreSQL, Redis), wires the
// packages together, mounts their endpoints, and runs until it is told to stop. Decisions about
// protocols, people or tenants are made in the packages it wires, not here.
package server

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/ciba"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/config"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/customdomain"
	"github.com/clavex/clavex/backend/internal/dnslookup"
	"github.com/clavex/clavex/backend/internal/erasure"
	"github.com/clavex/clavex/backend/internal/fetch"
	"github.com/clavex/clavex/backend/internal/fido"
	"github.com/clavex/clavex/backend/internal/geolocation"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/identityprovider"
	"github.com/clavex/clavex/backend/internal/jobs"
	"github.com/clavex/clavex/backend/internal/key"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/logout"
	"github.com/clavex/clavex/backend/internal/mail"
	"github.com/clavex/clavex/backend/internal/mailqueue"
	"github.com/clavex/clavex/backend/internal/mailserver"
	"github.com/clavex/clavex/backend/internal/notice"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/passwordhash"
	"github.com/clavex/clavex/backend/internal/resource"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/seal"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/terms"
	"github.com/clavex/clavex/backend/internal/trust"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/userimport"
	"github.com/clavex/clavex/backend/internal/webauthn"
)

// Bounds of the in-process caches, in entries. Ten thousand busy organizations fit: with half of their keys
// in the cache, a token costs twice as much. Documents are large and cheap to make again.
const (
	cachedOrganizations = 12_000
	cachedClients       = 24_000
	cachedKeys          = 12_000
	cachedDocuments     = 1_000
)

// App is everything a Clavex process knows, without the HTTP side: the command line uses it too.
type App struct {
	Config        *config.Config
	Log           *slog.Logger
	Now           func() time.Time
	Store         *store.Store
	Invalidations *store.Invalidations
	State         kv.Store
	Fetch         *fetch.Client
	Ring          *seal.Ring
	Audit         *audit.Log
	Organizations *org.Organizations
	Users         *user.Users
	Roles         *role.Assignments
	Clients       *client.Clients
	KeySets       *client.KeySets
	Subjects      *oauth.Subjects
	JWTs          *oauth.ClientJWTs
	Keys          *key.Keys
	Resources     *resource.Resources
	Trusted       *trust.Issuers
	Targets       *oauth.Targets
	Sessions      *session.Sessions
	Grants        *grant.Grants
	Hashes        *passwordhash.Hasher
	Passwords     *credential.Passwords
	Imports       *userimport.Imports
	Links         *credential.Links
	Invitations   *credential.Invitations
	SecondFactors *credential.SecondFactors
	Devices       *credential.Devices
	Passkeys      *credential.Passkeys
	Models        *fido.Models
	Ceremonies    *webauthn.Ceremonies
	Domains       *customdomain.Domains
	Jobs          *jobs.Jobs
	Issuers       oauth.Issuers
	BackChannel   *logout.BackChannel
	CIBA          *ciba.Endpoint   // made with the endpoints: nil on the command line
	Erasure       *erasure.Erasure // likewise
	Mails         *mailqueue.Queue
	MailServers   *mailserver.Servers
	Providers     *identityprovider.Providers
	Terms         *terms.Terms

	letters notice.Letters // made with the endpoints
	pages   func(gin.IRouter)
	redis   *kv.Redis
	expired *kv.Postgres
}

// Options are what differs between serving, the command line and tests.
type Options struct {
	Now     func() time.Time // time.Now when nil
	Workers int              // background jobs at the same time; 0 only enqueues
	Store   store.Options
	Lookup  func(ctx context.Context, network, host string) ([]netip.Addr, error) // of outgoing requests; the system's when nil
	Hashing passwordhash.Parameters                                               // the zero value means the defaults

	FetchTimeout time.Duration // of outgoing requests; the default of package fetch when 0

	Mail  mail.Sender       // instead of the configured server
	Pages func(gin.IRouter) // mounts further pages, of `clavex dev`
}

// Open connects and wires. Close what it returns. The database is not touched until first use.
func Open(ctx context.Context, cfg *config.Config, log *slog.Logger, options Options) (*App, error) {
	now := options.Now
	if now == nil {
		now = time.Now
	}
	ring, err := cfg.Ring()
	if err != nil {
		return nil, err
	}
	if options.Store.MaxConns == 0 {
		options.Store.MaxConns = int32(min(cfg.DatabaseMaxConns, 10_000)) // bounded
	}
	networks, err := cfg.FetchAllowedNetworks()
	if err != nil {
		return nil, err
	}
	roots, err := cfg.FetchRoots()
	if err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, cfg.DatabaseURL, options.Store)
	if err != nil {
		return nil, err
	}
	app := &App{Config: cfg, pages: options.Pages, Log: log, Now: now, Store: db, Ring: ring, Invalidations: store.NewInvalidations(),
		Issuers: oauth.Issuers{PublicURL: cfg.PublicURL, MTLSURL: cfg.MTLSURL, MutualTLS: cfg.MutualTLS()},
		Fetch:   fetch.New(fetch.Options{AllowedNetworks: networks, Roots: roots, Lookup: options.Lookup, Timeout: options.FetchTimeout})}
	if err := app.openState(ctx); err != nil {
		db.Close()
		return nil, err
	}
	if err := app.wire(options); err != nil {
		app.Close()
		return nil, err
	}
	return app, nil
}

// openState chooses where short-lived state lives.
func (a *App) openState(ctx context.Context) error {
	a.expired = kv.NewPostgres(a.Store, rand.Reader)
	a.State = a.expired
	if a.Config.RedisURL == "" {
		return nil
	}
	redis, err := kv.OpenRedis(ctx, a.Config.RedisURL, rand.Reader)
	if err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	a.redis, a.State = redis, redis
	return nil
}

func (a *App) wire(options Options) error {
	now, random := a.Now, rand.Reader
	a.Audit = audit.NewLog(now)
	a.Organizations = org.New(a.Store, a.Invalidations, a.Audit, now, cachedOrganizations, a.createConsoleClient)
	a.Users = user.New(a.Audit, now)
	a.Roles = role.NewAssignments(a.Audit, now)
	a.Clients = client.New(a.Store, a.Invalidations, a.Audit, a.Ring, now, random, cachedClients)
	a.KeySets = client.NewKeySets(a.Fetch, now)
	a.Resources = resource.New(a.Store, a.Invalidations, a.Audit, now, cachedOrganizations)
	a.Trusted = trust.New(a.Store, a.Invalidations, a.Audit, now, cachedOrganizations)
	a.Targets = oauth.NewTargets(a.Resources, a.Issuers)
	a.Keys = key.New(a.Store, a.Invalidations, a.Ring, a.Audit, now, cachedKeys)
	var err error
	if a.Jobs, err = jobs.New(a.Store, a.background(options.Workers)); err != nil {
		return err
	}
	sender, err := a.sender(options)
	if err != nil {
		return err
	}
	roots, err := a.Config.FetchRoots()
	if err != nil {
		return err
	}
	a.MailServers = mailserver.New(a.Store, a.Invalidations, a.Ring, a.Audit, a.Fetch.Dial, roots, now, cachedOrganizations)
	a.Providers = identityprovider.New(a.Store, a.Invalidations, a.Ring, a.Audit, now, cachedOrganizations)
	a.Terms = terms.New(a.Store, a.Invalidations, a.Users, a.Audit, now, cachedOrganizations)
	a.Mails = mailqueue.New(a.Store, a.Ring, a.Jobs, a.Audit, sender, a.MailServers, now)
	source, err := metadataSource(a.Config)
	if err != nil {
		return err
	}
	a.Models = fido.New(a.Store, a.Invalidations, a.Organizations, a.Fetch, a.Jobs, a.Log, now, source)
	a.Sessions = session.New(a.Store, a.Audit, a.Jobs, a.Models, now, random)
	a.Organizations.WhenUpdated(a.Sessions.Shorten)
	if a.Sessions.Countries, err = geolocation.Open(a.Config.GeoIPFile, a.Log, now); err != nil {
		return err
	}
	a.Grants = grant.New(a.Store, a.Audit, a.Models, now, a.Ring, random)
	a.Links = credential.NewLinks(a.Audit, now, random)
	a.Invitations = credential.NewInvitations(a.Audit, now, random)
	a.SecondFactors = credential.NewSecondFactors(a.Store, a.Sessions, a.Audit, a.Ring, now, random)
	a.Devices = credential.NewDevices(a.Store, a.Audit, now, random)
	limits := passwordhash.DefaultLimits()
	if a.Config.HashConcurrency > 0 {
		limits.Concurrency = a.Config.HashConcurrency
	}
	queue, err := passwordhash.NewQueue(limits, now, nil)
	if err != nil {
		return err
	}
	parameters := options.Hashing
	if parameters == (passwordhash.Parameters{}) {
		parameters = a.Config.HashParameters()
	}
	if a.Hashes, err = passwordhash.NewHasher(parameters, queue, random); err != nil {
		return err
	}
	a.Passwords = credential.NewPasswords(a.Store, a.Users, a.Sessions, a.Audit, now, a.Hashes, a.Ring, random)
	a.Passwords.Breaches = credential.NewBreaches(a.Fetch, a.Config.BreachedPasswordsURL, a.Log)
	a.Passkeys = credential.NewPasskeys(a.Store, a.Sessions, a.Grants, a.Models, a.Audit, now, a.Ring, random)
	a.Ceremonies = webauthn.NewCeremonies(a.Passkeys, a.Models, a.State, a.Ring, now, random)
	a.Domains = customdomain.New(a.Store, a.Invalidations, a.Organizations, a.Audit, dnslookup.New(a.Config.DNSServer), a.Fetch, ownHosts(a.Config.PublicURL, a.Config.ConsoleURL, a.Config.MTLSURL), now, random)
	a.Imports = userimport.New(a.Store, a.Users, a.Passwords, a.Audit, now)
	a.Subjects, a.JWTs = oauth.NewSubjects(a.Keys.Secret), oauth.NewClientJWTs(a.Keys, a.Clients, a.KeySets)
	a.BackChannel = &logout.BackChannel{Issuers: a.Issuers, Organizations: a.Organizations, Clients: a.Clients, Sessions: a.Sessions,
		Subjects: a.Subjects, JWTs: a.JWTs, Fetch: a.Fetch, Store: a.Store, Now: now, Random: random}
	return nil
}

// createConsoleClient gives every organization the client that the console signs in with.
func (a *App) createConsoleClient(ctx context.Context, tx *store.Tx, organization *org.Organization) error {
	_, _, err := a.Clients.Create(ctx, tx, audit.Actor{Kind: audit.System, Name: "organization creation"}, client.BuiltInConsole(organization.ID, a.Config.ConsoleURL), "")
	return err
}

// DeleteOrganizationLater enqueues the job that removes an organization, in the transaction that marked it.
func (a *App) DeleteOrganizationLater(ctx context.Context, tx *store.Tx, orgID uuid.UUID) error {
	return a.Jobs.Enqueue(ctx, tx, jobDeleteOrganization, deletion{OrgID: orgID})
}

// Close releases what Open opened.
func (a *App) Close() {
	if a.redis != nil {
		_ = a.redis.Close()
	}
	a.Store.Close()
}

// secondFactorPolicy is the policy of second factors for a person, and what their roles demand by themselves.
func (a *App) secondFactorPolicy(ctx context.Context, organization *org.Organization, userID uuid.UUID) (policy, ofRoles org.SecondFactor, err error) {
	return role.SecondFactor(ctx, a.Store, organization, userID)
}
