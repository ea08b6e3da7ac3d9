// Package client is about the applications (OAuth 2.1 clients, OpenID Connect relying parties)
// registered with an organization: their metadata in the words of RFC 7591, its invariants, and how
// a redirect URI is matched. How a client authenticates is package oauth's business.
package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/seal"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// ConsoleClientID names the built-in client that the console signs in with, one in every organization.
const ConsoleClientID = "clavex-console"

// AuthenticationMethod is a token_endpoint_auth_method (RFC 7591 §2).
type AuthenticationMethod string

// The authentication methods of this release.
const (
	None              AuthenticationMethod = "none"
	ClientSecretBasic AuthenticationMethod = "client_secret_basic"
	ClientSecretPost  AuthenticationMethod = "client_secret_post"
	ClientSecretJWT   AuthenticationMethod = "client_secret_jwt" // an assertion signed with the secret (OpenID Connect Core 1.0 §9)
	PrivateKeyJWT     AuthenticationMethod = "private_key_jwt"   // an assertion signed with the client's own key

	TLSClientAuth           AuthenticationMethod = "tls_client_auth"             // a TLS certificate of an authority (RFC 8705 §2.1)
	SelfSignedTLSClientAuth AuthenticationMethod = "self_signed_tls_client_auth" // a TLS certificate of a registered key (RFC 8705 §2.2)
	AttestJWTClientAuth     AuthenticationMethod = "attest_jwt_client_auth"      // an attestation of the instance (org.DraftClientAttestation)
)

// AuthenticationMethods lists what a client may register, in the order of discovery documents.
func AuthenticationMethods() []AuthenticationMethod {
	return []AuthenticationMethod{ClientSecretBasic, ClientSecretPost, ClientSecretJWT, PrivateKeyJWT, TLSClientAuth, SelfSignedTLSClientAuth, AttestJWTClientAuth, None}
}

// ApplicationType is OpenID Connect Registration's application_type.
type ApplicationType string

// The application types.
const (
	Web    ApplicationType = "web"
	Native ApplicationType = "native"
)

// The grant types of this release.
const (
	AuthorizationCode = "authorization_code"
	RefreshToken      = "refresh_token"
	ClientCredentials = "client_credentials"
	DeviceCode        = "urn:ietf:params:oauth:grant-type:device_code"    // RFC 8628 §3.4
	TokenExchange     = "urn:ietf:params:oauth:grant-type:token-exchange" // RFC 8693 §2.1
	JWTBearer         = "urn:ietf:params:oauth:grant-type:jwt-bearer"     // RFC 7523 §2.1
	CIBA              = "urn:openid:params:grant-type:ciba"               // CIBA Core 1.0 §10.1
	Implicit          = "implicit"                                        // of the response types that deliver tokens through the browser; never at the token endpoint
)

// GrantTypes lists what a client may register, those of front channels included.
func GrantTypes() []string {
	return []string{AuthorizationCode, Implicit, RefreshToken, ClientCredentials, DeviceCode, CIBA, TokenExchange, JWTBearer}
}

// bringsRefreshToken reports whether a person gives the grant, so that a refresh token can come with it.
func bringsRefreshToken(grantType string) bool {
	return grantType == AuthorizationCode || grantType == DeviceCode || grantType == CIBA
}

// Origin says who registered a client.
type Origin string

// The origins.
const (
	BuiltIn       Origin = "built_in"
	Administrator Origin = "administrator"
	Dynamic       Origin = "dynamic" // registered itself: consent is always asked
	// MetadataDocument: a document at its client_id describes it, and nobody registered it: consent is always asked.
	MetadataDocument Origin = "metadata_document"
)

// Status says whether a client works.
type Status string

// The states of a client.
const (
	Active   Status = "active"
	Disabled Status = "disabled"
)

