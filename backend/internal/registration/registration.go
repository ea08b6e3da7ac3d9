// Package registration is the client registration endpoint: RFC 7591 (July 2015) in the words of OpenID
// Connect Dynamic Client Registration 1.0. Who may register, and within which bounds, is the organization's
// policy. What registers itself always asks people for consent and never gets a scope of the Admin API; without an
// administrator's initial access token it never acts for itself. Beside it stands the client configuration endpoint of RFC 7592 (July 2015), where a client
// reads, replaces and deletes its registration.
package registration

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"time"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fetch"
	"github.com/clavex/clavex/backend/internal/key"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/ratelimit"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/store"
)

// The window in which registrations from one network (reqctx.Network) at one organization are counted.
const (
	limitWindow = time.Hour
	counterKind = "client_registration"
)

var errTooMany = fault.New(fault.RateLimited, "registration_rate_limited", "Too many applications were registered from this address. Try again later.")

// Request is a request to register a client, or to manage one.
type Request struct {
	Organization *org.Organization
	Body         []byte // JSON
	ClientID     string // of the address, for management
	Token        string // the registration access token, for management

	InitialAccessToken string // to register with; "" for none

	object     map[string]json.RawMessage
	registered *client.Client // as it is, for management
	client     client.Client  // as it shall be
}

// Response is the client information response (RFC 7591 §3.2.1, RFC 7592 §3): what is registered, defaults included.
type Response map[string]any

// Dependencies are what the endpoint works with.
type Dependencies struct {
	Store         *store.Store
	Clients       *client.Clients
	Organizations *org.Organizations
	State         kv.Store
	Fetch         *fetch.Client
	KeySets       *client.KeySets // of the issuers of software statements
	Keys          *key.Keys       // of the organizations
	Issuers       oauth.Issuers
	Now           func() time.Time
	Random        io.Reader
	Limit         int // how many clients one network may register or change in an hour at one organization; 0 sets no limit
}

// Endpoint is the registration endpoint of all organizations. It is safe for concurrent use.
type Endpoint struct {
	registrations, updates oauth.Table[Request]

	db            *store.Store
	clients       *client.Clients
	organizations *org.Organizations
	fetch         *fetch.Client
	keySets       *client.KeySets
	keys          *key.Keys
	issuers       oauth.Issuers
	now           func() time.Time
	random        io.Reader
	limit         *ratelimit.Limit
	decoy         []byte // compared with the tokens for clients that do not exist
}

// NewEndpoint makes the endpoint.
func NewEndpoint(with Dependencies) *Endpoint {
	e := &Endpoint{db: with.Store, clients: with.Clients, organizations: with.Organizations, fetch: with.Fetch, keySets: with.KeySets, keys: with.Keys, issuers: with.Issuers, now: with.Now, random: with.Random,
		limit: ratelimit.New(with.State, counterKind, with.Limit, limitWindow, errTooMany), decoy: secret.Hash("no client has this token")}
	metadata := oauth.Table[Request]{
		{Name: "software_statement", Clause: "RFC 7591 §2.3", Do: e.applyStatement},
		{Name: "metadata", Clause: "RFC 7591 §2, §3.1", Do: readMetadata},
		{Name: "scope", Clause: "RFC 7591 §2", Do: checkScopes},
		{Name: "validity", Clause: "RFC 7591 §3.2.2", Do: complete},
		{Name: "own_grants_only", Clause: "RFC 7591 §5", Do: checkGrants}, // what response types stand for included
		{Name: "profile", Clause: "OAuth 2.1 §10.1", Do: checkProfile},
		{Name: "addresses", Clause: "RFC 7591 §5", Do: checkAddresses},
		{Name: "rate", Clause: "RFC 7591 §5", Do: e.checkRate},
		{Name: "sector", Clause: "OpenID Connect Registration 1.0 §5", Do: e.checkSector},
	}
	e.registrations = append(oauth.Table[Request]{
		{Name: "policy", Clause: "RFC 7591 §3", Do: e.checkPolicy},
		{Name: "object", Clause: "RFC 7591 §3.1", Do: readObject},
	}, metadata...)
	e.updates = append(oauth.Table[Request]{
		{Name: "registration_access_token", Clause: "RFC 7592 §2", Do: e.authenticate},
		{Name: "still_open", Clause: "RFC 7592 §2.2", Do: checkStillOpen},
		{Name: "object", Clause: "RFC 7591 §3.1", Do: readObject},
		{Name: "unchangeable", Clause: "RFC 7592 §2.2", Do: checkUnchangeable},
	}, metadata...)
	return e
}

