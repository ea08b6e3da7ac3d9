package filter

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

var people = Table{
	Name: "users", Columns: []string{"org_id", "id", "username"},
	Searched: []string{`lower(username) COLLATE "C"`, `lower(email) COLLATE "C"`},
}

func TestSelect(t *testing.T) {
	organization, last := uuid.New(), uuid.New()
	byName := Order{Key: `lower(username) COLLATE "C"`}
	cases := []struct {
		name      string
		table     Table
		query     Query
		text      string
		arguments []any
	}{
		{"first page by id", people, Query{OrgID: organization, Limit: 3},
			`SELECT org_id, id, username, ''::text FROM users WHERE org_id = $1 ORDER BY id ASC LIMIT $2`,
			[]any{organization, int32(3)}},
		{"next page by id, descending", people, Query{OrgID: organization, Order: Order{Descending: true}, After: &Position{ID: last}, Limit: 3},
			`SELECT org_id, id, username, ''::text FROM users WHERE org_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3`,
			[]any{organization, last, int32(3)}},
		{"next page by name with a condition", people,
			Query{OrgID: organization, Equal: []Equal{{"status", "active"}}, Order: byName, After: &Position{Key: "ada", ID: last}, Limit: 3},
			`SELECT org_id, id, username, lower(username) COLLATE "C" FROM users WHERE org_id = $1 AND status = $2 AND ` +
				`(lower(username) COLLATE "C", id) > ($3::text, $4::uuid) ORDER BY lower(username) COLLATE "C" ASC, id ASC LIMIT $5`,
			[]any{organization, "active", "ada", last, int32(3)}},
		{"a search is a parameter in lower case", people, Query{OrgID: organization, Search: " Ad'% ", Limit: 3},
			`SELECT org_id, id, username, ''::text FROM users WHERE org_id = $1 AND ` +
				`(lower(username) COLLATE "C" >= $2 AND lower(username) COLLATE "C" < $3 OR lower(email) COLLATE "C" >= $2 AND lower(email) COLLATE "C" < $3)` +
				` ORDER BY id ASC LIMIT $4`,
			[]any{organization, "ad'%", "ad'&", int32(3)}},
		{"a whole id finds its row", people, Query{OrgID: organization, Search: "0193588F-4c00-7a10-8b5e-2f6d1c9a0101", Limit: 3},
			`SELECT org_id, id, username, ''::text FROM users WHERE org_id = $1 AND ` +
				`(lower(username) COLLATE "C" >= $2 AND lower(username) COLLATE "C" < $3 OR lower(email) COLLATE "C" >= $2 AND lower(email) COLLATE "C" < $3 OR id = $4)` +
				` ORDER BY id ASC LIMIT $5`,
			[]any{organization, "0193588f-4c00-7a10-8b5e-2f6d1c9a0101", "0193588f-4c00-7a10-8b5e-2f6d1c9a0102",
				uuid.MustParse("0193588f-4c00-7a10-8b5e-2f6d1c9a0101"), int32(3)}},
		{"bounds", people, Query{OrgID: organization, FromID: last, BeforeID: uuid.Max, Limit: 3},
			`SELECT org_id, id, username, ''::text FROM users WHERE org_id = $1 AND id >= $2 AND id < $3 ORDER BY id ASC LIMIT $4`,
			[]any{organization, last, uuid.Max, int32(3)}},
		{"the organizations themselves", Table{Name: "organizations", Columns: []string{"id"}, Global: true}, Query{Limit: 3},
			`SELECT id, ''::text FROM organizations ORDER BY id ASC LIMIT $1`, []any{int32(3)}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			text, arguments := c.table.Select(c.query)
			if diff := cmp.Diff(c.text, text); diff != "" {
				t.Errorf("statement (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.arguments, arguments); diff != "" {
				t.Errorf("arguments (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEveryTenantTableIsBoundToAnOrganization(t *testing.T) {
	_, arguments := people.Select(Query{Limit: 1})
	if arguments[0] != uuid.Nil {
		t.Errorf("the first argument is %v: a forgotten organization must match nothing", arguments[0])
	}
}

func TestSuccessor(t *testing.T) {
	for _, c := range []struct {
		prefix, want string
		bounded      bool
	}{
		{"ab", "ac", true}, {"é", "ê", true}, {"a\uD7FF", "a\uE000", true}, {"a\U0010FFFF", "b", true}, {"\U0010FFFF", "", false},
	} {
		if got, bounded := successor(c.prefix); got != c.want || bounded != c.bounded {
			t.Errorf("successor(%q) = %q, %v; want %q, %v", c.prefix, got, bounded, c.want, c.bounded)
		}
	}
}
