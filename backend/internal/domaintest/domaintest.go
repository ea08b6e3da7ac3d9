// Package domaintest gives tests of domain packages an organization with people and clients on a real
// database, made through the domain packages themselves. It serves tests only.
package domaintest

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/fido"
	"github.com/clavex/clavex/backend/internal/fidotest"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/jobs"
	"github.com/clavex/clavex/backend/internal/key"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/seal"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// Operator is the actor of everything a test prepares.
var Operator = audit.Actor{Kind: audit.Operator, Name: "test"}

// Clock is a clock that tests move. It begins at the present, so that it agrees with the database's.
type Clock struct {
	mu     sync.Mutex
	offset time.Duration
}

// Now is the clock's time, in the precision that PostgreSQL keeps.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset).Truncate(time.Microsecond)
}

// Advance moves the clock forward.
func (c *Clock) Advance(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += by
}

// World is the domain packages on a database of the test's own.
type World struct {
	T             testing.TB
	Clock         *Clock
	DB            *store.Store
	Hub           *store.Invalidations
	Ring          *seal.Ring
	Audit         *audit.Log
	Organizations *org.Organizations
	Users         *user.Users
	Roles         *role.Assignments
	Clients       *client.Clients
	Keys          *key.Keys
	Metadata      *fidotest.Service // whose BLOBs Models takes
	Models        *fido.Models
	Sessions      *session.Sessions
	Grants        *grant.Grants
}

// New makes a world.
func New(t testing.TB) *World {
	t.Helper()
	return NewOn(t, store.FromPool(dbtest.New(t)), seal.GenerateKey(rand.Reader))
}

// NewOn makes a world on a database that another world may share, as replicas do.
func NewOn(t testing.TB, db *store.Store, current seal.Key, previous ...seal.Key) *World {
	t.Helper()
	ring, err := seal.NewRing(current, previous...)
	if err != nil {
		t.Fatal(err)
	}
	w := &World{T: t, Clock: &Clock{}, DB: db, Hub: store.NewInvalidations(), Ring: ring}
	now := w.Clock.Now
	w.Audit = audit.NewLog(now)
	w.Organizations = org.New(w.DB, w.Hub, w.Audit, now, 100)
	w.Users = user.New(w.Audit, now)
	w.Roles = role.NewAssignments(w.Audit, now)
	w.Clients = client.New(w.DB, w.Hub, w.Audit, ring, now, rand.Reader, 100)
	w.Keys = key.New(w.DB, w.Hub, w.Ring, w.Audit, now, 100)
	queue, err := jobs.New(w.DB, jobs.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	w.Metadata = fidotest.NewService()
	trust, err := fido.NewTrust(w.Metadata.Root.PEM(), nil)
	if err != nil {
		t.Fatal(err)
	}
	w.Models = fido.New(w.DB, w.Hub, w.Organizations, nil, queue, slog.New(slog.DiscardHandler), now, fido.Source{Trust: trust})
	w.Sessions = session.New(w.DB, w.Audit, queue, w.Models, now, rand.Reader)
	w.Grants = grant.New(w.DB, w.Audit, w.Models, now, w.Ring, rand.Reader)
	return w
}

// InTx runs do in a transaction and fails the test when it fails.
func (w *World) InTx(do func(ctx context.Context, tx *store.Tx) error) {
	w.T.Helper()
	if err := w.DB.InTx(w.T.Context(), do); err != nil {
		w.T.Fatal(err)
	}
}

// Organization makes an organization.
func (w *World) Organization(slug string) (made *org.Organization) {
	w.T.Helper()
	w.InTx(func(ctx context.Context, tx *store.Tx) (err error) {
		made, err = w.Organizations.Create(ctx, tx, Operator, org.NewOrganization{Slug: slug, DisplayName: slug})
		return err
	})
	return made
}

// SetPolicies changes the policies of an organization.
func (w *World) SetPolicies(organization *org.Organization, change func(*org.Policies)) {
	w.T.Helper()
	w.InTx(func(ctx context.Context, tx *store.Tx) error {
		changed, err := w.Organizations.ByID(ctx, tx, organization.ID)
		if err != nil {
			return err
		}
		change(&changed.Policies)
		_, err = w.Organizations.Update(ctx, tx, Operator, *changed)
		return err
	})
	w.Organizations.Forget(organization)
}

// User makes a person with the e-mail address as username.
func (w *World) User(organization *org.Organization, email string) (made *user.User) {
	w.T.Helper()
	w.InTx(func(ctx context.Context, tx *store.Tx) (err error) {
		made, err = w.Users.Create(ctx, tx, Operator, user.User{OrgID: organization.ID, Username: email, Email: email})
		return err
	})
	return made
}

// Client makes a confidential client that signs people in.
func (w *World) Client(organization *org.Organization, name string) (made *client.Client) {
	w.T.Helper()
	w.InTx(func(ctx context.Context, tx *store.Tx) (err error) {
		made, _, err = w.Clients.Create(ctx, tx, Operator, client.Client{OrgID: organization.ID, Name: name, Origin: client.Administrator,
			AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{"https://app.example.test/callback"},
			GrantTypes: []string{client.AuthorizationCode, client.RefreshToken}}, "")
		return err
	})
	return made
}

// Session begins a session of the person and returns it with its token.
func (w *World) Session(organization *org.Organization, person *user.User) (begun session.Session, token string) {
	w.T.Helper()
	w.InTx(func(ctx context.Context, tx *store.Tx) (err error) {
		begun, token, err = w.Sessions.Begin(ctx, tx, session.Authenticated{Organization: organization, User: person, BrowserHash: []byte("browser"), Methods: []string{"pwd"}, At: w.Clock.Now()})
		return err
	})
	return begun, token
}

// Events returns the actions in the organization's audit log, newest first.
func (w *World) Events(orgID uuid.UUID) []string {
	w.T.Helper()
	records, err := w.Audit.List(w.T.Context(), w.DB, orgID, audit.Filter{Limit: 200})
	if err != nil {
		w.T.Fatal(err)
	}
	actions := make([]string, len(records))
	for i, record := range records {
		actions[i] = record.Action
	}
	return actions
}
