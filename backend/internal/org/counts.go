package org

import (
	"context"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// Counts are numbers for an overview page; each stops counting at 10 001.
type Counts struct{ Users, Clients, Sessions int64 }

// Count returns an organization's numbers.
func (o *Organizations) Count(ctx context.Context, id uuid.UUID) (Counts, error) {
	row, err := dbq.New(o.db).OrganizationCounts(ctx, dbq.OrganizationCountsParams{OrgID: id, At: o.now()})
	return Counts{Users: row.Users, Clients: row.Clients, Sessions: row.Sessions}, err
}

// CountAll returns how many organizations there are; it stops counting at 10 001.
func (o *Organizations) CountAll(ctx context.Context) (int64, error) {
	return dbq.New(o.db).CountOrganizations(ctx)
}
