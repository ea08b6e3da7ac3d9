// Package mailserver keeps the SMTP servers by which organizations send their mail themselves, in the place of the
// installation's. Their administrators name them, so they are reached like every address that others give us (package
// fetch), and TLS is not theirs to leave out: mail contains codes and links that let people in.
package mailserver

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/mail"
	"github.com/clavex/clavex/backend/internal/seal"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// Server is the mail server of an organization. One without a Version is none: the organization's mail goes out by the
// installation's server.
type Server struct {
	OrgID     uuid.UUID    `json:"-"`
	Host      string       `json:"host"` // a name or an IP address
	Port      int          `json:"port"`
	TLS       mail.TLSMode `json:"tls"`                // StartTLS or ImplicitTLS
	Username  string       `json:"username,omitempty"` // "" when the server asks for none
	From      string       `json:"from"`               // address, with or without a name
	ReplyTo   string       `json:"reply_to,omitempty"` // address, with or without a name
	Version   int64        `json:"version"`            // grows with every change; 0 when there is none
	CreatedAt time.Time    `json:"created_at"`
	UpdatedAt time.Time    `json:"updated_at"`
}

// The faults of this package; those about a field are Invalid and named mail_server_malformed.
var (
	ErrVersionMismatch = fault.New(fault.PreconditionFailed, "version_mismatch", "Somebody changed the mail server meanwhile. Load it again and repeat your change.")
	ErrNotFound        = fault.New(fault.NotFound, "mail_server_not_found", "This organization has no mail server of its own.")
)

// Dial connects to a server that was named by somebody else than the operator, as fetch.Client.Dial does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Servers finds and changes mail servers. It is safe for concurrent use.
type Servers struct {
	db    *store.Store
	ring  *seal.Ring
	log   *audit.Log
	hub   *store.Invalidations
	dial  Dial
	roots *x509.CertPool
	now   func() time.Time
	known *store.Cache[bool] // whether an organization has one
}

// New makes the directory. It remembers of cacheSize organizations whether they have a server; roots are the authorities
// that are trusted, nil for the system's.
func New(db *store.Store, hub *store.Invalidations, ring *seal.Ring, log *audit.Log, dial Dial, roots *x509.CertPool, now func() time.Time, cacheSize int) *Servers {
	servers := &Servers{db: db, ring: ring, log: log, hub: hub, dial: dial, roots: roots, now: now}
	servers.known = store.NewCache[bool](hub, cacheSize, func(change store.Change) []string {
		if change.Table != "mail_servers" {
			return nil
		}
		return []string{change.OrgID}
	})
	return servers
}

// Has reports whether the organization has a server of its own. A cache answers when warm.
func (s *Servers) Has(ctx context.Context, orgID uuid.UUID) (bool, error) {
	return s.known.Get(ctx, orgID.String(), func(ctx context.Context) (bool, error) {
		found, err := s.Of(ctx, s.db, orgID)
		return err == nil && found.Version > 0, err
	})
}

// Of returns the organization's server, uncached; one of version 0 when it has none.
func (s *Servers) Of(ctx context.Context, db store.DB, orgID uuid.UUID) (*Server, error) {
	row, err := dbq.New(db).MailServerByOrganization(ctx, orgID)
	if store.IsNotFound(err) {
		return &Server{OrgID: orgID}, nil
	}
	if err != nil {
		return nil, err
	}
	return fromRow(row), nil
}

// Sender sends by the organization's server; nil when it has none.
func (s *Servers) Sender(ctx context.Context, orgID uuid.UUID) (mail.Sender, error) {
	row, err := dbq.New(s.db).MailServerByOrganization(ctx, orgID)
	if store.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found := fromRow(row)
	password, err := s.password(row)
	if err != nil {
		return nil, err
	}
	name, _, _ := mail.ParseAddress(found.From)
	return &sender{named: name != "", server: mail.NewSMTP(mail.Server{Host: found.Host, Port: found.Port, TLS: found.TLS, Username: found.Username, Password: password,
		From: found.From, ReplyTo: found.ReplyTo, Roots: s.roots, Dial: s.dial})}, nil
}

// sender is an organization's server. A name that its administrators put before the address stays.
type sender struct {
	named  bool
	server *mail.SMTP
}

// Send implements mail.Sender.
func (s *sender) Send(ctx context.Context, message mail.Message) error {
	if s.named {
		message.FromName = ""
	}
	return s.server.Send(ctx, message)
}

