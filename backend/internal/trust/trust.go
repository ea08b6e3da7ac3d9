// Package trust is about issuers elsewhere whose assertions about people an organization accepts in the place of a
// sign-in (RFC 7521 and RFC 7523, May 2015): by which keys they sign, who their subjects are here, and how far the trust
// goes. How an assertion is judged is package oauth/token's business.
package trust

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
	"github.com/clavex/clavex/backend/internal/store/filter"
)

// MaximumPerOrganization bounds what is kept in memory of one organization.
const MaximumPerOrganization = 100

// Status says whether an issuer is trusted at the moment.
type Status string

// The states of a trusted issuer.
const (
	Active   Status = "active"
	Disabled Status = "disabled"
)

// Match says how somebody whom an issuer names is found among the people of the organization.
type Match string

// The ways to find a person.
const (
	LinkedIdentity Match = "linked_identity" // by an identity that an administrator linked
	Username       Match = "username"        // by their username
	VerifiedEmail  Match = "verified_email"  // by their e-mail address, when both sides have verified it
)

// TypeJWT is the typ of assertions without a type of their own, who may as well leave it out (RFC 7519 §5.1).
const TypeJWT = "JWT"

// Issuer is a trusted issuer. Values come from a cache and are shared: change a copy.
type Issuer struct {
	OrgID           uuid.UUID        `json:"-"`
	ID              uuid.UUID        `json:"id"`
	Issuer          string           `json:"issuer"` // iss, character by character
	Name            string           `json:"name"`   // that people read
	Status          Status           `json:"status"`
	JWKS            json.RawMessage  `json:"jwks,omitempty"` // either these or JWKSURI
	JWKSURI         string           `json:"jwks_uri,omitempty"`
	Algorithms      []jose.Algorithm `json:"algorithms"`
	AssertionTypes  []string         `json:"assertion_types"` // typ
	SubjectClaim    string           `json:"subject_claim"`   // that names the person
	SubjectMatch    Match            `json:"subject_match"`
	Clients         []string         `json:"clients"`   // client_id of those that may present its assertions
	Scopes          []string         `json:"scopes"`    // at most
	Resources       []string         `json:"resources"` // at most; none: the organization's issuer itself
	MaximumLifetime time.Duration    `json:"maximum_lifetime"`
	Version         int64            `json:"version"`
	CreatedAt       time.Time        `json:"created_at"`
	UpdatedAt       time.Time        `json:"updated_at"`
}

// The faults of this package.
var (
	ErrNotFound        = fault.New(fault.NotFound, "trusted_issuer_not_found", "There is no such trusted issuer in this organization.")
	ErrTaken           = fault.New(fault.Conflict, "trusted_issuer_taken", "This organization trusts the issuer already.").WithField("issuer")
	ErrVersionMismatch = fault.New(fault.PreconditionFailed, "version_mismatch", "Somebody changed this trusted issuer meanwhile. Load it again and repeat your change.")
	ErrTooMany         = fault.Newf(fault.Conflict, "trusted_issuers_too_many", "An organization has at most %d trusted issuers.", MaximumPerOrganization)
)

// Issuers finds and changes trusted issuers and the identities that are linked to them. It is safe for concurrent use.
type Issuers struct {
	db    *store.Store
	log   *audit.Log
	now   func() time.Time
	hub   *store.Invalidations
	cache *store.Cache[[]*Issuer]
}

// New makes the directory of trusted issuers with a cache of those of at most cacheSize organizations.
func New(db *store.Store, hub *store.Invalidations, log *audit.Log, now func() time.Time, cacheSize int) *Issuers {
	issuers := &Issuers{db: db, log: log, now: now, hub: hub}
	issuers.cache = store.NewCache[[]*Issuer](hub, cacheSize, func(change store.Change) []string {
		if change.Table != "trusted_issuers" {
			return nil
		}
		return []string{change.OrgID}
	})
	return issuers
}

