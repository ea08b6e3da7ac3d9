package client

import (
	"context"
	"time"

	"github.com/clavex/clavex/backend/internal/store/dbq"
)

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