// Client is a registered application. Values come from a cache and are shared: change a copy.
type Client struct {
	OrgID                     uuid.UUID            `json:"-"`
	ID                        uuid.UUID            `json:"id"`
	ClientID                  string               `json:"client_id"`
	Name                      string               `json:"client_name"`
	ApplicationType           ApplicationType      `json:"application_type"`
	AuthenticationMethod      AuthenticationMethod `json:"token_endpoint_auth_method"`
	SecretHash                []byte               `json:"-"` // SHA-256; nil unless HasSecret
	RedirectURIs              []string             `json:"redirect_uris"`
	PostLogoutRedirectURIs    []string             `json:"post_logout_redirect_uris"`
	GrantTypes                []string             `json:"grant_types"`
	ResponseTypes             []string             `json:"response_types"`
	Scopes                    []string             `json:"scopes"` // what it may ask for
	IDTokenSignedResponseAlg  string               `json:"id_token_signed_response_alg"`
	LogoURI                   string               `json:"logo_uri,omitempty"`
	ClientURI                 string               `json:"client_uri,omitempty"`
	PolicyURI                 string               `json:"policy_uri,omitempty"`
	TermsURI                  string               `json:"tos_uri,omitempty"`
	Contacts                  []string             `json:"contacts,omitempty"`
	RequireConsent            bool                 `json:"require_consent"`
	AccessTokenLifetime       time.Duration        `json:"access_token_lifetime,omitempty"`  // 0: the organization's
	RefreshTokenLifetime      time.Duration        `json:"refresh_token_lifetime,omitempty"` // 0: the organization's
	Origin                    Origin               `json:"origin"`
	RegistrationAccessTokenID []byte               `json:"-"`                                 // SHA-256; nil unless registered dynamically with management
	InitialAccessTokenID      *uuid.UUID           `json:"initial_access_token_id,omitempty"` // with which it registered itself; nil when it needed none
	DocumentReadAt            time.Time            `json:"-"`                                 // when its document was last read and good, to the hour; zero unless Origin is MetadataDocument
	Status                    Status               `json:"status"`
	Metadata                  Metadata             `json:"metadata,omitzero"`
	Profile                   org.Profile          `json:"profile,omitempty"` // "": the organization's
	SealedSecret              []byte               `json:"-"`                 // nil unless an algorithm needs the secret itself
	SecretSealedBy            string               `json:"-"`                 // id of the key-encryption key
	Version                   int64                `json:"version"`
	CreatedAt                 time.Time            `json:"created_at"`
	UpdatedAt                 time.Time            `json:"updated_at"`
}

// Public reports whether the client cannot prove who it is (RFC 6749 §2.1).
func (c *Client) Public() bool { return c.AuthenticationMethod == None }

// HasSecret reports whether the client's method is one of a secret that both sides know.
func (c *Client) HasSecret() bool {
	return !c.Public() && c.AuthenticationMethod != PrivateKeyJWT && c.AuthenticationMethod != AttestJWTClientAuth && !c.UsesMutualTLS()
}

// UsesMutualTLS reports whether the client proves itself by the certificate of its TLS connection (RFC 8705 §2).
func (c *Client) UsesMutualTLS() bool {
	return c.AuthenticationMethod == TLSClientAuth || c.AuthenticationMethod == SelfSignedTLSClientAuth
}

// MayUse reports whether the client registered the grant type.
func (c *Client) MayUse(grantType string) bool { return slices.Contains(c.GrantTypes, grantType) }

// The faults of this package.
var (
	ErrNotFound        = fault.New(fault.NotFound, "client_not_found", "There is no such client in this organization.")
	ErrClientIDTaken   = fault.New(fault.Conflict, "client_id_taken", "Another client in this organization has this client_id already.").WithField("client_id")
	ErrVersionMismatch = fault.New(fault.PreconditionFailed, "version_mismatch", "Somebody changed this client meanwhile. Load it again and repeat your change.")
	ErrBuiltIn         = fault.New(fault.Conflict, "client_built_in", "This client belongs to Clavex itself and cannot be changed or deleted.")
	ErrPublic          = fault.New(fault.Conflict, "client_public", "This client authenticates without a secret.")
)

// Clients finds and changes clients. It is safe for concurrent use.
type Clients struct {
	db     *store.Store
	log    *audit.Log
	now    func() time.Time
	random io.Reader
	cache  *store.Cache[*Client]
	cors   *store.Cache[*knownOrigins]
	hub    *store.Invalidations
	ring   *seal.Ring
}

// New makes the directory of clients with a cache of at most cacheSize of them. The ring seals the secrets of
// clients with symmetric algorithms.
func New(db *store.Store, hub *store.Invalidations, log *audit.Log, ring *seal.Ring, now func() time.Time, random io.Reader, cacheSize int) *Clients {
	clients := &Clients{db: db, log: log, ring: ring, now: now, random: random, hub: hub}
	clients.cache = store.NewCache[*Client](hub, cacheSize, func(change store.Change) []string {
		if change.Table != "clients" {
			return nil
		}
		return []string{change.OrgID + ":" + change.Lookup}
	})
	clients.cors = store.NewCache[*knownOrigins](hub, cacheSize, func(change store.Change) []string {
		if change.Table != "clients" {
			return nil
		}
		return []string{change.OrgID}
	})
	return clients
}

