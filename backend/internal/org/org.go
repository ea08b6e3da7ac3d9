// Package org is about organizations, the tenants: each is an OpenID Provider of its own with its own
// issuer. It resolves the slug of an address to an organization and keeps what an organization
// decides for itself: branding and policies.
package org

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// SystemSlug names the organization of the platform's own administrators. Its issuer alone crosses
// organizations.
const SystemSlug = "system"

// Status says whether an organization serves.
type Status string

// The states of an organization.
const (
	Active    Status = "active"
	Suspended Status = "suspended" // nothing is served to anybody; everything is kept
	Deleting  Status = "deleting"  // a job is removing it in batches; there is no way back
)

// Organization is a tenant. Values come from a cache and are shared: do not change them, change a copy.
type Organization struct {
	ID          uuid.UUID `json:"id"`
	Slug        string    `json:"slug"`
	DisplayName string    `json:"display_name"`
	Status      Status    `json:"status"`
	Branding    Branding  `json:"branding"`
	Policies    Policies  `json:"policies"`
	Version     int64     `json:"version"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`

	// Domain is the host of its own that the organization is at; "" below the address that all share.
	Domain string `json:"domain,omitempty"`
	// Former is the address before, which is served for a while.
	Former *FormerAddress `json:"former_address,omitempty"`
	leaves time.Time      // seen from an address that is served until then
}

// Branding is how an organization's pages look.
type Branding struct {
	BrandColor string `json:"brand_color,omitempty"` // #rrggbb; empty means Clavex's own
	LogoDigest string `json:"logo_digest,omitempty"` // hex SHA-256 of the logo served under the organization's address; empty when none
}

// Policies are an organization's own rules. Zero means the default; read them through the methods.
type Policies struct {
	SessionIdleSeconds          int          `json:"session_idle_seconds,omitempty"`
	SessionAbsoluteSeconds      int          `json:"session_absolute_seconds,omitempty"`
	AccessTokenLifetimeSeconds  int          `json:"access_token_lifetime_seconds,omitempty"`
	RefreshTokenLifetimeSeconds int          `json:"refresh_token_lifetime_seconds,omitempty"`
	Registration                Registration `json:"registration,omitempty"`
	DefaultLocale               string       `json:"default_locale,omitempty"` // BCP 47
	Profile                     Profile      `json:"profile,omitempty"`
	SignUp                      SignUp       `json:"sign_up,omitempty"`
	PasswordRecovery            Recovery     `json:"password_recovery,omitempty"`
	PasswordMinimumLength       int          `json:"password_minimum_length,omitempty"` // characters; 0 for the least
	SecondFactor                SecondFactor `json:"second_factor,omitempty"`
	SecondFactors
	IdentifierFirst        IdentifierFirst `json:"identifier_first,omitempty"`
	EmailChange            EmailChange     `json:"email_change,omitempty"`
	MagicLinks             MagicLinks      `json:"magic_links,omitempty"`
	InvitationLifetimeDays int             `json:"invitation_lifetime_days,omitempty"` // 0: a week
	SignInNotices          SignInNotices   `json:"sign_in_notices,omitempty"`
	AccountDeletionPolicies
	ProofOfWorkPolicies
	SessionPolicies
	Passkeys           Passkeys    `json:"passkeys,omitempty"`
	Attestation        Attestation `json:"attestation,omitzero"`
	SignUpEmailDomains []string    `json:"sign_up_email_domains,omitempty"` // acme.example, or *.acme.example for every one below; empty: any
	RequireBoundTokens bool        `json:"require_bound_tokens,omitempty"`  // no bearer tokens (RFC 9449, RFC 8705)
	RequireDPoPNonce   bool        `json:"require_dpop_nonce,omitempty"`    // proofs contain a nonce of ours (RFC 9449 §8)

	// ClientCertificateAuthorities are certificates (PEM) of those whose certificates clients may authenticate with
	// (RFC 8705 §2.1), besides those of the configuration.
	ClientCertificateAuthorities string `json:"client_certificate_authorities,omitempty"`

	TokenPolicy TokenPolicy `json:"token_policy,omitzero"`
	// ClientIDMetadataDocuments says whether clients may describe themselves in documents; the hosts are those that such
	// documents may come from, client.example.com or *.example.com for every one below; empty: any.
	ClientIDMetadataDocuments     ClientDocuments `json:"client_id_metadata_documents,omitempty"`
	ClientIDMetadataDocumentHosts []string        `json:"client_id_metadata_document_hosts,omitempty"`

	RegistrationRules RegistrationRules `json:"registration_rules,omitzero"`
	Scopes            []ScopeDefinition `json:"scopes,omitempty"`
	Claims            []ClaimDefinition `json:"claims,omitempty"`

	Drafts          []Draft          `json:"drafts,omitempty"`           // specifications that are not settled
	ClientAttesters []ClientAttester `json:"client_attesters,omitempty"` // DraftClientAttestation: of all clients without attesters of their own
	// RequireAttestationChallenge wants a challenge of ours in proofs of attested clients (DraftClientAttestation).
	RequireAttestationChallenge bool `json:"require_attestation_challenge,omitempty"`

	AuthorizationDetailTypes []AuthorizationDetailType `json:"authorization_details_types,omitempty"` // RFC 9396
}

