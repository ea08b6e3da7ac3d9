// Package resource is about the resource servers of an organization: the APIs for which its applications ask for
// access tokens by name (resource indicators, RFC 8707, February 2020). It knows what they are called, which scopes are
// theirs and which clients may ask about their tokens; who may have a token for one is package oauth's business.
package resource

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
	"github.com/clavex/clavex/backend/internal/store/filter"
)

// MaximumPerOrganization bounds what a token request has to look through.
const MaximumPerOrganization = 200

const (
	maximumIdentifier = 2000
	maximumListed     = 50
)

// Resource is a resource server. Values come from a cache and are shared: change a copy.
type Resource struct {
	OrgID                uuid.UUID     `json:"-"`
	ID                   uuid.UUID     `json:"id"`
	Identifier           string        `json:"identifier"` // an absolute URI without fragment, the audience of its tokens
	Name                 string        `json:"name"`       // that people read
	Scopes               []string      `json:"scopes"`     // that are its own; none: it looks at those of everybody
	AccessTokenLifetime  time.Duration `json:"access_token_lifetime,omitempty"`
	IntrospectionClients []string      `json:"introspection_clients"` // client_id of those that may ask about its tokens
	Published            bool          `json:"published"`             // the organization's metadata lists it (RFC 9728 §4)
	Version              int64         `json:"version"`
	CreatedAt            time.Time     `json:"created_at"`
	UpdatedAt            time.Time     `json:"updated_at"`
}

// The faults of this package.
var (
	ErrNotFound        = fault.New(fault.NotFound, "resource_not_found", "There is no such resource server in this organization.")
	ErrTaken           = fault.New(fault.Conflict, "resource_identifier_taken", "Another resource server of this organization has this identifier.").WithField("identifier")
	ErrVersionMismatch = fault.New(fault.PreconditionFailed, "version_mismatch", "Somebody changed this resource server meanwhile. Load it again and repeat your change.")
	ErrTooMany         = fault.Newf(fault.Conflict, "resources_too_many", "An organization has at most %d resource servers.", MaximumPerOrganization)
)

// Resources finds and changes resource servers. It is safe for concurrent use.
type Resources struct {
	db    *store.Store
	log   *audit.Log
	now   func() time.Time
	hub   *store.Invalidations
	cache *store.Cache[[]*Resource]
}

// New makes the directory of resource servers with a cache of those of at most cacheSize organizations.
func New(db *store.Store, hub *store.Invalidations, log *audit.Log, now func() time.Time, cacheSize int) *Resources {
	resources := &Resources{db: db, log: log, now: now, hub: hub}
	resources.cache = store.NewCache[[]*Resource](hub, cacheSize, func(change store.Change) []string {
		if change.Table != "resources" {
			return nil
		}
		return []string{change.OrgID}
	})
	return resources
}

// All are the resource servers of the organization. It is the hot path: a cache answers when warm.
func (r *Resources) All(ctx context.Context, orgID uuid.UUID) ([]*Resource, error) {
	return r.cache.Get(ctx, orgID.String(), func(ctx context.Context) ([]*Resource, error) {
		rows, err := dbq.New(r.db).ResourcesOfOrganization(ctx, orgID)
		all := make([]*Resource, len(rows))
		for i, row := range rows {
			all[i] = fromRow(row)
		}
		return all, err
	})
}

// ByID returns a resource server of the organization, uncached.
func (r *Resources) ByID(ctx context.Context, db store.DB, orgID, id uuid.UUID) (*Resource, error) {
	row, err := dbq.New(db).ResourceByID(ctx, dbq.ResourceByIDParams{OrgID: orgID, ID: id})
	if store.IsNotFound(err) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return fromRow(row), nil
}

// Create registers a resource server.
func (r *Resources) Create(ctx context.Context, tx *store.Tx, actor audit.Actor, wanted Resource) (*Resource, error) {
	if err := wanted.validate(); err != nil {
		return nil, err
	}
	queries := dbq.New(tx)
	if present, err := queries.CountResources(ctx, wanted.OrgID); err != nil {
		return nil, err
	} else if present >= MaximumPerOrganization {
		return nil, ErrTooMany
	}
	row, err := queries.InsertResource(ctx, dbq.InsertResourceParams{OrgID: wanted.OrgID, ID: store.NewID(), Identifier: wanted.Identifier, Name: wanted.Name,
		Scopes: list(wanted.Scopes), AccessTokenLifetimeSeconds: wholeSeconds(wanted.AccessTokenLifetime), IntrospectionClients: list(wanted.IntrospectionClients),
		Published: wanted.Published, CreatedAt: r.now()})
	if store.Violates(err, "resources_identifier") {
		return nil, ErrTaken
	}
	if err != nil {
		return nil, err
	}
	created := fromRow(row)
	return created, r.log.Record(ctx, tx, created.OrgID, audit.Event{Action: "resource.created", Actor: actor, Target: target(created), After: created})
}