// ByClientID returns the client of the organization, whatever its status. It is the hot path: a cache
// answers when warm.
func (c *Clients) ByClientID(ctx context.Context, orgID uuid.UUID, clientID string) (*Client, error) {
	if clientID == "" || len(clientID) > 200 || !visibleASCII(clientID) {
		return nil, ErrNotFound
	}
	return c.cache.Get(ctx, orgID.String()+":"+clientID, func(ctx context.Context) (*Client, error) {
		row, err := dbq.New(c.db).ClientByClientID(ctx, dbq.ClientByClientIDParams{OrgID: orgID, ClientID: clientID})
		return fromRow(row, err)
	})
}

// ByID returns a client by its identifier in the Admin API, uncached.
func (c *Clients) ByID(ctx context.Context, db store.DB, orgID, id uuid.UUID) (*Client, error) {
	row, err := dbq.New(db).ClientByID(ctx, dbq.ClientByIDParams{OrgID: orgID, ID: id})
	return fromRow(row, err)
}

// Create registers a client. ClientID is made when empty; Origin is required. For a client that HasSecret
// it returns the secret, which nobody can read again; presetSecret chooses it (seeds only).
func (c *Clients) Create(ctx context.Context, tx *store.Tx, actor audit.Actor, wanted Client, presetSecret string) (*Client, string, error) {
	if wanted.ClientID == "" {
		wanted.ClientID = uuid.NewString()
	}
	wanted.Status = Active
	wanted.defaults()
	var plain string
	if wanted.SecretHash, wanted.SealedSecret, wanted.SecretSealedBy = nil, nil, ""; wanted.HasSecret() {
		if plain = presetSecret; plain == "" {
			plain = secret.New(c.random)
		}
		c.setSecret(&wanted, plain)
	}
	if err := wanted.Validate(); err != nil {
		return nil, "", err
	}
	metadata, err := json.Marshal(wanted.Metadata)
	if err != nil {
		return nil, "", err
	}
	row, err := dbq.New(tx).InsertClient(ctx, dbq.InsertClientParams{
		OrgID: wanted.OrgID, ID: store.NewID(), ClientID: wanted.ClientID, ClientName: wanted.Name, ApplicationType: string(wanted.ApplicationType),
		TokenEndpointAuthMethod: string(wanted.AuthenticationMethod), SecretHash: wanted.SecretHash, RedirectURIs: list(wanted.RedirectURIs), Origins: origins(wanted.RedirectURIs),
		PostLogoutRedirectURIs: list(wanted.PostLogoutRedirectURIs), GrantTypes: list(wanted.GrantTypes), ResponseTypes: list(wanted.ResponseTypes),
		Scopes: list(wanted.Scopes), IDTokenSignedResponseAlg: wanted.IDTokenSignedResponseAlg, LogoURI: optional(wanted.LogoURI),
		ClientURI: optional(wanted.ClientURI), PolicyURI: optional(wanted.PolicyURI), TermsURI: optional(wanted.TermsURI), Contacts: list(wanted.Contacts),
		RequireConsent: wanted.RequireConsent, AccessTokenLifetimeSeconds: wholeSeconds(wanted.AccessTokenLifetime),
		RefreshTokenLifetimeSeconds: wholeSeconds(wanted.RefreshTokenLifetime), Origin: string(wanted.Origin),
		RegistrationAccessTokenHash: wanted.RegistrationAccessTokenID, Metadata: metadata, Profile: optional(string(wanted.Profile)),
		SealedSecret: wanted.SealedSecret, SecretSealedBy: optional(wanted.SecretSealedBy), InitialAccessTokenID: wanted.InitialAccessTokenID,
		DocumentReadAt: moment(wanted.DocumentReadAt), CreatedAt: c.now(),
	})
	if store.Violates(err, "clients_client_id") {
		return nil, "", ErrClientIDTaken
	}
	created, err := fromRow(row, err)
	if err != nil {
		return nil, "", err
	}
	return created, plain, c.log.Record(ctx, tx, created.OrgID, audit.Event{Action: "client.created", Actor: actor, Target: target(created), After: created})
}

