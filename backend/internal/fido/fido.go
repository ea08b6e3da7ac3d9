// Package fido is about models of authenticators: what the FIDO Metadata Service (Metadata Service 3, Proposed
// Standard of 18 May 2021, with the statuses of 3.1.1) says of them, and which of them the passkeys of an organization may
// be on. It loads the BLOB from an address or a file, verifies it (§3.1.8), keeps what is needed of it for all replicas, and
// answers the question that each use of a passkey, of a session that began with one, and of what was granted in it asks:
// whether the model is refused. That answer comes from memory and changes with the metadata and the policy at once; ending
// what is refused is work that follows (credential.Passkeys.EndRefused).
//
// Attestation statements are verified by package webauthn with the roots from here.
//
// Left out: authenticators without AAGUID (U2F, UAF), which are no passkeys here because they do not verify their users;
// lists of single rogue authenticators (§3.1.5); "x5u" (the service uses "x5c").
package fido

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fetch"
	"github.com/clavex/clavex/backend/internal/jobs"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
)

// EndRefused is the kind of the job that ends what refused models began. Its arguments are Ending.
const EndRefused = "end_refused_passkeys"

// The faults of passkeys on refused models.
var (
	// ErrModelRefused is the answer to a passkey whose model the organization does not accept.
	ErrModelRefused = fault.New(fault.Unauthenticated, "passkey_model_refused",
		"Your organization does not accept this kind of passkey. Use another device or security key, or sign in another way.").WithField("passkey")
	// ErrModelUnsafe is the answer to a passkey whose model has a status that refuses.
	ErrModelUnsafe = fault.New(fault.Unauthenticated, "passkey_model_unsafe",
		"This kind of device has a known weakness, so its passkeys are not accepted. Use another device or security key, or sign in another way.").WithField("passkey")
	// ErrModelUnproved is the answer to a passkey that does not prove its model where that is demanded.
	ErrModelUnproved = fault.New(fault.Unauthenticated, "passkey_model_unproved",
		"Your organization only accepts devices that prove their make and model, and this passkey came without that proof. "+
			"Allow your browser to pass it on, or use a security key that your organization accepts.").WithField("passkey")
)

// Source is where the metadata comes from.
type Source struct {
	URL  string // of the BLOB; "" for none
	File string // with the BLOB, instead of an address
	Trust
}

// Configured reports whether the metadata comes from anywhere.
func (s Source) Configured() bool { return s.URL != "" || s.File != "" }

func (s Source) name() string {
	if s.File != "" {
		return s.File
	}
	return s.URL
}

// Models knows the models. It is safe for concurrent use.
type Models struct {
	db            *store.Store
	hub           *store.Invalidations
	organizations *org.Organizations
	fetch         *fetch.Client
	queue         *jobs.Jobs
	log           *slog.Logger
	now           func() time.Time
	source        Source

	index   *store.Cache[Index]
	rules   *store.Cache[*Rules]
	version atomic.Uint64 // of the metadata that this replica has heard of: rules of an older one are forgotten
}

// rememberedOrganizations is for how many organizations a replica remembers what is refused.
const rememberedOrganizations = 10_000

// New makes the directory of models.
func New(db *store.Store, hub *store.Invalidations, organizations *org.Organizations, client *fetch.Client, queue *jobs.Jobs, log *slog.Logger, now func() time.Time, source Source) *Models {
	m := &Models{db: db, hub: hub, organizations: organizations, fetch: client, queue: queue, log: log, now: now, source: source}
	// In this order: whoever makes rules after the version grew reads an index that was forgotten before.
	m.index = store.NewCache[Index](hub, 1, func(change store.Change) []string {
		if change.Table != metadataTable {
			return nil
		}
		return []string{metadataTable}
	})
	hub.Watch(func(change store.Change) {
		if change.Table == metadataTable {
			m.version.Add(1)
		}
	}, func() {})
	m.rules = store.NewCache[*Rules](hub, rememberedOrganizations, func(change store.Change) []string {
		if change.Table != "organizations" {
			return nil
		}
		return []string{m.key(change.OrgID)}
	})
	return m
}

// Source is where the metadata comes from.
func (m *Models) Source() Source { return m.source }

func describeError(err error) string {
	if told := fault.From(err); told.Kind != fault.Internal {
		return told.Message
	}
	return err.Error()
}