// Defaults of the policies.
const (
	DefaultSessionIdle          = 8 * time.Hour
	DefaultSessionAbsolute      = 7 * 24 * time.Hour
	DefaultAccessTokenLifetime  = 5 * time.Minute
	DefaultRefreshTokenLifetime = 30 * 24 * time.Hour
)

func seconds(value int, otherwise time.Duration) time.Duration {
	if value == 0 {
		return otherwise
	}
	return time.Duration(value) * time.Second
}

// SessionIdle is how long a session lives without being used.
func (p Policies) SessionIdle() time.Duration {
	return seconds(p.SessionIdleSeconds, DefaultSessionIdle)
}

// SessionAbsolute is how long a session lives at most.
func (p Policies) SessionAbsolute() time.Duration {
	return seconds(p.SessionAbsoluteSeconds, DefaultSessionAbsolute)
}

// AccessTokenLifetime is how long access tokens live unless the client says otherwise.
func (p Policies) AccessTokenLifetime() time.Duration {
	return seconds(p.AccessTokenLifetimeSeconds, DefaultAccessTokenLifetime)
}

// RefreshTokenLifetime is how long an unused refresh token lives unless the client says otherwise.
func (p Policies) RefreshTokenLifetime() time.Duration {
	return seconds(p.RefreshTokenLifetimeSeconds, DefaultRefreshTokenLifetime)
}

// The faults of this package.
var (
	ErrNotFound        = fault.New(fault.NotFound, "organization_not_found", "There is no organization with this name.")
	ErrSuspended       = fault.New(fault.Forbidden, "organization_suspended", "This organization is suspended. Contact its administrator.")
	ErrSlugTaken       = fault.New(fault.Conflict, "slug_taken", "Another organization has this name. Choose another one.").WithField("slug")
	ErrSlugInvalid     = fault.New(fault.Invalid, "slug_invalid", "A name consists of 2 to 63 lower-case letters, digits and single hyphens between them.").WithField("slug")
	ErrSlugReserved    = fault.New(fault.Invalid, "slug_reserved", "This name is reserved for Clavex itself. Choose another one.").WithField("slug")
	ErrVersionMismatch = fault.New(fault.PreconditionFailed, "version_mismatch", "Somebody changed this meanwhile. Load it again and repeat your change.")
	ErrSystem          = fault.New(fault.Conflict, "organization_system", "The system organization cannot be suspended or deleted: nobody could manage Clavex any more.")
	ErrBeingDeleted    = fault.New(fault.Conflict, "organization_being_deleted", "This organization is being deleted.")
)

// Created is called in the transaction that makes an organization, for packages above that add what
// every organization has from its first moment.
type Created func(ctx context.Context, tx *store.Tx, organization *Organization) error

// Updated is called within the transaction that changes what an organization says of itself.
type Updated func(ctx context.Context, tx *store.Tx, before, after *Organization) error

// WhenUpdated says what follows from changes. It is called once, before organizations change.
func (o *Organizations) WhenUpdated(follow Updated) { o.updated = follow }