// Update writes a changed copy; its Version must be the one that was read. ClientID, Origin and secrets
// do not change here, except that a client that comes to a method with a secret, or whose secret is needed
// readable because it registers a symmetric algorithm, gets a new secret, returned once, and one that comes to
// a method without loses it.
func (c *Clients) Update(ctx context.Context, tx *store.Tx, actor audit.Actor, changed Client) (*Client, string, error) {
	before, err := c.ByID(ctx, tx, changed.OrgID, changed.ID)
	if err != nil {
		return nil, "", err
	}
	if before.Origin == BuiltIn {
		return nil, "", ErrBuiltIn
	}
	changed.ClientID, changed.Origin = before.ClientID, before.Origin
	changed.SecretHash, changed.SealedSecret, changed.SecretSealedBy = before.SecretHash, before.SealedSecret, before.SecretSealedBy
	changed.defaults()
	plain := ""
	switch {
	case !changed.HasSecret():
		changed.SecretHash, changed.SealedSecret, changed.SecretSealedBy = nil, nil, ""
	case !before.HasSecret(), changed.symmetric() && before.SealedSecret == nil:
		plain = secret.New(c.random)
		c.setSecret(&changed, plain)
	case !changed.symmetric():
		changed.SealedSecret, changed.SecretSealedBy = nil, ""
	}
	if err := changed.Validate(); err != nil {
		return nil, "", err
	}
	after, err := c.write(ctx, tx, changed)
	if err != nil {
		return nil, "", err
	}
	return after, plain, c.log.Record(ctx, tx, after.OrgID, audit.Event{Action: "client.updated", Actor: actor, Target: target(after), Before: before, After: after})
}

// RotateSecret replaces the secret of a client that HasSecret and returns the new one, once. The old one stops
// working when the transaction commits.
func (c *Clients) RotateSecret(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, id uuid.UUID, version int64) (*Client, string, error) {
	before, err := c.ByID(ctx, tx, orgID, id)
	if err != nil {
		return nil, "", err
	}
	if before.Origin == BuiltIn {
		return nil, "", ErrBuiltIn
	}
	if !before.HasSecret() {
		return nil, "", ErrPublic
	}
	changed, plain := *before, secret.New(c.random)
	changed.Version = version
	c.setSecret(&changed, plain)
	after, err := c.write(ctx, tx, changed)
	if err != nil {
		return nil, "", err
	}
	return after, plain, c.log.Record(ctx, tx, orgID, audit.Event{Action: "client.secret_rotated", Actor: actor, Target: target(after)})
}

func (c *Clients) write(ctx context.Context, tx *store.Tx, changed Client) (*Client, error) {
	metadata, err := json.Marshal(changed.Metadata)
	if err != nil {
		return nil, err
	}
	row, err := dbq.New(tx).UpdateClient(ctx, dbq.UpdateClientParams{
		OrgID: changed.OrgID, ID: changed.ID, ExpectedVersion: changed.Version, ClientName: changed.Name, ApplicationType: string(changed.ApplicationType),
		TokenEndpointAuthMethod: string(changed.AuthenticationMethod), SecretHash: changed.SecretHash, RedirectURIs: list(changed.RedirectURIs), Origins: origins(changed.RedirectURIs),
		PostLogoutRedirectURIs: list(changed.PostLogoutRedirectURIs), GrantTypes: list(changed.GrantTypes), ResponseTypes: list(changed.ResponseTypes),
		Scopes: list(changed.Scopes), IDTokenSignedResponseAlg: changed.IDTokenSignedResponseAlg, LogoURI: optional(changed.LogoURI),
		ClientURI: optional(changed.ClientURI), PolicyURI: optional(changed.PolicyURI), TermsURI: optional(changed.TermsURI), Contacts: list(changed.Contacts),
		RequireConsent: changed.RequireConsent, AccessTokenLifetimeSeconds: wholeSeconds(changed.AccessTokenLifetime),
		RefreshTokenLifetimeSeconds: wholeSeconds(changed.RefreshTokenLifetime), Status: string(changed.Status), RegistrationAccessTokenHash: changed.RegistrationAccessTokenID,
		Metadata: metadata, Profile: optional(string(changed.Profile)), SealedSecret: changed.SealedSecret, SecretSealedBy: optional(changed.SecretSealedBy),
		DocumentReadAt: moment(changed.DocumentReadAt), UpdatedAt: c.now(),
	})
	if store.IsNotFound(err) {
		return nil, ErrVersionMismatch
	}
	return fromRow(row, err)
}

// Delete removes a client with its grants and consents. Version must be the one that was read.
func (c *Clients) Delete(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, id uuid.UUID, version int64) error {
	before, err := c.ByID(ctx, tx, orgID, id)
	if err != nil {
		return err
	}
	if before.Origin == BuiltIn {
		return ErrBuiltIn
	}
	removed, err := dbq.New(tx).DeleteClient(ctx, dbq.DeleteClientParams{OrgID: orgID, ID: id, ExpectedVersion: version})
	if err != nil {
		return err
	}
	if removed == 0 {
		return ErrVersionMismatch
	}
	return c.log.Record(ctx, tx, orgID, audit.Event{Action: "client.deleted", Actor: actor, Target: target(before), Before: before})
}