// ByIssuer returns what the organization says of an issuer, whatever its status; ErrNotFound when nothing. A cache
// answers when warm.
func (i *Issuers) ByIssuer(ctx context.Context, orgID uuid.UUID, issuer string) (*Issuer, error) {
	all, err := i.cache.Get(ctx, orgID.String(), func(ctx context.Context) ([]*Issuer, error) {
		rows, err := dbq.New(i.db).TrustedIssuersOfOrganization(ctx, orgID)
		all := make([]*Issuer, len(rows))
		for n, row := range rows {
			all[n] = fromRow(row)
		}
		return all, err
	})
	if err != nil {
		return nil, err
	}
	if n := slices.IndexFunc(all, func(known *Issuer) bool { return known.Issuer == issuer }); n >= 0 {
		return all[n], nil
	}
	return nil, ErrNotFound
}

// ByID returns a trusted issuer of the organization, uncached.
func (i *Issuers) ByID(ctx context.Context, db store.DB, orgID, id uuid.UUID) (*Issuer, error) {
	row, err := dbq.New(db).TrustedIssuerByID(ctx, dbq.TrustedIssuerByIDParams{OrgID: orgID, ID: id})
	if store.IsNotFound(err) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return fromRow(row), nil
}

// Create begins to trust an issuer. What is left empty and has a default gets it.
func (i *Issuers) Create(ctx context.Context, tx *store.Tx, actor audit.Actor, wanted Issuer) (*Issuer, error) {
	if err := wanted.complete(); err != nil {
		return nil, err
	}
	queries := dbq.New(tx)
	if present, err := queries.CountTrustedIssuers(ctx, wanted.OrgID); err != nil {
		return nil, err
	} else if present >= MaximumPerOrganization {
		return nil, ErrTooMany
	}
	row, err := queries.InsertTrustedIssuer(ctx, dbq.InsertTrustedIssuerParams{OrgID: wanted.OrgID, ID: store.NewID(), Issuer: wanted.Issuer, Name: wanted.Name,
		Status: string(wanted.Status), JWKS: wanted.JWKS, JWKSURI: optional(wanted.JWKSURI), Algorithms: texts(wanted.Algorithms), AssertionTypes: wanted.AssertionTypes,
		SubjectClaim: wanted.SubjectClaim, SubjectMatch: string(wanted.SubjectMatch), Clients: list(wanted.Clients), Scopes: list(wanted.Scopes),
		Resources: list(wanted.Resources), MaximumLifetimeSeconds: int32(wanted.MaximumLifetime / time.Second), CreatedAt: i.now()})
	if store.Violates(err, "trusted_issuers_issuer") {
		return nil, ErrTaken
	}
	if err != nil {
		return nil, err
	}
	created := fromRow(row)
	return created, i.log.Record(ctx, tx, created.OrgID, audit.Event{Action: "trusted_issuer.created", Actor: actor, Target: target(created), After: created})
}

// Update writes a changed copy; its Version must be the one that was read. What the issuer vouched for ends when it is
// disabled or becomes another one, and for clients that may not present its assertions any more.
func (i *Issuers) Update(ctx context.Context, tx *store.Tx, actor audit.Actor, changed Issuer) (*Issuer, error) {
	before, err := i.ByID(ctx, tx, changed.OrgID, changed.ID)
	if err != nil {
		return nil, err
	}
	if err := changed.complete(); err != nil {
		return nil, err
	}
	queries := dbq.New(tx)
	row, err := queries.UpdateTrustedIssuer(ctx, dbq.UpdateTrustedIssuerParams{OrgID: changed.OrgID, ID: changed.ID, ExpectedVersion: changed.Version, Issuer: changed.Issuer,
		Name: changed.Name, Status: string(changed.Status), JWKS: changed.JWKS, JWKSURI: optional(changed.JWKSURI), Algorithms: texts(changed.Algorithms),
		AssertionTypes: changed.AssertionTypes, SubjectClaim: changed.SubjectClaim, SubjectMatch: string(changed.SubjectMatch), Clients: list(changed.Clients),
		Scopes: list(changed.Scopes), Resources: list(changed.Resources), MaximumLifetimeSeconds: int32(changed.MaximumLifetime / time.Second), UpdatedAt: i.now()})
	switch {
	case store.IsNotFound(err):
		return nil, ErrVersionMismatch
	case store.Violates(err, "trusted_issuers_issuer"):
		return nil, ErrTaken
	case err != nil:
		return nil, err
	}
	after := fromRow(row)
	remaining := after.Clients
	if after.Status != Active || after.Issuer != before.Issuer {
		remaining = nil
	}
	now := i.now()
	if _, err := queries.RevokeGrantsOfTrustedIssuer(ctx, dbq.RevokeGrantsOfTrustedIssuerParams{OrgID: after.OrgID, TrustedIssuerID: &after.ID, At: &now,
		Reason: new("no longer trusted"), RemainingClients: list(remaining)}); err != nil {
		return nil, err
	}
	return after, i.log.Record(ctx, tx, after.OrgID, audit.Event{Action: "trusted_issuer.updated", Actor: actor, Target: target(after), Before: before, After: after})
}

