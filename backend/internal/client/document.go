package client

import (
	"context"
	"encoding/json"
	"time"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// ErrDescribed is the answer to an administrator who changes what a client's document says: the document would change it
// back.
var ErrDescribed = fault.New(fault.Conflict, "client_described_by_document",
	"The document at its client_id describes this client. Its status, profile, lifetimes and resource servers can be changed here; everything else only there.")

// UnusedDocumentClients is for how long a client that its document describes is kept although nobody used it.
const UnusedDocumentClients = 90 * 24 * time.Hour

// RememberDocumentRead writes down that the client's document was read and good, in one statement that does nothing when
// another replica was faster. Call it about once an hour.
func (c *Clients) RememberDocumentRead(ctx context.Context, read *Client, at time.Time) error {
	return dbq.New(c.db).RememberDocumentRead(ctx, dbq.RememberDocumentReadParams{OrgID: read.OrgID, ID: read.ID, ReadAt: moment(at)})
}

// DeleteUnusedDocumentClients removes at most limit clients that their documents describe, that nobody used for
// UnusedDocumentClients and that hold no grant. Whoever comes back is described by the document anew, and asks for
// consent. Those that an administrator disabled stay, so that they stay disabled.
func (c *Clients) DeleteUnusedDocumentClients(ctx context.Context, limit int32) (int64, error) {
	return dbq.New(c.db).DeleteUnusedDocumentClients(ctx, dbq.DeleteUnusedDocumentClientsParams{Before: moment(c.now().Add(-UnusedDocumentClients)), RowLimit: limit})
}

// SaysTheSameAs reports whether the two clients say the same of themselves, whatever administrators decided about them.
func (c *Client) SaysTheSameAs(other *Client) (bool, error) {
	said := func(c *Client) (string, error) {
		encoded, err := json.Marshal(map[string]any{"members": c.Members(), "scopes": c.Scopes, "localized": c.Metadata.Localized})
		return string(encoded), err
	}
	one, err := said(c)
	if err != nil {
		return false, err
	}
	two, err := said(other)
	return one == two, err
}

func moment(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}

func instant(at *time.Time) time.Time {
	if at == nil {
		return time.Time{}
	}
	return *at
}