// Organizations finds and changes organizations. It is safe for concurrent use.
type Organizations struct {
	db      *store.Store
	log     *audit.Log
	now     func() time.Time
	bySlug  *store.Cache[*Organization]
	hub     *store.Invalidations
	created []Created
	updated Updated
}

// New makes the directory of organizations with a cache of at most cacheSize of them. created are
// called, in order, when an organization is made.
func New(db *store.Store, hub *store.Invalidations, log *audit.Log, now func() time.Time, cacheSize int, created ...Created) *Organizations {
	organizations := &Organizations{db: db, log: log, now: now, hub: hub, created: created}
	organizations.bySlug = store.NewCache[*Organization](hub, cacheSize, func(change store.Change) []string {
		if change.Table != "organizations" {
			return nil
		}
		return []string{change.Lookup}
	})
	return organizations
}

// BySlug returns the organization of an address, whatever its status. It is the hot path: a cache
// answers when warm.
func (o *Organizations) BySlug(ctx context.Context, slug string) (*Organization, error) {
	if len(slug) > 63 || !slugPattern.MatchString(slug) {
		return nil, ErrNotFound
	}
	return o.bySlug.Get(ctx, slug, func(ctx context.Context) (*Organization, error) {
		row, err := dbq.New(o.db).OrganizationBySlug(ctx, slug)
		return fromRow(row, err)
	})
}

// Serving returns the organization of an address when it serves; ErrSuspended or ErrNotFound otherwise.
func (o *Organizations) Serving(ctx context.Context, slug string) (*Organization, error) {
	organization, err := o.BySlug(ctx, slug)
	switch {
	case err != nil:
		return nil, err
	case organization.Status == Suspended:
		return nil, ErrSuspended
	case organization.Status != Active:
		return nil, ErrNotFound
	}
	return organization, nil
}

// ByID returns an organization, uncached.
func (o *Organizations) ByID(ctx context.Context, db store.DB, id uuid.UUID) (*Organization, error) {
	row, err := dbq.New(db).OrganizationByID(ctx, id)
	return fromRow(row, err)
}

// Hold returns an organization and keeps it as it is until the transaction ends: what is judged by its policies and
// written in the same transaction cannot miss a change of them.
func (o *Organizations) Hold(ctx context.Context, tx *store.Tx, id uuid.UUID) (*Organization, error) {
	row, err := dbq.New(tx).HoldOrganization(ctx, id)
	return fromRow(row, err)
}

// NewOrganization is what a new organization begins with.
type NewOrganization struct {
	Slug        string
	DisplayName string
	Branding    Branding
	Policies    Policies
}

// Create makes an organization and everything it has from its first moment, in the transaction.
func (o *Organizations) Create(ctx context.Context, tx *store.Tx, actor audit.Actor, wanted NewOrganization) (*Organization, error) {
	if err := ValidateSlug(wanted.Slug); err != nil {
		return nil, err
	}
	return o.create(ctx, tx, actor, wanted)
}

// EnsureSystem makes the system organization when it is missing, and returns it.
func (o *Organizations) EnsureSystem(ctx context.Context, actor audit.Actor) (*Organization, error) {
	existing, err := o.BySlug(ctx, SystemSlug)
	if err == nil || !fault.IsKind(err, fault.NotFound) {
		return existing, err
	}
	err = o.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		existing, err = o.create(ctx, tx, actor, NewOrganization{Slug: SystemSlug, DisplayName: "Clavex"})
		return err
	})
	if err != nil && fault.From(err).Code == ErrSlugTaken.Code { // another replica was faster
		return o.BySlug(ctx, SystemSlug)
	}
	return existing, err
}

func (o *Organizations) create(ctx context.Context, tx *store.Tx, actor audit.Actor, wanted NewOrganization) (*Organization, error) {
	organization := &Organization{Slug: wanted.Slug, DisplayName: strings.TrimSpace(wanted.DisplayName), Branding: wanted.Branding, Policies: wanted.Policies}
	if err := organization.validate(); err != nil {
		return nil, err
	}
	row, err := dbq.New(tx).InsertOrganization(ctx, dbq.InsertOrganizationParams{
		ID: store.NewID(), Slug: organization.Slug, DisplayName: organization.DisplayName,
		Branding: mustJSON(wanted.Branding), Policies: mustJSON(wanted.Policies), CreatedAt: o.now(),
	})
	if store.Violates(err, "organizations_slug_key") {
		return nil, ErrSlugTaken
	}
	organization, err = fromRow(row, err)
	if err != nil {
		return nil, err
	}
	for _, created := range o.created {
		if err := created(ctx, tx, organization); err != nil {
			return nil, err
		}
	}
	return organization, o.log.Record(ctx, tx, organization.ID, audit.Event{
		Action: "organization.created", Actor: actor, Target: target(organization), After: organization,
	})
}

