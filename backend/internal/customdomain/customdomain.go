// Package customdomain is about the hosts of organizations' own: who claims one, the proof by DNS, and which organization a
// request is for by its host. Where an organization is, and was before, package org keeps.
package customdomain

import (
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/net/idna"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/dnslookup"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fetch"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// What is kept, and asked for.
const (
	Maximum      = 10         // hosts of an organization
	recordPrefix = "_clavex." // before the host, where the record is
	valuePrefix  = "clavex-domain="
	// MostGraceDays is how long a former address may be served at most.
	MostGraceDays = 365
	// GraceDays is how long it is when nobody says.
	GraceDays = 30
)

// The faults of domains.
var (
	ErrNotFound  = fault.New(fault.NotFound, "domain_not_found", "There is no such domain.")
	ErrMalformed = fault.New(fault.Invalid, "domain_malformed", "A domain is a host name with a dot in it, such as login.example.com, without scheme, port and path.").WithField("host")
	ErrOurs      = fault.New(fault.Invalid, "domain_ours", "This host belongs to the server itself.").WithField("host")
	// ErrNear keeps pages of organizations from asking browsers for passkeys of the server's host, which all others share.
	ErrNear     = fault.New(fault.Conflict, "domain_near", "This host is above or below the server's own. The operator of the server has to answer for it: clavex domain verify --trust.")
	ErrSystem   = fault.New(fault.Forbidden, "domain_of_system", "The system organization stays at the address of the server.")
	ErrExists   = fault.New(fault.Conflict, "domain_exists", "The organization has this domain already.").WithField("host")
	ErrTooMany  = fault.Newf(fault.Conflict, "too_many_domains", "An organization has at most %d domains. Remove one that is not used.", Maximum)
	ErrTaken    = fault.New(fault.Conflict, "domain_taken", "Another organization of this server proved that this domain is its own. It has to remove it first.")
	ErrNoRecord = fault.New(fault.Conflict, "domain_record_missing", "The TXT record was not found. Name servers may need a while to tell of it.")
	ErrUnproved = fault.New(fault.Conflict, "domain_unproved", "Prove first that the domain is yours.")
	ErrInUse    = fault.New(fault.Conflict, "domain_in_use", "The organization is at this domain, or was until a moment ago. Move it, and end that its former address is served.")
	ErrThere    = fault.New(fault.Conflict, "domain_current", "The organization is there already.")
	ErrGrace    = fault.Newf(fault.Invalid, "grace_malformed", "The former address is served for 0 to %d days.", MostGraceDays).WithField("grace_days")
	// ErrStillServed keeps two former addresses from being served at once.
	ErrStillServed = fault.New(fault.Conflict, "former_address_served", "The address before is served still. End that first, or wait.")
)

// Proof says how a domain was proved.
type Proof string

// The proofs.
const (
	ByDNS      Proof = "dns"
	ByOperator Proof = "operator" // of the server, who answers for it
)

// Domain is a host that an organization says is its own.
type Domain struct {
	OrgID      uuid.UUID `json:"-"`
	ID         uuid.UUID `json:"id"`
	Host       string    `json:"host"`
	Record     Record    `json:"record"`
	CreatedAt  time.Time `json:"created_at"`
	VerifiedAt time.Time `json:"verified_at,omitzero"` // zero: it was not proved
	VerifiedBy Proof     `json:"verified_by,omitempty"`
}

// Record is the TXT record that proves a domain.
type Record struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Domains keeps them. It is safe for concurrent use.
type Domains struct {
	db            *store.Store
	organizations *org.Organizations
	log           *audit.Log
	resolver      *dnslookup.Resolver
	fetch         *fetch.Client
	ours          []string
	now           func() time.Time
	random        io.Reader
	hosts         *store.Cache[map[string]owner]
	hub           *store.Invalidations
}

// New makes them. ours are the hosts of the server itself, which no organization may have.
func New(db *store.Store, hub *store.Invalidations, organizations *org.Organizations, log *audit.Log, resolver *dnslookup.Resolver, fetcher *fetch.Client, ours []string, now func() time.Time, random io.Reader) *Domains {
	hosts := store.NewCache[map[string]owner](hub, 1, func(change store.Change) []string {
		if change.Table != "domains" {
			return nil
		}
		return []string{""}
	})
	return &Domains{db: db, organizations: organizations, log: log, resolver: resolver, fetch: fetcher, ours: ours, now: now, random: random, hosts: hosts, hub: hub}
}

// Canonical is a host as the DNS has it, in lower case and letters of ASCII (RFC 5891). ErrMalformed for what is none that
// somebody could own: an address, a name without a dot, a pattern.
func Canonical(host string) (string, error) {
	host = strings.TrimSuffix(strings.TrimSpace(host), ".")
	canonical, err := idna.Lookup.ToASCII(host)
	if err != nil || len(canonical) < 3 || len(canonical) > 253-len(recordPrefix) || !strings.Contains(canonical, ".") || net.ParseIP(canonical) != nil {
		return "", ErrMalformed
	}
	canonical = strings.ToLower(canonical)
	for label := range strings.SplitSeq(canonical, ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") || strings.ContainsFunc(label, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' }) {
			return "", ErrMalformed
		}
	}
	if last := canonical[strings.LastIndexByte(canonical, '.')+1:]; strings.Trim(last, "0123456789") == "" { // an address in another spelling
		return "", ErrMalformed
	}
	return canonical, nil
}

