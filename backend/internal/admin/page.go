package admin

import (
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/store/filter"
)

// defaultLimit is how many entries a page has when nobody says how many.
const defaultLimit = 50

// reading is how a list is read: at most limit rows behind a position (nil: from its beginning), where each row stands,
// and what the contract shows of it.
type reading[Row, Item any] struct {
	of       list
	rows     func(after *filter.Position, limit int32) ([]Row, error)
	position func(Row) filter.Position
	show     func(Row) Item
}

// page reads the page of a list that a cursor leads to. Items are never nil, next is nil on the last page. One row more
// than the page has is read: it tells whether there is another page.
func page[Row, Item any](c cursors, cursor *string, limit *int, r reading[Row, Item]) (items []Item, next *string, err error) {
	after, err := c.decode(cursor, r.of)
	if err != nil {
		return nil, nil, err
	}
	most := or(limit, defaultLimit)
	rows, err := r.rows(after, int32(most)+1)
	if err != nil {
		return nil, nil, err
	}
	if len(rows) > most {
		rows = rows[:most]
		next = new(c.encode(r.position(rows[most-1]), r.of))
	}
	items = make([]Item, len(rows))
	for i, row := range rows {
		items[i] = r.show(row)
	}
	return items, next, nil
}

// olderThan is the identifier behind which a list goes on that begins with the newest.
func olderThan(after *filter.Position) uuid.UUID {
	if after == nil {
		return uuid.Max
	}
	return after.ID
}