// Update writes the changed copy of an organization; its Version must be the one that was read.
// Slug and status do not change here.
func (o *Organizations) Update(ctx context.Context, tx *store.Tx, actor audit.Actor, changed Organization) (*Organization, error) {
	before, err := o.ByID(ctx, tx, changed.ID)
	if err != nil {
		return nil, err
	}
	if before.Status == Deleting {
		return nil, ErrBeingDeleted
	}
	changed.DisplayName = strings.TrimSpace(changed.DisplayName)
	changed.Status = before.Status
	if err := changed.validate(); err != nil {
		return nil, err
	}
	after, err := o.write(ctx, tx, actor, "organization.updated", before, changed)
	if err != nil || o.updated == nil {
		return after, err
	}
	return after, o.updated(ctx, tx, before, after)
}

// SetStatus suspends, restores or begins to delete an organization. Deleting cannot be undone; the
// caller enqueues the job that finishes it.
func (o *Organizations) SetStatus(ctx context.Context, tx *store.Tx, actor audit.Actor, id uuid.UUID, status Status, version int64) (*Organization, error) {
	before, err := o.ByID(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	if before.Slug == SystemSlug {
		return nil, ErrSystem
	}
	if before.Status == Deleting {
		return nil, ErrBeingDeleted
	}
	changed := *before
	changed.Status, changed.Version = status, version
	action := map[Status]string{Active: "organization.restored", Suspended: "organization.suspended", Deleting: "organization.deletion_started"}[status]
	return o.write(ctx, tx, actor, action, before, changed)
}

func (o *Organizations) write(ctx context.Context, tx *store.Tx, actor audit.Actor, action string, before *Organization, changed Organization) (*Organization, error) {
	row, err := dbq.New(tx).UpdateOrganization(ctx, dbq.UpdateOrganizationParams{
		ID: changed.ID, ExpectedVersion: changed.Version, DisplayName: changed.DisplayName, Status: string(changed.Status),
		Branding: mustJSON(changed.Branding), Policies: mustJSON(changed.Policies), UpdatedAt: o.now(),
	})
	if store.IsNotFound(err) {
		return nil, ErrVersionMismatch
	}
	after, err := fromRow(row, err)
	if err != nil {
		return nil, err
	}
	return after, o.log.Record(ctx, tx, after.ID, audit.Event{Action: action, Actor: actor, Target: target(after), Before: before, After: after})
}

// Forget makes this replica read the organization anew; other replicas hear it from the database.
// Call it after the transaction committed.
func (o *Organizations) Forget(organization *Organization) {
	o.hub.Announce(store.Change{Table: "organizations", OrgID: organization.ID.String(), Lookup: organization.Slug})
}

func target(o *Organization) audit.Target {
	return audit.Target{Kind: "organization", ID: o.ID.String()}
}

func fromRow(row dbq.Organization, err error) (*Organization, error) {
	if store.IsNotFound(err) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	organization := &Organization{ID: row.ID, Slug: row.Slug, DisplayName: row.DisplayName, Status: Status(row.Status),
		Version: row.Version, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt}
	organization.setAddress(row)
	if err := json.Unmarshal(row.Branding, &organization.Branding); err != nil {
		return nil, fmt.Errorf("branding of organization %s: %w", row.ID, err)
	}
	if err := json.Unmarshal(row.Policies, &organization.Policies); err != nil {
		return nil, fmt.Errorf("policies of organization %s: %w", row.ID, err)
	}
	return organization, nil
}

// mustJSON encodes plain structs of strings and numbers, which cannot fail.
func mustJSON(value any) []byte {
	encoded, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return encoded
}