// Set makes the server or writes a changed copy; its Version must be the one that was read. A nil password leaves the one
// that is there, which is refused when host, port or username are others: a password goes to nobody but those whom it was
// given for.
func (s *Servers) Set(ctx context.Context, tx *store.Tx, actor audit.Actor, wanted Server, password *string) (*Server, error) {
	queries := dbq.New(tx)
	current, err := queries.MailServerByOrganization(ctx, wanted.OrgID)
	if err != nil && !store.IsNotFound(err) {
		return nil, err
	}
	if current.Version != wanted.Version {
		return nil, ErrVersionMismatch
	}
	if err := wanted.complete(); err != nil {
		return nil, err
	}
	sealed, by, err := s.seal(current, wanted, password)
	if err != nil {
		return nil, err
	}
	var row dbq.MailServer
	if current.Version == 0 {
		row, err = queries.InsertMailServer(ctx, dbq.InsertMailServerParams{OrgID: wanted.OrgID, Host: wanted.Host, Port: int32(wanted.Port), Tls: string(wanted.TLS),
			Username: wanted.Username, Sealed: sealed, SealedBy: by, FromAddress: wanted.From, ReplyTo: wanted.ReplyTo, At: s.now()})
	} else {
		row, err = queries.UpdateMailServer(ctx, dbq.UpdateMailServerParams{OrgID: wanted.OrgID, ExpectedVersion: wanted.Version, Host: wanted.Host, Port: int32(wanted.Port),
			Tls: string(wanted.TLS), Username: wanted.Username, Sealed: sealed, SealedBy: by, FromAddress: wanted.From, ReplyTo: wanted.ReplyTo, At: s.now()})
	}
	if store.IsNotFound(err) {
		return nil, ErrVersionMismatch
	}
	if err != nil {
		return nil, err
	}
	after := fromRow(row)
	event := audit.Event{Action: "mail_server.set", Actor: actor, Target: target(), After: after, Details: map[string]any{"password_changed": password != nil}}
	if current.Version > 0 {
		event.Before = fromRow(current)
	}
	return after, s.log.Record(ctx, tx, after.OrgID, event)
}

// Remove lets the organization's mail go out by the installation's server again. Version must be the one that was read.
func (s *Servers) Remove(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID uuid.UUID, version int64) error {
	before, err := s.Of(ctx, tx, orgID)
	if err != nil {
		return err
	}
	if before.Version == 0 {
		return ErrNotFound
	}
	removed, err := dbq.New(tx).DeleteMailServer(ctx, dbq.DeleteMailServerParams{OrgID: orgID, ExpectedVersion: version})
	if err != nil {
		return err
	}
	if removed == 0 {
		return ErrVersionMismatch
	}
	return s.log.Record(ctx, tx, orgID, audit.Event{Action: "mail_server.removed", Actor: actor, Target: target(), Before: before})
}

// Forget makes this replica ask anew whether the organization has a server; other replicas hear it from the database.
// Call it after the transaction committed.
func (s *Servers) Forget(orgID uuid.UUID) {
	s.hub.Announce(store.Change{Table: "mail_servers", OrgID: orgID.String()})
}

// Reseal brings passwords under the current key-encryption key and returns how many it changed.
func (s *Servers) Reseal(ctx context.Context) (changed int, err error) {
	queries, current := dbq.New(s.db), s.ring.CurrentKeyID()
	for {
		rows, err := queries.MailServersSealedByOthers(ctx, dbq.MailServersSealedByOthersParams{Current: &current, RowLimit: 200})
		if err != nil || len(rows) == 0 {
			return changed, err
		}
		for _, row := range rows {
			by, sealed, err := s.ring.Rewrap(*row.SealedBy, row.Sealed)
			if err != nil {
				return changed, fmt.Errorf("mail server of organization %s: %w", row.OrgID, err)
			}
			if _, err := queries.ResealMailServer(ctx, dbq.ResealMailServerParams{OrgID: row.OrgID, Sealed: sealed, SealedBy: &by, WasSealedBy: row.SealedBy}); err != nil {
				return changed, err
			}
			changed++
		}
	}
}

// seal returns the password that stands in the row after the change, nil for none.
func (s *Servers) seal(current dbq.MailServer, wanted Server, password *string) (sealed []byte, by *string, err error) {
	switch {
	case wanted.Username == "" && password != nil && *password != "":
		return nil, nil, refuse("username", "A password needs a user name.")
	case wanted.Username == "":
		return nil, nil, nil
	case password == nil && current.Sealed == nil:
		return nil, nil, refuse("password", "The user name needs a password.")
	case password == nil && (current.Host != wanted.Host || int(current.Port) != wanted.Port || current.Username != wanted.Username):
		return nil, nil, refuse("password", "Enter the password again: it was given for another server or user name.")
	case password == nil:
		return current.Sealed, current.SealedBy, nil
	case *password == "" || len(*password) > maximumPassword:
		return nil, nil, refuse("password", fmt.Sprintf("The password has 1 to %d bytes.", maximumPassword))
	}
	key, sealed := s.ring.Seal([]byte(*password), sealedFor(wanted.OrgID))
	return sealed, &key, nil
}

func (s *Servers) password(row dbq.MailServer) (string, error) {
	if row.SealedBy == nil {
		return "", nil
	}
	opened, err := s.ring.Open(*row.SealedBy, row.Sealed, sealedFor(row.OrgID))
	if err != nil {
		return "", fmt.Errorf("mail server of organization %s: %w", row.OrgID, err)
	}
	return string(opened), nil
}

// sealedFor binds a password to its organization.
func sealedFor(orgID uuid.UUID) []byte { return []byte("mail_server:" + orgID.String()) }

func target() audit.Target { return audit.Target{Kind: "mail_server", ID: "own"} }

func fromRow(row dbq.MailServer) *Server {
	return &Server{OrgID: row.OrgID, Host: row.Host, Port: int(row.Port), TLS: mail.TLSMode(row.Tls), Username: row.Username, From: row.FromAddress, ReplyTo: row.ReplyTo,
		Version: row.Version, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt}
}