// Update writes a changed copy; its Version must be the one that was read.
func (r *Resources) Update(ctx context.Context, tx *store.Tx, actor audit.Actor, changed Resource) (*Resource, error) {
	before, err := r.ByID(ctx, tx, changed.OrgID, changed.ID)
	if err != nil {
		return nil, err
	}
	if err := changed.validate(); err != nil {
		return nil, err
	}
	row, err := dbq.New(tx).UpdateResource(ctx, dbq.UpdateResourceParams{OrgID: changed.OrgID, ID: changed.ID, ExpectedVersion: changed.Version, Identifier: changed.Identifier,
		Name: changed.Name, Scopes: list(changed.Scopes), AccessTokenLifetimeSeconds: wholeSeconds(changed.AccessTokenLifetime),
		IntrospectionClients: list(changed.IntrospectionClients), Published: changed.Published, UpdatedAt: r.now()})
	switch {
	case store.IsNotFound(err):
		return nil, ErrVersionMismatch
	case store.Violates(err, "resources_identifier"):
		return nil, ErrTaken
	case err != nil:
		return nil, err
	}
	after := fromRow(row)
	return after, r.log.Record(ctx, tx, after.OrgID, audit.Event{Action: "resource.updated", Actor: actor, Target: target(after), Before: before, After: after})
}

// Delete removes a resource server: no token is issued for it any more. Version must be the one that was read.
func (r *Resources) Delete(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, id uuid.UUID, version int64) error {
	before, err := r.ByID(ctx, tx, orgID, id)
	if err != nil {
		return err
	}
	removed, err := dbq.New(tx).DeleteResource(ctx, dbq.DeleteResourceParams{OrgID: orgID, ID: id, ExpectedVersion: version})
	if err != nil {
		return err
	}
	if removed == 0 {
		return ErrVersionMismatch
	}
	return r.log.Record(ctx, tx, orgID, audit.Event{Action: "resource.deleted", Actor: actor, Target: target(before), Before: before})
}

// Forget makes this replica read the organization's resource servers anew; other replicas hear it from the database.
// Call it after the transaction committed.
func (r *Resources) Forget(orgID uuid.UUID) {
	r.hub.Announce(store.Change{Table: "resources", OrgID: orgID.String()})
}

var listed = filter.Table{Name: "resources", Columns: []string{"org_id", "id", "identifier", "name", "scopes", "access_token_lifetime_seconds",
	"introspection_clients", "version", "created_at", "updated_at", "published"}}

type listedRow struct {
	dbq.Resource
	SortKey string
}

// List returns a page of the organization's resource servers, the oldest first. after is the last of the page before,
// nil at first.
func (r *Resources) List(ctx context.Context, db store.DB, orgID uuid.UUID, after *filter.Position, limit int32) ([]*Resource, error) {
	rows, err := filter.Collect[listedRow](ctx, db, listed, filter.Query{OrgID: orgID, After: after, Limit: limit})
	if err != nil {
		return nil, err
	}
	found := make([]*Resource, len(rows))
	for i, row := range rows {
		found[i] = fromRow(row.Resource)
	}
	return found, nil
}

// ValidIdentifier reports whether the text is what RFC 8707 §2 lets name a resource server: an absolute URI without
// fragment.
func ValidIdentifier(text string) bool {
	parsed, err := url.Parse(text)
	return err == nil && len(text) <= maximumIdentifier && parsed.IsAbs() && (parsed.Host != "" || parsed.Opaque != "") && parsed.User == nil &&
		!strings.ContainsAny(text, `#"\`) && !strings.ContainsFunc(text, func(c rune) bool { return c < 0x21 || c > 0x7e })
}

func (r *Resource) validate() error {
	r.Name = strings.TrimSpace(r.Name)
	refuse := func(field, message string) error {
		return fault.New(fault.Invalid, "resource_malformed", message).WithField(field)
	}
	unlike := func(values []string, valid func(string) bool) bool {
		return len(values) > maximumListed || slices.ContainsFunc(values, func(value string) bool { return !valid(value) }) ||
			len(slices.Compact(slices.Sorted(slices.Values(values)))) != len(values)
	}
	switch n := len([]rune(r.Name)); {
	case !ValidIdentifier(r.Identifier):
		return refuse("identifier", "An identifier is an absolute URI without fragment, such as https://api.example.com/payments.")
	case n < 1 || n > 200 || strings.ContainsFunc(r.Name, func(c rune) bool {
		return unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) || c == 0x2028 || c == 0x2029
	}):
		return refuse("name", "A name has 1 to 200 characters on one line.")
	case unlike(r.Scopes, client.ValidScope):
		return refuse("scopes", "Name at most 50 scopes, each once, without spaces, quotes and backslashes.")
	case unlike(r.IntrospectionClients, func(id string) bool { return id != "" && len(id) <= 200 }):
		return refuse("introspection_clients", "Name at most 50 clients by their client_id, each once.")
	case r.AccessTokenLifetime != 0 && (r.AccessTokenLifetime < 30*time.Second || r.AccessTokenLifetime > 24*time.Hour || r.AccessTokenLifetime%time.Second != 0):
		return refuse("access_token_lifetime_seconds", "Choose between 30 seconds and one day.")
	}
	return nil
}

func target(r *Resource) audit.Target { return audit.Target{Kind: "resource", ID: r.ID.String()} }

func fromRow(row dbq.Resource) *Resource {
	found := &Resource{OrgID: row.OrgID, ID: row.ID, Identifier: row.Identifier, Name: row.Name, Scopes: row.Scopes, IntrospectionClients: row.IntrospectionClients,
		Published: row.Published, Version: row.Version, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt}
	if row.AccessTokenLifetimeSeconds != nil {
		found.AccessTokenLifetime = time.Duration(*row.AccessTokenLifetimeSeconds) * time.Second
	}
	return found
}

func list(values []string) []string {
	if values == nil {
		return []string{}
	}
	return values
}

func wholeSeconds(value time.Duration) *int32 {
	if value == 0 {
		return nil
	}
	return new(int32(value / time.Second)) // bounded
}
