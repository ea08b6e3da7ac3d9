package org

import (
	"context"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
	"github.com/clavex/clavex/backend/internal/store/filter"
)

// Sort is the order of a list of organizations.
type Sort string

// The orders; a minus means descending. Creation orders by id.
const (
	ByName               Sort = "name"
	ByNameDescending     Sort = "-name"
	ByCreation           Sort = "created_at"
	ByCreationDescending Sort = "-created_at"
	displayNameKey            = `lower(display_name) COLLATE "C"`
	slugKey                   = `slug COLLATE "C"`
)

var listed = filter.Table{
	Name:     "organizations",
	Columns:  []string{"id", "slug", "display_name", "status", "branding", "policies", "version", "created_at", "updated_at", "domain", "former_domain", "former_until"},
	Global:   true,
	Searched: []string{displayNameKey, slugKey},
}

// Filter narrows and orders a list. Zero fields do not filter; the zero Sort is ByName.
type Filter struct {
	Search string // the beginning of the display name or of the slug, or an id
	Status Status
	Sort   Sort
	After  *filter.Position // the last row of the page before
	Limit  int32            // required
}

// Listed is an organization with its place in the list.
type Listed struct {
	Organization *Organization
	Position     filter.Position
}

type listedRow struct {
	dbq.Organization
	SortKey string
}

// List returns a page of organizations. It is for platform administrators.
func (o *Organizations) List(ctx context.Context, db store.DB, wanted Filter) ([]Listed, error) {
	query := filter.Query{Search: wanted.Search, After: wanted.After, Limit: wanted.Limit}
	if wanted.Status != "" {
		query.Equal = []filter.Equal{{Column: "status", Value: string(wanted.Status)}}
	}
	switch wanted.Sort {
	case ByCreation, ByCreationDescending:
		query.Order.Descending = wanted.Sort == ByCreationDescending
	default:
		query.Order = filter.Order{Key: displayNameKey, Descending: wanted.Sort == ByNameDescending}
	}
	rows, err := filter.Collect[listedRow](ctx, db, listed, query)
	if err != nil {
		return nil, err
	}
	page := make([]Listed, len(rows))
	for i, row := range rows {
		organization, err := fromRow(row.Organization, nil)
		if err != nil {
			return nil, err
		}
		page[i] = Listed{Organization: organization, Position: filter.Position{Key: row.SortKey, ID: organization.ID}}
	}
	return page, nil
}

// IDsAfter are the next organizations in the order of their identifiers, for jobs that walk through them; those that are being
// deleted are left out.
func (o *Organizations) IDsAfter(ctx context.Context, after uuid.UUID, limit int32) ([]uuid.UUID, error) {
	return dbq.New(o.db).OrganizationsAfter(ctx, dbq.OrganizationsAfterParams{After: after, RowLimit: limit})
}
