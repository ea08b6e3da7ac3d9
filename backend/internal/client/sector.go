package client

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fetch"
)

const maximumSectorBytes = 64 << 10

// CheckSector fetches the client's sector_identifier_uri, if it has one, and refuses a client of whose redirect URIs
// one is missing there: otherwise anybody could join a sector of others and learn their people's identifiers (OpenID
// Connect Core 1.0 §8.1, Registration 1.0 §5). Redirects are not followed. Call it outside a transaction, whenever
// redirect URIs or the sector_identifier_uri change.
func (c *Client) CheckSector(ctx context.Context, from *fetch.Client) error {
	const field = "sector_identifier_uri"
	if c.Metadata.SectorIdentifierURI == "" {
		return nil
	}
	answer, err := from.Get(ctx, fetch.Request{URL: c.Metadata.SectorIdentifierURI, MaximumBytes: maximumSectorBytes})
	if err != nil {
		if errors.Is(err, fault.ErrCanceled) {
			return err
		}
		return fault.New(fault.Invalid, codeInvalidMetadata, fault.From(err).Message).WithField(field).WithCause(err)
	}
	var listed []string
	if err := json.Unmarshal(answer.Body, &listed); err != nil {
		return invalid(field, "The document is not a JSON array of redirect URIs.")
	}
	for _, uri := range c.RedirectURIs {
		if !slices.Contains(listed, uri) {
			return invalid(field, "The redirect URI %q is not listed in the document.", clip(uri))
		}
	}
	return nil
}
