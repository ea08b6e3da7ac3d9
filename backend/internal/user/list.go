package user

import (
	"context"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
	"github.com/clavex/clavex/backend/internal/store/filter"
)

// Sort is the order of a list of people.
type Sort string

// The orders; a minus means descending. Creation orders by id.
const (
	ByUsername           Sort = "username"
	ByUsernameDescending Sort = "-username"
	ByCreation           Sort = "created_at"
	ByCreationDescending Sort = "-created_at"
	usernameKey               = `lower(username) COLLATE "C"`
)

var listed = filter.Table{
	Name: "users",
	Columns: []string{"org_id", "id", "username", "email", "email_verified", "phone_number", "phone_number_verified", "profile", "attributes", "status",
		"required_actions", "version", "created_at", "updated_at", "erase_at"},
	Searched: []string{usernameKey, `lower(email) COLLATE "C"`, `lower(profile ->> 'name') COLLATE "C"`, `lower(profile ->> 'family_name') COLLATE "C"`},
}

// Filter narrows and orders a list. Zero fields do not filter; the zero Sort is ByUsername.
type Filter struct {
	Search string // the beginning of username, e-mail address, name or family name, or an id
	Status Status
	Sort   Sort
	After  *filter.Position // the last row of the page before
	Limit  int32            // required
}

// Listed is a person with their place in the list.
type Listed struct {
	User     *User
	Position filter.Position
}

type listedRow struct {
	dbq.User
	SortKey string
}

// List returns a page of the organization's people.
func (u *Users) List(ctx context.Context, db store.DB, orgID uuid.UUID, wanted Filter) ([]Listed, error) {
	query := filter.Query{OrgID: orgID, Search: Normalize(wanted.Search), After: wanted.After, Limit: wanted.Limit}
	if wanted.Status != "" {
		query.Equal = []filter.Equal{{Column: "status", Value: string(wanted.Status)}}
	}
	switch wanted.Sort {
	case ByCreation, ByCreationDescending:
		query.Order.Descending = wanted.Sort == ByCreationDescending
	default:
		query.Order = filter.Order{Key: usernameKey, Descending: wanted.Sort == ByUsernameDescending}
	}
	rows, err := filter.Collect[listedRow](ctx, db, listed, query)
	if err != nil {
		return nil, err
	}
	page := make([]Listed, len(rows))
	for i, row := range rows {
		person, err := FromRow(row.User, nil)
		if err != nil {
			return nil, err
		}
		page[i] = Listed{User: person, Position: filter.Position{Key: row.SortKey, ID: person.ID}}
	}
	return page, nil
}
