// Package identityprovider is about OpenID providers elsewhere at which people of an organization may sign in, and about whom
// the subjects of a provider are here. An identity is linked by somebody who proved both accounts; an address that a
// provider tells links nothing. How we speak to a provider is package upstream's business.
package identityprovider

import (
	"context"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/seal"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// MaximumPerOrganization bounds what is kept in memory of one organization, and what stands on its sign-in page.
const MaximumPerOrganization = 20

// Status says whether people sign in at a provider at the moment.
type Status string

// The states of a provider.
const (
	Active   Status = "active"
	Disabled Status = "disabled"
)

// The ways in which we prove to a provider who we are (RFC 6749 §2.3).
const (
	SecretBasic = "client_secret_basic"
	SecretPost  = "client_secret_post"
	None        = "none" // PKCE alone
)

// ScopeOpenID is always asked for.
const ScopeOpenID = "openid"

// Provider is an OpenID provider elsewhere. Values come from a cache and are shared: change a copy.
type Provider struct {
	OrgID                uuid.UUID `json:"-"`
	ID                   uuid.UUID `json:"id"`
	Alias                string    `json:"alias"` // in addresses
	Name                 string    `json:"name"`  // that people read
	Status               Status    `json:"status"`
	Issuer               string    `json:"issuer"`    // iss, character by character
	ClientID             string    `json:"client_id"` // that the provider knows us by
	ClientAuthentication string    `json:"client_authentication"`
	Scopes               []string  `json:"scopes"`
	Version              int64     `json:"version"`
	CreatedAt            time.Time `json:"created_at"`
	UpdatedAt            time.Time `json:"updated_at"`

	sealed   []byte // the client secret
	sealedBy string
}

// The faults of this package; those about a field are Invalid and named identity_provider_malformed.
var (
	ErrNotFound        = fault.New(fault.NotFound, "identity_provider_not_found", "There is no such identity provider in this organization.")
	ErrTaken           = fault.New(fault.Conflict, "identity_provider_taken", "Another identity provider of this organization has this alias.").WithField("alias")
	ErrVersionMismatch = fault.New(fault.PreconditionFailed, "version_mismatch", "Somebody changed this identity provider meanwhile. Load it again and repeat your change.")
	ErrTooMany         = fault.Newf(fault.Conflict, "identity_providers_too_many", "An organization has at most %d identity providers.", MaximumPerOrganization)
)

// Providers finds and changes providers and identities. It is safe for concurrent use.
type Providers struct {
	db    *store.Store
	ring  *seal.Ring
	log   *audit.Log
	now   func() time.Time
	hub   *store.Invalidations
	cache *store.Cache[[]*Provider]
}

// New makes the directory with a cache of the providers of at most cacheSize organizations.
func New(db *store.Store, hub *store.Invalidations, ring *seal.Ring, log *audit.Log, now func() time.Time, cacheSize int) *Providers {
	providers := &Providers{db: db, ring: ring, log: log, now: now, hub: hub}
	providers.cache = store.NewCache[[]*Provider](hub, cacheSize, func(change store.Change) []string {
		if change.Table != "identity_providers" {
			return nil
		}
		return []string{change.OrgID}
	})
	return providers
}

// Of returns all providers of the organization, by name. A cache answers when warm.
func (p *Providers) Of(ctx context.Context, orgID uuid.UUID) ([]*Provider, error) {
	return p.cache.Get(ctx, orgID.String(), func(ctx context.Context) ([]*Provider, error) { return p.List(ctx, p.db, orgID) })
}

// Active returns those of them at which people sign in.
func (p *Providers) Active(ctx context.Context, orgID uuid.UUID) ([]*Provider, error) {
	all, err := p.Of(ctx, orgID)
	return slices.DeleteFunc(slices.Clone(all), func(one *Provider) bool { return one.Status != Active }), err
}

// ByAlias returns an active provider by the name in its addresses.
func (p *Providers) ByAlias(ctx context.Context, orgID uuid.UUID, alias string) (*Provider, error) {
	return p.find(ctx, orgID, func(one *Provider) bool { return one.Alias == alias })
}

// Known returns an active provider.
func (p *Providers) Known(ctx context.Context, orgID, id uuid.UUID) (*Provider, error) {
	return p.find(ctx, orgID, func(one *Provider) bool { return one.ID == id })
}

func (p *Providers) find(ctx context.Context, orgID uuid.UUID, wanted func(*Provider) bool) (*Provider, error) {
	active, err := p.Active(ctx, orgID)
	if err != nil {
		return nil, err
	}
	if n := slices.IndexFunc(active, wanted); n >= 0 {
		return active[n], nil
	}
	return nil, ErrNotFound
}

// List is Of, uncached.
func (p *Providers) List(ctx context.Context, db store.DB, orgID uuid.UUID) ([]*Provider, error) {
	rows, err := dbq.New(db).IdentityProvidersOfOrganization(ctx, orgID)
	all := make([]*Provider, len(rows))
	for n, row := range rows {
		all[n] = fromRow(row)
	}
	return all, err
}

// ByID returns a provider of the organization, whatever its status, uncached.
func (p *Providers) ByID(ctx context.Context, db store.DB, orgID, id uuid.UUID) (*Provider, error) {
	row, err := dbq.New(db).IdentityProviderByID(ctx, dbq.IdentityProviderByIDParams{OrgID: orgID, ID: id})
	if store.IsNotFound(err) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return fromRow(row), nil
}

// Secret is our secret at a provider; "" where we have none.
func (p *Providers) Secret(provider *Provider) (string, error) {
	if len(provider.sealed) == 0 {
		return "", nil
	}
	plain, err := p.ring.Open(provider.sealedBy, provider.sealed, sealedFor(provider.OrgID, provider.ID))
	return string(plain), err
}

// Create makes a provider. What is left empty and has a default gets it; secret is "" only without client authentication.
func (p *Providers) Create(ctx context.Context, tx *store.Tx, actor audit.Actor, wanted Provider, secret string) (*Provider, error) {
	wanted.ID = store.NewID()
	if err := wanted.complete(); err != nil {
		return nil, err
	}
	if err := p.keep(&wanted, &secret); err != nil {
		return nil, err
	}
	queries := dbq.New(tx)
	if present, err := queries.CountIdentityProviders(ctx, wanted.OrgID); err != nil {
		return nil, err
	} else if present >= MaximumPerOrganization {
		return nil, ErrTooMany
	}
	row, err := queries.InsertIdentityProvider(ctx, dbq.InsertIdentityProviderParams{OrgID: wanted.OrgID, ID: wanted.ID, Alias: wanted.Alias, Name: wanted.Name, Status: string(wanted.Status),
		Issuer: wanted.Issuer, ClientID: wanted.ClientID, ClientAuthentication: wanted.ClientAuthentication, Sealed: wanted.sealed, SealedBy: optional(wanted.sealedBy), Scopes: wanted.Scopes, At: p.now()})
	if store.Violates(err, "identity_providers_alias") {
		return nil, ErrTaken
	}
	if err != nil {
		return nil, err
	}
	created := fromRow(row)
	return created, p.log.Record(ctx, tx, created.OrgID, audit.Event{Action: "identity_provider.created", Actor: actor, Target: target(created), After: created})
}

// Update writes a changed copy; its Version must be the one that was read. A nil secret leaves the one that is there, which is
// refused when the client is another: a secret is of use to that one only. The issuer stays what it is, because its subjects would
// be other people.
func (p *Providers) Update(ctx context.Context, tx *store.Tx, actor audit.Actor, changed Provider, secret *string) (*Provider, error) {
	before, err := p.ByID(ctx, tx, changed.OrgID, changed.ID)
	if err != nil {
		return nil, err
	}
	if before.Version != changed.Version {
		return nil, ErrVersionMismatch
	}
	if err := changed.complete(); err != nil {
		return nil, err
	}
	if before.Issuer != changed.Issuer {
		return nil, malformed("issuer", "Another issuer has other people: make another identity provider for it.")
	}
	changed.sealed, changed.sealedBy = before.sealed, before.sealedBy
	if secret == nil && before.ClientID != changed.ClientID && len(before.sealed) > 0 {
		return nil, malformed("client_secret", "The secret belongs to the former client. Enter that of the new one.")
	}
	if err := p.keep(&changed, secret); err != nil {
		return nil, err
	}
	row, err := dbq.New(tx).UpdateIdentityProvider(ctx, dbq.UpdateIdentityProviderParams{OrgID: changed.OrgID, ID: changed.ID, ExpectedVersion: changed.Version, Alias: changed.Alias, Name: changed.Name,
		Status: string(changed.Status), Issuer: changed.Issuer, ClientID: changed.ClientID, ClientAuthentication: changed.ClientAuthentication, Sealed: changed.sealed, SealedBy: optional(changed.sealedBy),
		Scopes: changed.Scopes, At: p.now()})
	switch {
	case store.IsNotFound(err):
		return nil, ErrVersionMismatch
	case store.Violates(err, "identity_providers_alias"):
		return nil, ErrTaken
	case err != nil:
		return nil, err
	}
	after := fromRow(row)
	return after, p.log.Record(ctx, tx, after.OrgID, audit.Event{Action: "identity_provider.updated", Actor: actor, Target: target(after), Before: before, After: after,
		Details: map[string]any{"secret_changed": secret != nil}})
}

// Delete removes a provider, and who its subjects are. Version must be the one that was read.
func (p *Providers) Delete(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, id uuid.UUID, version int64) error {
	before, err := p.ByID(ctx, tx, orgID, id)
	if err != nil {
		return err
	}
	removed, err := dbq.New(tx).DeleteIdentityProvider(ctx, dbq.DeleteIdentityProviderParams{OrgID: orgID, ID: id, ExpectedVersion: version})
	if err != nil {
		return err
	}
	if removed == 0 {
		return ErrVersionMismatch
	}
	return p.log.Record(ctx, tx, orgID, audit.Event{Action: "identity_provider.deleted", Actor: actor, Target: target(before), Before: before})
}

// Forget makes this replica ask anew which providers the organization has; others hear it from the database. Call it after
// the transaction committed.
func (p *Providers) Forget(orgID uuid.UUID) {
	p.hub.Announce(store.Change{Table: "identity_providers", OrgID: orgID.String()})
}

// Reseal brings client secrets under the current key-encryption key and returns how many it changed.
func (p *Providers) Reseal(ctx context.Context) (changed int, err error) {
	queries, current := dbq.New(p.db), p.ring.CurrentKeyID()
	for {
		rows, err := queries.IdentityProvidersSealedByOthers(ctx, dbq.IdentityProvidersSealedByOthersParams{Current: &current, RowLimit: 200})
		if err != nil || len(rows) == 0 {
			return changed, err
		}
		for _, row := range rows {
			by, sealed, err := p.ring.Rewrap(*row.SealedBy, row.Sealed)
			if err != nil {
				return changed, err
			}
			if _, err := queries.ResealIdentityProvider(ctx, dbq.ResealIdentityProviderParams{OrgID: row.OrgID, ID: row.ID, Sealed: sealed, SealedBy: &by, WasSealedBy: row.SealedBy}); err != nil {
				return changed, err
			}
			changed++
		}
	}
}

// keep seals a secret that is given, and sees that there is one exactly where one is used.
func (p *Providers) keep(provider *Provider, secret *string) error {
	if provider.ClientAuthentication == None {
		if secret != nil && *secret != "" {
			return malformed("client_secret", "Without client authentication there is no secret.")
		}
		provider.sealed, provider.sealedBy = nil, ""
		return nil
	}
	if secret != nil {
		if *secret == "" || len(*secret) > 1000 || strings.ContainsFunc(*secret, unicode.IsControl) {
			return malformed("client_secret", "Enter the secret that the provider gave to this client: 1 to 1000 characters on one line.")
		}
		provider.sealedBy, provider.sealed = p.ring.Seal([]byte(*secret), sealedFor(provider.OrgID, provider.ID))
	}
	if len(provider.sealed) == 0 {
		return malformed("client_secret", "Enter the secret that the provider gave to this client.")
	}
	return nil
}

var aliasPattern = regexp.MustCompile(`^[a-z0-9](-?[a-z0-9])*$`)

// complete fills in defaults and judges.
func (p *Provider) complete() error {
	if p.Status == "" {
		p.Status = Active
	}
	if p.ClientAuthentication == "" {
		p.ClientAuthentication = SecretBasic
	}
	if len(p.Scopes) == 0 {
		p.Scopes = []string{ScopeOpenID, "email", "profile"}
	}
	p.Name = strings.TrimSpace(p.Name)
	issuer, err := url.Parse(p.Issuer)
	switch {
	case len(p.Alias) < 2 || len(p.Alias) > 40 || !aliasPattern.MatchString(p.Alias):
		return malformed("alias", "An alias has 2 to 40 small letters, digits and single hyphens between them.")
	case p.Name == "" || len(p.Name) > 100 || strings.ContainsFunc(p.Name, unicode.IsControl):
		return malformed("name", "A name has 1 to 100 characters on one line.")
	case p.Status != Active && p.Status != Disabled:
		return malformed("status", "Choose active or disabled.")
	case err != nil || issuer.Scheme != "https" && issuer.Scheme != "http" || issuer.Host == "" || issuer.User != nil || issuer.RawQuery != "" || issuer.Fragment != "" || len(p.Issuer) > 2000:
		return malformed("issuer", "An issuer is an address that begins with https:// and has neither query nor fragment.")
	case p.ClientID == "" || len(p.ClientID) > 500 || strings.ContainsFunc(p.ClientID, unicode.IsControl):
		return malformed("client_id", "Enter the client_id that the provider knows Clavex by.")
	case !slices.Contains([]string{SecretBasic, SecretPost, None}, p.ClientAuthentication):
		return malformed("client_authentication", "Choose client_secret_basic, client_secret_post or none.")
	case !slices.Contains(p.Scopes, ScopeOpenID):
		return malformed("scopes", "The scope openid is always asked for.")
	case len(p.Scopes) > 20 || slices.ContainsFunc(p.Scopes, func(scope string) bool {
		return scope == "" || len(scope) > 200 || strings.ContainsFunc(scope, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' })
	}):
		return malformed("scopes", "At most 20 scopes, each of 1 to 200 printable characters without spaces.")
	}
	return nil
}

func malformed(field, message string) error {
	return fault.New(fault.Invalid, "identity_provider_malformed", message).WithField(field)
}

// sealedFor binds a secret to its provider.
func sealedFor(orgID, id uuid.UUID) []byte {
	return []byte("identity-provider:" + orgID.String() + ":" + id.String())
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func fromRow(row dbq.IdentityProvider) *Provider {
	found := &Provider{OrgID: row.OrgID, ID: row.ID, Alias: row.Alias, Name: row.Name, Status: Status(row.Status), Issuer: row.Issuer, ClientID: row.ClientID,
		ClientAuthentication: row.ClientAuthentication, Scopes: row.Scopes, Version: row.Version, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt, sealed: row.Sealed}
	if row.SealedBy != nil {
		found.sealedBy = *row.SealedBy
	}
	return found
}

func target(p *Provider) audit.Target {
	return audit.Target{Kind: "identity_provider", ID: p.ID.String()}
}
