package admin_test

import (
	"reflect"
	"testing"
)

func TestTypesOfAuthorizationDetails(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	payment := fields{"type": "payment", "fields": []any{fields{"name": "amount", "kind": "amount", "required": true, "label": fields{"en": "Amount", "de": "Betrag"}}},
		"consent": fields{"en": "Pay {amount} at {locations}", "de": "{amount} zahlen"}}
	read := grace.get("/orgs/acme").must(200)
	changed := grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"authorization_details_types": []any{payment}}}, "If-Match", read.etag()).must(200)
	want := []any{plain(payment)}
	if got := changed.at("policies.authorization_details_types"); !reflect.DeepEqual(got, any(want)) {
		t.Errorf("%v, want %v", got, want)
	}
	for name, c := range map[string]struct {
		change fields
		field  string
	}{
		"a field twice":         {fields{"fields": []any{fields{"name": "a", "kind": "text"}, fields{"name": "a", "kind": "text"}}}, "policies.authorization_details_types[0].fields[1].name"},
		"a common field":        {fields{"fields": []any{fields{"name": "actions", "kind": "texts"}}}, "policies.authorization_details_types[0].fields[0].name"},
		"an unknown field said": {fields{"consent": fields{"en": "Pay {sum}"}}, "policies.authorization_details_types[0].consent"},
		"no language":           {fields{"consent": fields{"in English": "Pay"}}, "policies.authorization_details_types[0].consent"},
		"quotes in the type":    {fields{"type": `a"b`}, "policies.authorization_details_types[0].type"},
	} {
		wrong := fields{"type": "payment", "consent": fields{"en": "Pay"}}
		for member, value := range c.change {
			wrong[member] = value
		}
		got := grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"authorization_details_types": []any{wrong}}}, "If-Match", changed.etag())
		if got.status != 422 || got.text("errors.0.field") != c.field {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	gone := grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"authorization_details_types": []any{}}}, "If-Match", changed.etag()).must(200)
	if gone.at("policies.authorization_details_types") != nil {
		t.Errorf("%s", gone.body)
	}
}
