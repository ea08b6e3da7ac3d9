package admin_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/store"
)

func TestTermsOfAnOrganization(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace, rival := s.administrator(s.acme), s.administrator(s.rival)
	english := fields{"title": "Terms of use", "url": "https://acme.test/terms"}
	publish := func(texts fields, namesAndValues ...any) fields {
		body := fields{"texts": texts}
		for i := 0; i+1 < len(namesAndValues); i += 2 {
			body[namesAndValues[i].(string)] = namesAndValues[i+1]
		}
		return body
	}
	first := grace.do("POST", "/orgs/acme/terms", publish(fields{"en": english, "de": fields{"title": "Bedingungen", "text": "Seien Sie freundlich."}}), "Idempotency-Key", "one").must(201)
	if first.at("version") != float64(1) || first.at("state") != "in_force" {
		t.Errorf("%v %v", first.at("version"), first.at("state"))
	}
	grace.do("POST", "/orgs/acme/terms", publish(fields{"en": english, "de": fields{"title": "Bedingungen", "text": "Seien Sie freundlich."}}), "Idempotency-Key", "one").must(201)
	for name, texts := range map[string]fields{
		"no language":             {},
		"a language that is none": {"English": english},
		"neither":                 {"en": fields{"title": "Terms"}},
		"no title":                {"en": fields{"title": " ", "text": "Be kind."}},
		"two lines of title":      {"en": fields{"title": "a\nb", "text": "Be kind."}},
		"no https":                {"en": fields{"title": "Terms", "url": "http://acme.test/terms"}},
		"a script":                {"en": fields{"title": "Terms", "url": "javascript:alert(1)"}},
		"somebody's password":     {"en": fields{"title": "Terms", "url": "https://ada:secret@acme.test/"}},
		"a bell":                  {"en": fields{"title": "Terms", "text": "\u0007"}},
	} {
		if a := grace.do("POST", "/orgs/acme/terms", publish(texts)); a.status != 422 && a.status != 400 {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	past, later, far := s.Clock.Now().Add(-time.Hour), s.Clock.Now().Add(48*time.Hour), s.Clock.Now().Add(800*24*time.Hour)
	for _, moment := range []time.Time{past, far} {
		grace.do("POST", "/orgs/acme/terms", publish(fields{"en": english}, "in_force_at", moment.UTC().Format(time.RFC3339))).refuses(422, "terms_malformed")
	}
	grace.do("POST", "/orgs/acme/terms", publish(fields{"en": english}, "in_force_at", later.UTC().Format(time.RFC3339))).must(201)
	grace.do("POST", "/orgs/acme/terms", publish(fields{"en": english})).refuses(409, "terms_upcoming")
	list := grace.get("/orgs/acme/terms").must(200)
	if list.at("items.0.state") != "upcoming" || list.at("items.1.state") != "in_force" {
		t.Errorf("%s", list.body)
	}
	ada := s.Person(t, s.acme, "ada")
	at := "/orgs/acme/users/" + ada.ID.String() + "/terms"
	s.InTx(t, func(ctx context.Context, tx *store.Tx) error {
		return s.terms.Accept(ctx, tx, audit.Actor{Kind: audit.User, ID: ada.ID.String()}, ada, 1, "de")
	})
	if accepted := grace.get(at).must(200); accepted.at("items.0.title") != "Bedingungen" || accepted.at("items.0.version") != float64(1) {
		t.Errorf("%s", accepted.body)
	}
	if counts := grace.get("/orgs/acme/terms").must(200); counts.at("accepted") != float64(1) || counts.at("people").(float64) < 2 {
		t.Errorf("%s", counts.body)
	}
	// Another organization's are not there.
	rival.get(at).refuses(404, "organization_not_found")
	rival.do("DELETE", "/orgs/acme/terms/1", nil).refuses(404, "organization_not_found")
	rival.do("DELETE", "/orgs/rival/terms/1", nil).refuses(404, "terms_not_found")
	rival.get("/orgs/rival/users/"+ada.ID.String()+"/terms").refuses(404, "user_not_found")
	grace.do("DELETE", "/orgs/acme/terms/2", nil).must(204)
	grace.do("DELETE", "/orgs/acme/terms/2", nil).refuses(404, "terms_not_found")
	if third := grace.do("POST", "/orgs/acme/terms", publish(fields{"en": english})).must(201); third.at("version") != float64(3) {
		t.Errorf("a number is used twice: %v", third.at("version"))
	}
	if states := grace.get("/orgs/acme/terms").must(200); states.at("items.0.state") != "in_force" || states.at("items.1.state") != "withdrawn" || states.at("items.2.state") != "superseded" {
		t.Errorf("%s", states.body)
	}
	events := string(grace.get("/orgs/acme/audit-events?action=terms.published").must(200).body)
	if strings.Count(events, `"terms.published"`) != 3 {
		t.Errorf("%s", events)
	}
}