// owner is whose a host is.
type owner struct{ slug, token string }

func (d *Domains) owner(ctx context.Context, host string) (owner, error) {
	hosts, err := d.hosts.Get(ctx, "", func(ctx context.Context) (map[string]owner, error) {
		rows, err := dbq.New(d.db).VerifiedHosts(ctx)
		hosts := make(map[string]owner, len(rows))
		for _, row := range rows {
			hosts[row.Host] = owner{row.Slug, row.Token}
		}
		return hosts, err
	})
	if err != nil {
		return owner{}, err
	}
	found, ok := hosts[host]
	if !ok {
		return owner{}, ErrNotFound
	}
	return found, nil
}

// Slug returns whose host it is, whether or not the organization is there. ErrNotFound.
func (d *Domains) Slug(ctx context.Context, host string) (string, error) {
	found, err := d.owner(ctx, host)
	return found.slug, err
}

// Of returns the domains of an organization, by host.
func (d *Domains) Of(ctx context.Context, db store.DB, orgID uuid.UUID) ([]Domain, error) {
	rows, err := dbq.New(db).DomainsOfOrganization(ctx, orgID)
	found := make([]Domain, len(rows))
	for n, row := range rows {
		found[n] = fromRow(row)
	}
	return found, err
}

// ByID returns a domain. ErrNotFound.
func (d *Domains) ByID(ctx context.Context, db store.DB, orgID, id uuid.UUID) (Domain, error) {
	row, err := dbq.New(db).DomainByID(ctx, dbq.DomainByIDParams{OrgID: orgID, ID: id})
	if store.IsNotFound(err) {
		return Domain{}, ErrNotFound
	}
	return fromRow(row), err
}

// Claim keeps that an organization says that a host is its own; nothing follows before it is proved.
func (d *Domains) Claim(ctx context.Context, tx *store.Tx, actor audit.Actor, organization *org.Organization, host string) (Domain, error) {
	host, err := Canonical(host)
	switch {
	case err != nil:
		return Domain{}, err
	case slices.Contains(d.ours, host):
		return Domain{}, ErrOurs
	case organization.Slug == org.SystemSlug:
		return Domain{}, ErrSystem
	}
	if _, err := d.organizations.Lock(ctx, tx, organization.ID); err != nil {
		return Domain{}, err
	}
	count, err := dbq.New(tx).CountDomains(ctx, organization.ID)
	if err != nil {
		return Domain{}, err
	}
	if count >= Maximum {
		return Domain{}, ErrTooMany
	}
	row, err := dbq.New(tx).InsertDomain(ctx, dbq.InsertDomainParams{OrgID: organization.ID, ID: store.NewID(), Host: host, Token: secret.New(d.random), CreatedAt: d.now()})
	if store.Violates(err, "domains_of_organization") {
		return Domain{}, ErrExists
	}
	if err != nil {
		return Domain{}, err
	}
	return fromRow(row), d.record(ctx, tx, actor, "domain.claimed", fromRow(row))
}

// Proved asks the DNS whether a domain is the organization's. It holds no transaction, because it waits for others.
// ErrNoRecord, dnslookup.ErrUnavailable.
func (d *Domains) Proved(ctx context.Context, domain Domain) error {
	records, err := d.resolver.TXT(ctx, domain.Record.Name)
	if err == nil && !slices.Contains(records, domain.Record.Value) {
		err = ErrNoRecord
	}
	return err
}