// Register registers a client.
func (e *Endpoint) Register(ctx context.Context, request *Request) (Response, error) {
	if err := e.registrations.Run(ctx, request); err != nil {
		return nil, err
	}
	request.Token = secret.New(e.random)
	request.client.RegistrationAccessTokenID = secret.Hash(request.Token)
	var registered *client.Client
	var plain string
	err := e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		wanted := request.client
		if err := oauth.HoldProfile(ctx, tx, e.organizations, &wanted); err != nil {
			return metadataError(err)
		}
		if request.InitialAccessToken != "" {
			used, err := e.clients.UseInitialAccessToken(ctx, tx, wanted.OrgID, request.InitialAccessToken)
			if err != nil {
				return err
			}
			wanted.InitialAccessTokenID = &used
		}
		registered, plain, err = e.clients.Create(ctx, tx, audit.Actor{Kind: audit.Anonymous, Name: "client registration"}, wanted, "")
		return err
	})
	if errors.Is(err, client.ErrInitialAccessTokenInvalid) {
		return nil, oauth.InvalidToken(errNoInitialToken) // the last use went to somebody faster
	}
	if err != nil {
		return nil, metadataError(err)
	}
	e.clients.Forget(registered) // its redirect URIs are new origins
	_ = e.keys.Ensure(ctx, registered.OrgID, registered.SignsBy()...)
	return e.response(request, registered, plain), nil
}

// response says what is registered; plain is a secret that was just made. The registration access token is the one
// that was presented or just made: only its digest is stored.
func (e *Endpoint) response(request *Request, registered *client.Client, plain string) Response {
	response := Response(writeMembers(registered))
	response["client_id"] = registered.ClientID
	response["client_id_issued_at"] = registered.CreatedAt.Unix()
	if registered.HasSecret() {
		response["client_secret_expires_at"] = 0 // never
	}
	if plain != "" {
		response["client_secret"] = plain
	}
	response["registration_client_uri"] = e.issuers.Endpoint(request.Organization, "register/"+url.PathEscape(registered.ClientID))
	response["registration_access_token"] = request.Token
	return response
}

// metadataError maps the faults of package client to the codes of RFC 7591 §3.2.2.
func metadataError(err error) error {
	var invalid *fault.Error
	if !errors.As(err, &invalid) || invalid.Kind != fault.Invalid {
		return err
	}
	code := oauth.CodeInvalidClientMetadata
	if invalid.Code == oauth.CodeInvalidRedirectURI {
		code = oauth.CodeInvalidRedirectURI
	}
	description := invalid.Message
	if invalid.Field != "" {
		description = invalid.Field + ": " + description
	}
	return oauth.NewError(code, description).WithCause(err)
}

// checkProfile refuses what the organization's profile does not let its clients do. Response types are looked at
// as they will be registered, defaults included.
func checkProfile(_ context.Context, request *Request) error {
	return metadataError(oauth.ProfileOf(request.Organization, &request.client).Check(&request.client))
}

func (e *Endpoint) checkRate(ctx context.Context, request *Request) error {
	return e.limit.CountNetwork(ctx, request.Organization.ID)
}

func (e *Endpoint) checkSector(ctx context.Context, request *Request) error {
	return metadataError(request.client.CheckSector(ctx, e.fetch))
}

// readMetadata turns the object into a client: a new one, or what is registered without what it said of itself.
func readMetadata(_ context.Context, request *Request) error {
	if request.registered != nil {
		request.client = blank(request.registered)
	} else {
		request.client = client.Client{OrgID: request.Organization.ID, Origin: client.Dynamic, RequireConsent: true, AuthenticationMethod: client.ClientSecretBasic}
	}
	request.client.Scopes = allowedScopes(request.Organization) // unless it asks for less
	return readMembers(request.object, &request.client)
}

func complete(_ context.Context, request *Request) error {
	return metadataError(request.client.Complete())
}