// Forget makes this replica read the client anew; other replicas hear it from the database. Call it
// after the transaction committed.
func (c *Clients) Forget(client *Client) {
	c.hub.Announce(store.Change{Table: "clients", OrgID: client.OrgID.String(), Lookup: client.ClientID})
}

// BuiltInConsole returns what every organization's console client looks like. It is public: the
// console's back end redeems codes in process, protected by PKCE.
func BuiltInConsole(orgID uuid.UUID, consoleURL string) Client {
	return Client{
		OrgID: orgID, ClientID: ConsoleClientID, Name: "Clavex console", ApplicationType: Web, AuthenticationMethod: None,
		RedirectURIs: []string{consoleURL + "/console/callback"}, PostLogoutRedirectURIs: []string{consoleURL + "/console/"},
		GrantTypes: []string{AuthorizationCode, RefreshToken}, ResponseTypes: []string{CodeResponse},
		Scopes:                   []string{"openid", "profile", "email", "admin:read", "admin:write"},
		IDTokenSignedResponseAlg: "ES256", Origin: BuiltIn,
	}
}

// AlignConsole makes every organization's console client lead to the console's present address, after the
// installation's configuration changed, and returns how many it changed. The organization whose client is
// looked at stands for all: they are changed in one statement.
func (c *Clients) AlignConsole(ctx context.Context, sample uuid.UUID, consoleURL string) (int64, error) {
	wanted := BuiltInConsole(sample, consoleURL)
	present, err := c.ByClientID(ctx, sample, ConsoleClientID)
	if err != nil || slices.Equal(present.RedirectURIs, wanted.RedirectURIs) && slices.Equal(present.PostLogoutRedirectURIs, wanted.PostLogoutRedirectURIs) {
		return 0, err
	}
	changed, err := dbq.New(c.db).AlignBuiltInClient(ctx, dbq.AlignBuiltInClientParams{ClientID: ConsoleClientID, RedirectURIs: wanted.RedirectURIs,
		Origins: origins(wanted.RedirectURIs), PostLogoutRedirectURIs: wanted.PostLogoutRedirectURIs, UpdatedAt: c.now()})
	c.Forget(present)
	return changed, err
}

func target(c *Client) audit.Target { return audit.Target{Kind: "client", ID: c.ID.String()} }

func fromRow(row dbq.Client, err error) (*Client, error) {
	if store.IsNotFound(err) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	var metadata Metadata
	if err := json.Unmarshal(row.Metadata, &metadata); err != nil {
		return nil, fmt.Errorf("metadata of client %s: %w", row.ID, err)
	}
	return &Client{
		OrgID: row.OrgID, ID: row.ID, ClientID: row.ClientID, Name: row.ClientName, ApplicationType: ApplicationType(row.ApplicationType),
		AuthenticationMethod: AuthenticationMethod(row.TokenEndpointAuthMethod), SecretHash: row.SecretHash, RedirectURIs: row.RedirectURIs,
		PostLogoutRedirectURIs: row.PostLogoutRedirectURIs, GrantTypes: row.GrantTypes, ResponseTypes: row.ResponseTypes, Scopes: row.Scopes,
		IDTokenSignedResponseAlg: row.IDTokenSignedResponseAlg, LogoURI: text(row.LogoURI), ClientURI: text(row.ClientURI), PolicyURI: text(row.PolicyURI),
		TermsURI: text(row.TermsURI), Contacts: row.Contacts, RequireConsent: row.RequireConsent, AccessTokenLifetime: duration(row.AccessTokenLifetimeSeconds),
		RefreshTokenLifetime: duration(row.RefreshTokenLifetimeSeconds), Origin: Origin(row.Origin), RegistrationAccessTokenID: row.RegistrationAccessTokenHash,
		Status: Status(row.Status), Version: row.Version, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt, Metadata: metadata,
		Profile: org.Profile(text(row.Profile)), SealedSecret: row.SealedSecret, SecretSealedBy: text(row.SecretSealedBy), InitialAccessTokenID: row.InitialAccessTokenID,
		DocumentReadAt: instant(row.DocumentReadAt),
	}, nil
}

func list(values []string) []string {
	if values == nil {
		return []string{}
	}
	return values
}

func optional(value string) *string {
	if value == "" {
		return nil
	}
	return &value
}

func text(value *string) string {
	if value == nil {
		return ""
	}
	return *value
}

func duration(value *int32) time.Duration {
	if value == nil {
		return 0
	}
	return time.Duration(*value) * time.Second
}

func wholeSeconds(value time.Duration) *int32 {
	if value == 0 {
		return nil
	}
	whole := int32(value / time.Second)
	return &whole
}