// near reports whether a host is above or below one of the server's own: then the RP ID of one can be that of pages at the other
// (WebAuthn Level 3 §5.1.3).
func (d *Domains) near(host string) bool {
	return slices.ContainsFunc(d.ours, func(own string) bool {
		return strings.HasSuffix(host, "."+own) || strings.HasSuffix(own, "."+host)
	})
}

// Verify keeps that a domain was proved: the organization has the host from now on, and no other one. ErrTaken, ErrNear.
func (d *Domains) Verify(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, id uuid.UUID, by Proof) (Domain, error) {
	domain, err := d.ByID(ctx, tx, orgID, id)
	if err != nil {
		return Domain{}, err
	}
	if by == ByDNS && d.near(domain.Host) {
		return Domain{}, ErrNear
	}
	at, proof := d.now(), string(by)
	row, err := dbq.New(tx).VerifyDomain(ctx, dbq.VerifyDomainParams{OrgID: orgID, ID: id, At: &at, By: &proof})
	switch {
	case store.IsNotFound(err):
		return domain, nil // proved before
	case store.Violates(err, "domains_host"):
		return Domain{}, ErrTaken
	case err != nil:
		return Domain{}, err
	}
	return fromRow(row), d.record(ctx, tx, actor, "domain.verified", fromRow(row))
}

// Remove gives a host back. ErrNotFound; ErrInUse while the organization is, or is served, there.
func (d *Domains) Remove(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, id uuid.UUID) error {
	organization, err := d.organizations.Lock(ctx, tx, orgID)
	if err != nil {
		return err
	}
	domain, err := d.ByID(ctx, tx, orgID, id)
	if err != nil {
		return err
	}
	if organization.At(domain.Host, d.now()) != nil {
		return ErrInUse
	}
	if _, err := dbq.New(tx).DeleteDomain(ctx, dbq.DeleteDomainParams{OrgID: orgID, ID: id}); err != nil {
		return err
	}
	return d.record(ctx, tx, actor, "domain.removed", domain)
}

// Move brings an organization to a host of its own that was proved, or ("") back below the address that all share. The
// address before is served for some days more. The faults of this package and of org.Organizations.Move.
func (d *Domains) Move(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID uuid.UUID, version int64, host string, graceDays int) (*org.Organization, error) {
	if graceDays < 0 || graceDays > MostGraceDays {
		return nil, ErrGrace
	}
	organization, err := d.organizations.Lock(ctx, tx, orgID)
	if err != nil {
		return nil, err
	}
	switch {
	case organization.Slug == org.SystemSlug:
		return nil, ErrSystem
	case organization.Version != version:
		return nil, org.ErrVersionMismatch
	case organization.Domain == host:
		return nil, ErrThere
	case organization.ServesFormer(d.now()) && organization.Former.Domain != host:
		return nil, ErrStillServed
	}
	if host != "" {
		row, err := dbq.New(tx).DomainByHost(ctx, dbq.DomainByHostParams{OrgID: orgID, Host: host})
		if store.IsNotFound(err) {
			return nil, ErrNotFound
		}
		if err != nil {
			return nil, err
		}
		if row.VerifiedAt == nil {
			return nil, ErrUnproved
		}
	}
	var until time.Time
	if graceDays > 0 {
		until = d.now().AddDate(0, 0, graceDays)
	}
	return d.organizations.Move(ctx, tx, actor, orgID, version, host, until)
}

// Now is the time by which addresses are judged.
func (d *Domains) Now() time.Time { return d.now() }

// Forget makes this replica read anew whose hosts are; other replicas hear it from the database. Call it after the
// transaction committed.
func (d *Domains) Forget(orgID uuid.UUID) {
	d.hub.Announce(store.Change{Table: "domains", OrgID: orgID.String()})
}

func (d *Domains) record(ctx context.Context, tx *store.Tx, actor audit.Actor, action string, domain Domain) error {
	details := map[string]any{"host": domain.Host}
	if domain.VerifiedBy != "" {
		details["verified_by"] = domain.VerifiedBy
	}
	return d.log.Record(ctx, tx, domain.OrgID, audit.Event{Action: action, Actor: actor, Target: audit.Target{Kind: "domain", ID: domain.ID.String()}, Details: details})
}

func fromRow(row dbq.Domain) Domain {
	domain := Domain{OrgID: row.OrgID, ID: row.ID, Host: row.Host, Record: Record{recordPrefix + row.Host, valuePrefix + row.Token}, CreatedAt: row.CreatedAt}
	if row.VerifiedAt != nil {
		domain.VerifiedAt, domain.VerifiedBy = *row.VerifiedAt, Proof(*row.VerifiedBy)
	}
	return domain
}
