package org

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// An organization is at one address: below the one that all share, or at a host of its own. When that changes, the former
// address is served until a moment, as the issuer that it was; whoever asks there gets answers from there. The organization
// of a request is therefore seen as from the address that was asked (AtFormer).

// ErrNoFormerAddress says that there is no former address that could be given up.
var ErrNoFormerAddress = fault.New(fault.Conflict, "no_former_address", "No former address is served.")

// FormerAddress is where an organization was, and until when it is served there.
type FormerAddress struct {
	Domain string    `json:"domain"` // "" below the address that all share
	Until  time.Time `json:"until"`
}

// always is until when an address is served that is not former.
var always = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

func (o *Organization) setAddress(row dbq.Organization) {
	if row.Domain != nil {
		o.Domain = *row.Domain
	}
	if row.FormerDomain != nil && row.FormerUntil != nil {
		o.Former = &FormerAddress{Domain: *row.FormerDomain, Until: *row.FormerUntil}
	}
}

// ServesFormer reports whether the former address is served at a moment.
func (o *Organization) ServesFormer(at time.Time) bool {
	return o.Former != nil && at.Before(o.Former.Until)
}

// AtFormer is the organization as seen from its former address.
func (o *Organization) AtFormer() *Organization {
	seen := *o
	seen.Domain, seen.Former, seen.leaves = o.Former.Domain, &FormerAddress{Domain: o.Domain, Until: always}, o.Former.Until
	return &seen
}

// Leaves is until when the address that the organization is seen from is served; zero for the present one.
func (o *Organization) Leaves() time.Time {
	return o.leaves
}

// SeenFromFormer reports whether this is the organization as seen from its former address.
func (o *Organization) SeenFromFormer() bool { return !o.leaves.IsZero() }

// Present is the organization as seen from where it is, whichever address was asked.
func (o *Organization) Present() *Organization {
	if o.SeenFromFormer() {
		return o.AtFormer().settled()
	}
	return o
}

// settled is a view without an end.
func (o *Organization) settled() *Organization {
	o.leaves, o.Former = time.Time{}, nil
	return o
}

// At is the organization as seen from an address of its; nil when it is not served there. domain is "" below the address
// that all share.
func (o *Organization) At(domain string, now time.Time) *Organization {
	switch {
	case o.Domain == domain:
		return o
	case o.ServesFormer(now) && o.Former.Domain == domain:
		return o.AtFormer()
	}
	return nil
}

// Path is the path of one of the organization's pages or endpoints, such as "login"; "" is its front page.
func (o *Organization) Path(name string) string {
	if o.Domain != "" {
		return "/" + name
	}
	return "/" + o.Slug + "/" + name
}

// Lock returns an organization, and keeps others from changing its domains and its address until the transaction ends.
func (o *Organizations) Lock(ctx context.Context, tx *store.Tx, id uuid.UUID) (*Organization, error) {
	row, err := dbq.New(tx).LockOrganization(ctx, id)
	return fromRow(row, err)
}

// Move brings an organization to another address; domain is "" for the one that all share. The address before is served
// until a moment; the zero moment gives it up at once. version must be the one that was read; ErrVersionMismatch.
func (o *Organizations) Move(ctx context.Context, tx *store.Tx, actor audit.Actor, id uuid.UUID, version int64, domain string, until time.Time) (*Organization, error) {
	before, err := o.ByID(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	params := dbq.SetOrganizationAddressParams{ID: id, ExpectedVersion: version, UpdatedAt: o.now()}
	if domain != "" {
		params.Domain = &domain
	}
	if !until.IsZero() {
		params.FormerDomain, params.FormerUntil = &before.Domain, &until
	}
	return o.setTo(ctx, tx, actor, "organization.moved", before, params)
}

// LeaveFormer ends that the former address is served. ErrNoFormerAddress, ErrVersionMismatch.
func (o *Organizations) LeaveFormer(ctx context.Context, tx *store.Tx, actor audit.Actor, id uuid.UUID, version int64) (*Organization, error) {
	before, err := o.ByID(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	switch {
	case before.Version != version:
		return nil, ErrVersionMismatch
	case before.Former == nil:
		return nil, ErrNoFormerAddress
	}
	params := dbq.SetOrganizationAddressParams{ID: id, ExpectedVersion: version, UpdatedAt: o.now()}
	if before.Domain != "" {
		params.Domain = &before.Domain
	}
	return o.setTo(ctx, tx, actor, "organization.former_address_left", before, params)
}

func (o *Organizations) setTo(ctx context.Context, tx *store.Tx, actor audit.Actor, action string, before *Organization, params dbq.SetOrganizationAddressParams) (*Organization, error) {
	if before.Slug == SystemSlug {
		return nil, ErrSystem
	}
	if before.Status == Deleting {
		return nil, ErrBeingDeleted
	}
	row, err := dbq.New(tx).SetOrganizationAddress(ctx, params)
	if store.IsNotFound(err) {
		return nil, ErrVersionMismatch
	}
	after, err := fromRow(row, err)
	if err != nil {
		return nil, err
	}
	address := func(of *Organization) map[string]any {
		return map[string]any{"domain": of.Domain, "former_address": of.Former}
	}
	return after, o.log.Record(ctx, tx, after.ID, audit.Event{Action: action, Actor: actor, Target: target(after), Before: address(before), After: address(after)})
}
