// Package filter compiles what a list of the Admin API asks for (equal columns, a searched prefix, an
// order, the position after the page before) into one SELECT, and reads its rows.
//
// It exists because the combinations are too many to write out for sqlc and a query that switches
// conditions off with parameters (`$1 IS NULL OR …`) cannot use an index. Every fragment of SQL is
// written in the program; what comes from a request is always a parameter. A table that belongs to
// organizations is always bound to one.
package filter

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/clavex/clavex/backend/internal/store"
)

// Table says what is listed. Its texts are SQL of the program, never input.
type Table struct {
	Name     string
	Columns  []string // in the order of the row struct's fields
	Global   bool     // for the organizations themselves; every other table is bound to an organization
	Searched []string // text expressions in lower case under COLLATE "C", each with an index
}

// Equal is a condition on a column.
type Equal struct {
	Column string // SQL of the program
	Value  any
}

// Order is the order of a list. Key is a text expression under COLLATE "C" with an index that ends in
// id; "" orders by id, which is by time of creation because ids are UUIDv7.
type Order struct {
	Key        string
	Descending bool
}

// Position is the place of a row in an order: where the next page goes on. The key is read from the
// database and not computed again, because two implementations of lower case would disagree some day.
type Position struct {
	Key string // the value of Order.Key, as the database computed it; "" when ordered by id
	ID  uuid.UUID
}

// Query is one page of a list.
type Query struct {
	OrgID uuid.UUID
	Equal []Equal
	// FromID and BeforeID bound the ids, and with them the time of creation; uuid.Nil does not.
	FromID, BeforeID uuid.UUID
	// Search keeps rows of which a searched expression begins with it, without regard to case. When it
	// is a whole id, the row with this id is found, too. "" keeps all rows.
	Search string
	Order  Order
	After  *Position // nil for the first page
	Limit  int32     // required
}

// Collect reads a page. T is a struct of Table.Columns, by position, followed by the order's key as text:
// embed the row's struct and add a string.
//
// The statement is planned anew for its parameters: whether to walk the order or to gather what a prefix
// matches depends on how rare the prefix is, which a plan for any parameters cannot know.
func Collect[T any](ctx context.Context, db store.DB, table Table, query Query) ([]T, error) {
	text, arguments := table.Select(query)
	rows, err := db.Query(ctx, text, append([]any{pgx.QueryExecModeCacheDescribe}, arguments...)...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[T])
}

// Select returns the statement and its arguments. The last selected column is the order's key.
func (t Table) Select(query Query) (string, []any) {
	c := &compiler{}
	c.text.WriteString("SELECT " + strings.Join(t.Columns, ", ") + ", " + keyColumn(query.Order) + " FROM " + t.Name)
	if !t.Global {
		c.and("org_id = " + c.bind(query.OrgID))
	}
	for _, condition := range query.Equal {
		c.and(condition.Column + " = " + c.bind(condition.Value))
	}
	if query.FromID != uuid.Nil {
		c.and("id >= " + c.bind(query.FromID))
	}
	if query.BeforeID != uuid.Nil {
		c.and("id < " + c.bind(query.BeforeID))
	}
	c.search(t.Searched, query.Search)
	direction, beyond := " ASC", " > "
	if query.Order.Descending {
		direction, beyond = " DESC", " < "
	}
	if after := query.After; after != nil && query.Order.Key != "" {
		c.and("(" + query.Order.Key + ", id)" + beyond + "(" + c.bind(after.Key) + "::text, " + c.bind(after.ID) + "::uuid)")
	} else if after != nil {
		c.and("id" + beyond + c.bind(after.ID))
	}
	c.text.WriteString(" ORDER BY ")
	if query.Order.Key != "" {
		c.text.WriteString(query.Order.Key + direction + ", ")
	}
	c.text.WriteString("id" + direction + " LIMIT " + c.bind(query.Limit))
	return c.text.String(), c.arguments
}

func keyColumn(order Order) string {
	if order.Key == "" {
		return "''::text"
	}
	return order.Key
}

type compiler struct {
	text      strings.Builder
	arguments []any
	where     bool
}

func (c *compiler) bind(value any) string {
	c.arguments = append(c.arguments, value)
	return fmt.Sprintf("$%d", len(c.arguments))
}

func (c *compiler) and(condition string) {
	if c.where {
		c.text.WriteString(" AND " + condition)
		return
	}
	c.where = true
	c.text.WriteString(" WHERE " + condition)
}

// search writes the prefix as a range of the C collation rather than as LIKE: a range uses the index
// under a generic plan, too, and has no wildcards to escape.
func (c *compiler) search(expressions []string, text string) {
	prefix := strings.ToLower(strings.TrimSpace(text))
	if prefix == "" {
		return
	}
	from := c.bind(prefix)
	end, bounded := successor(prefix)
	to := ""
	if bounded {
		to = c.bind(end)
	}
	var alternatives []string
	for _, expression := range expressions {
		condition := expression + " >= " + from
		if bounded {
			condition += " AND " + expression + " < " + to
		}
		alternatives = append(alternatives, condition)
	}
	if id, err := uuid.Parse(prefix); err == nil && len(prefix) == 36 {
		alternatives = append(alternatives, "id = "+c.bind(id))
	}
	c.and("(" + strings.Join(alternatives, " OR ") + ")")
}

// successor returns the smallest text, by bytes, that is greater than every text with the prefix.
func successor(prefix string) (string, bool) {
	for prefix != "" {
		last, size := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-size]
		if last < utf8.MaxRune {
			next := last + 1
			if next == 0xD800 { // surrogates are not characters
				next = 0xE000
			}
			return prefix + string(next), true
		}
	}
	return "", false
}
