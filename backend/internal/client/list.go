package client

import (
	"context"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
	"github.com/clavex/clavex/backend/internal/store/filter"
)

// Sort is the order of a list of clients.
type Sort string

// The orders; a minus means descending. Creation orders by id.
const (
	ByName               Sort = "client_name"
	ByNameDescending     Sort = "-client_name"
	ByCreation           Sort = "created_at"
	ByCreationDescending Sort = "-created_at"
	nameKey                   = `lower(client_name) COLLATE "C"`
)

var listed = filter.Table{
	Name: "clients",
	Columns: []string{"org_id", "id", "client_id", "client_name", "application_type", "token_endpoint_auth_method", "secret_hash", "redirect_uris",
		"post_logout_redirect_uris", "grant_types", "response_types", "origins", "scopes", "id_token_signed_response_alg", "logo_uri", "client_uri",
		"policy_uri", "tos_uri", "contacts", "require_consent", "access_token_lifetime_seconds", "refresh_token_lifetime_seconds", "origin",
		"registration_access_token_hash", "status", "version", "created_at", "updated_at", "metadata", "profile", "sealed_secret", "secret_sealed_by",
		"initial_access_token_id", "document_read_at"},
	Searched: []string{nameKey, `lower(client_id) COLLATE "C"`},
}

// Filter narrows and orders a list. Zero fields do not filter; the zero Sort is ByName.
type Filter struct {
	Search string // the beginning of the name or of the client_id, or an id
	Status Status
	Sort   Sort
	After  *filter.Position // the last row of the page before
	Limit  int32            // required
}

// Listed is a client with its place in the list.
type Listed struct {
	Client   *Client
	Position filter.Position
}

// lookedAt is how many clients are read at a time.
const lookedAt = 200

// EachWithoutProfile shows look the organization's clients that have no profile of their own and so follow the
// organization's, in the order of their creation, until look has seen enough.
func (c *Clients) EachWithoutProfile(ctx context.Context, db store.DB, orgID uuid.UUID, look func(*Client) (more bool)) error {
	after := uuid.Nil
	for {
		rows, err := dbq.New(db).ClientsWithoutProfile(ctx, dbq.ClientsWithoutProfileParams{OrgID: orgID, After: after, RowLimit: lookedAt})
		if err != nil {
			return err
		}
		for _, row := range rows {
			found, err := fromRow(row, nil)
			if err != nil {
				return err
			}
			if !look(found) {
				return nil
			}
			after = found.ID
		}
		if len(rows) < lookedAt {
			return nil
		}
	}
}

type listedRow struct {
	dbq.Client
	SortKey string
}

// List returns a page of the organization's clients.
func (c *Clients) List(ctx context.Context, db store.DB, orgID uuid.UUID, wanted Filter) ([]Listed, error) {
	query := filter.Query{OrgID: orgID, Search: wanted.Search, After: wanted.After, Limit: wanted.Limit}
	if wanted.Status != "" {
		query.Equal = []filter.Equal{{Column: "status", Value: string(wanted.Status)}}
	}
	switch wanted.Sort {
	case ByCreation, ByCreationDescending:
		query.Order.Descending = wanted.Sort == ByCreationDescending
	default:
		query.Order = filter.Order{Key: nameKey, Descending: wanted.Sort == ByNameDescending}
	}
	rows, err := filter.Collect[listedRow](ctx, db, listed, query)
	if err != nil {
		return nil, err
	}
	page := make([]Listed, len(rows))
	for i, row := range rows {
		found, err := fromRow(row.Client, nil)
		if err != nil {
			return nil, err
		}
		page[i] = Listed{Client: found, Position: filter.Position{Key: row.SortKey, ID: found.ID}}
	}
	return page, nil
}