// Delete ends the trust in an issuer, and with it everything that it vouched for. Version must be the one that was read.
func (i *Issuers) Delete(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, id uuid.UUID, version int64) error {
	before, err := i.ByID(ctx, tx, orgID, id)
	if err != nil {
		return err
	}
	removed, err := dbq.New(tx).DeleteTrustedIssuer(ctx, dbq.DeleteTrustedIssuerParams{OrgID: orgID, ID: id, ExpectedVersion: version})
	if err != nil {
		return err
	}
	if removed == 0 {
		return ErrVersionMismatch
	}
	return i.log.Record(ctx, tx, orgID, audit.Event{Action: "trusted_issuer.deleted", Actor: actor, Target: target(before), Before: before})
}

// Forget makes this replica read the organization's trusted issuers anew; other replicas hear it from the database.
// Call it after the transaction committed.
func (i *Issuers) Forget(orgID uuid.UUID) {
	i.hub.Announce(store.Change{Table: "trusted_issuers", OrgID: orgID.String()})
}

var listed = filter.Table{Name: "trusted_issuers", Columns: []string{"org_id", "id", "issuer", "name", "status", "jwks", "jwks_uri", "algorithms", "assertion_types",
	"subject_claim", "subject_match", "clients", "scopes", "resources", "maximum_lifetime_seconds", "version", "created_at", "updated_at"}}

type listedRow struct {
	dbq.TrustedIssuer
	SortKey string
}

// List returns a page of the organization's trusted issuers, the oldest first. after is the last of the page before,
// nil at first.
func (i *Issuers) List(ctx context.Context, db store.DB, orgID uuid.UUID, after *filter.Position, limit int32) ([]*Issuer, error) {
	rows, err := filter.Collect[listedRow](ctx, db, listed, filter.Query{OrgID: orgID, After: after, Limit: limit})
	if err != nil {
		return nil, err
	}
	found := make([]*Issuer, len(rows))
	for n, row := range rows {
		found[n] = fromRow(row.TrustedIssuer)
	}
	return found, nil
}

func target(i *Issuer) audit.Target {
	return audit.Target{Kind: "trusted_issuer", ID: i.ID.String()}
}

func fromRow(row dbq.TrustedIssuer) *Issuer {
	found := &Issuer{OrgID: row.OrgID, ID: row.ID, Issuer: row.Issuer, Name: row.Name, Status: Status(row.Status), JWKS: row.JWKS, AssertionTypes: row.AssertionTypes,
		SubjectClaim: row.SubjectClaim, SubjectMatch: Match(row.SubjectMatch), Clients: row.Clients, Scopes: row.Scopes, Resources: row.Resources,
		MaximumLifetime: time.Duration(row.MaximumLifetimeSeconds) * time.Second, Version: row.Version, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt}
	if row.JWKSURI != nil {
		found.JWKSURI = *row.JWKSURI
	}
	for _, name := range row.Algorithms {
		found.Algorithms = append(found.Algorithms, jose.Algorithm(name))
	}
	return found
}

func texts(values []jose.Algorithm) []string {
	names := make([]string, len(values))
	for i, value := range values {
		names[i] = string(value)
	}
	return names
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
