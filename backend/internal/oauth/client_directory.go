package oauth

import (
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/org"
)

// DescribedClients are clients that nobody registered: a document at the address that is their client_id describes them.
type DescribedClients interface {
	// Client returns the client as its document describes it now. kept is what is kept of it, nil when nobody allowed it
	// anything yet; then what is returned has no ID. Errors: invalid_client with what is wrong, a fault of a limit.
	Client(ctx context.Context, organization *org.Organization, clientID string, kept *client.Client) (*client.Client, error)
}

// ClientDirectory finds the clients of requests: those that are registered and those that describe themselves. It is safe
// for concurrent use.
type ClientDirectory struct {
	clients   *client.Clients
	described DescribedClients // nil for none
}

// NewClientDirectory makes the directory.
func NewClientDirectory(clients *client.Clients, described DescribedClients) *ClientDirectory {
	return &ClientDirectory{clients: clients, described: described}
}

// Find returns the client of the organization, whatever its status. One that describes itself and that nobody allowed
// anything yet has no ID (IsNew). Errors: client.ErrNotFound, those of DescribedClients.
func (d *ClientDirectory) Find(ctx context.Context, organization *org.Organization, clientID string) (*client.Client, error) {
	kept, err := d.clients.ByClientID(ctx, organization.ID, clientID)
	switch {
	case err == nil && (kept.Origin != client.MetadataDocument || kept.Status != client.Active):
		return kept, nil
	case d.described == nil:
		return nil, client.ErrNotFound.WithCause(err)
	case err == nil:
		return d.described.Client(ctx, organization, clientID, kept)
	case errors.Is(err, client.ErrNotFound) && strings.HasPrefix(clientID, "https://"):
		return d.described.Client(ctx, organization, clientID, nil)
	}
	return nil, err
}

// Known is Find for where only clients have business that somebody allowed something: no document is looked for.
func (d *ClientDirectory) Known(ctx context.Context, organization *org.Organization, clientID string) (*client.Client, error) {
	if _, err := d.clients.ByClientID(ctx, organization.ID, clientID); err != nil {
		return nil, err
	}
	return d.Find(ctx, organization, clientID)
}

// IsNew reports whether nothing is kept of the client, because nobody allowed it anything yet.
func IsNew(c *client.Client) bool { return c.ID == uuid.Nil }

// SymmetricSecret is client.Clients.SymmetricSecret.
func (d *ClientDirectory) SymmetricSecret(c *client.Client) ([]byte, error) {
	return d.clients.SymmetricSecret(c)
}
