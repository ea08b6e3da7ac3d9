// Package admin is the Admin API: REST and JSON under /api/v1, described by backend/api/openapi.yaml
// (OpenAPI 3.1), from which package api is generated. Problems are RFC 9457, changes JSON merge patch
// (RFC 7396), versions ETag and If-Match (RFC 9110 §13.1.1), repeated creates Idempotency-Key.
//
// A request passes through the same gates in the same order: who calls (bearer token or the console's
// session), how often, may they (authority.go), is the request well formed (contract.go); then its
// handler changes everything in one transaction, which the domain packages audit themselves.
//
// Left out: everything about signing in, which is protocol; the console's own session (package console).
package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/ciba"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/customdomain"
	"github.com/clavex/clavex/backend/internal/fetch"
	"github.com/clavex/clavex/backend/internal/fido"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/idempotency"
	"github.com/clavex/clavex/backend/internal/identityprovider"
	"github.com/clavex/clavex/backend/internal/key"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/mailserver"
	"github.com/clavex/clavex/backend/internal/notice"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/resource"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/seal"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/terms"
	"github.com/clavex/clavex/backend/internal/trust"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/userimport"
)

// DefaultRequestsPerMinute is how many requests one actor may send in a minute unless Options say otherwise.
const DefaultRequestsPerMinute = 600

// Options are the parts that the Admin API works with. All are required but those that say otherwise.
type Options struct {
	Store         *store.Store
	Organizations *org.Organizations
	Users         *user.Users
	Imports       *userimport.Imports
	MailServers   *mailserver.Servers
	Roles         *role.Assignments
	Clients       *client.Clients
	Resources     *resource.Resources
	Trusted       *trust.Issuers
	Providers     *identityprovider.Providers
	Terms         *terms.Terms
	Sessions      *session.Sessions
	Grants        *grant.Grants
	Backchannel   *ciba.Endpoint
	Keys          *key.Keys // of the organizations
	Passwords     *credential.Passwords
	Links         *credential.Links
	Invitations   *credential.Invitations
	Passkeys      *credential.Passkeys
	Models        *fido.Models
	SecondFactors *credential.SecondFactors
	Letters       notice.Letters // tell people what administrators changed
	Audit         *audit.Log
	Issuers       oauth.Issuers
	Domains       *customdomain.Domains
	Resource      *oauth.ProtectedResource
	Counters      kv.Store
	Fetch         *fetch.Client
	Ring          *seal.Ring
	Now           func() time.Time

	// Console judges the console's cookie. It returns nil when the request has none or came to another
	// host, and a fault when it has one that is no good. Nil: bearer tokens only.
	Console func(*http.Request) (*ConsoleSession, error)
	// IssuerOf is the organization that an issuer identifier names; its kind of fault is NotFound for none of ours.
	IssuerOf func(ctx context.Context, issuer string) (*org.Organization, error)
	// OneTimeLinkURL is the address at which the token of a one-time link is used.
	OneTimeLinkURL func(organization *org.Organization, token string) string
	// EnqueueOrganizationDeletion starts the job that removes what belongs to an organization.
	EnqueueOrganizationDeletion func(ctx context.Context, tx *store.Tx, orgID uuid.UUID) error
	// SendsMail reports whether people of an organization can be written to. Nil: they can.
	SendsMail func(ctx context.Context, orgID uuid.UUID) bool
	// MayRequire refuses to require of a person of an organization what they could not do; before are the actions that were
	// required of them already. Nil: they can do everything.
	MayRequire func(ctx context.Context, db store.DB, organization *org.Organization, person *user.User, before []user.RequiredAction) error
	// InstallationSendsMail: mail of organizations without a server of their own goes out.
	InstallationSendsMail bool
	// RequestsPerMinute of one actor; 0 means DefaultRequestsPerMinute.
	RequestsPerMinute int
}

// API is the Admin API. It is safe for concurrent use.
type API struct {
	db            *store.Store
	organizations *org.Organizations
	users         *user.Users
	imports       *userimport.Imports
	roles         *role.Assignments
	clients       *client.Clients
	resources     *resource.Resources
	trusted       *trust.Issuers
	providers     *identityprovider.Providers
	terms         *terms.Terms
	sessions      *session.Sessions
	grants        *grant.Grants
	backchannel   *ciba.Endpoint
	signing       *key.Keys
	passwords     *credential.Passwords
	links         *credential.Links
	invitations   *credential.Invitations
	passkeys      *credential.Passkeys
	models        *fido.Models
	secondFactors *credential.SecondFactors
	letters       notice.Letters
	log           *audit.Log
	issuers       oauth.Issuers
	issuerOf      func(context.Context, string) (*org.Organization, error)
	domains       *customdomain.Domains
	resource      *oauth.ProtectedResource
	counters      kv.Store
	fetch         *fetch.Client
	keys          *idempotency.Keys
	cursors       cursors
	contract      *contract
	perMinute     int

	mailServers       *mailserver.Servers
	installationSends bool
	sendsMail         func(context.Context, uuid.UUID) bool
	mayRequire        func(context.Context, store.DB, *org.Organization, *user.User, []user.RequiredAction) error
	console           func(*http.Request) (*ConsoleSession, error)

	oneTimeLinkURL  func(*org.Organization, string) string
	enqueueDeletion func(context.Context, *store.Tx, uuid.UUID) error
}

// New makes the Admin API. The error says that the embedded contract is broken.
func New(options Options) (*API, error) {
	read, err := newContract()
	if err != nil {
		return nil, err
	}
	if options.RequestsPerMinute == 0 {
		options.RequestsPerMinute = DefaultRequestsPerMinute
	}
	if options.SendsMail == nil {
		options.SendsMail = func(context.Context, uuid.UUID) bool { return true }
	}
	if options.MayRequire == nil {
		options.MayRequire = func(context.Context, store.DB, *org.Organization, *user.User, []user.RequiredAction) error {
			return nil
		}
	}
	return &API{
		db: options.Store, organizations: options.Organizations, users: options.Users, imports: options.Imports, roles: options.Roles, clients: options.Clients, resources: options.Resources, trusted: options.Trusted, providers: options.Providers, terms: options.Terms,
		sessions: options.Sessions, grants: options.Grants, backchannel: options.Backchannel, signing: options.Keys, passwords: options.Passwords, links: options.Links, invitations: options.Invitations, secondFactors: options.SecondFactors, letters: options.Letters, passkeys: options.Passkeys, models: options.Models, log: options.Audit, issuers: options.Issuers, issuerOf: options.IssuerOf, domains: options.Domains,
		resource: options.Resource, counters: options.Counters, fetch: options.Fetch, keys: idempotency.New(options.Now, options.Ring),
		cursors: cursors{options.Ring}, contract: read, perMinute: options.RequestsPerMinute, mailServers: options.MailServers, installationSends: options.InstallationSendsMail, sendsMail: options.SendsMail, mayRequire: options.MayRequire,
		console: options.Console, oneTimeLinkURL: options.OneTimeLinkURL, enqueueDeletion: options.EnqueueOrganizationDeletion,
	}, nil
}
