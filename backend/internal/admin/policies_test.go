package admin_test

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/admin"
)

func TestScopesClaimsAndRegistrationRules(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	before := grace.get("/orgs/acme").must(200)
	wanted := fields{
		"registration": "initial_access_token",
		"scopes":       []any{fields{"name": "payroll", "claims": []any{"department", "email"}, "description": fields{"en": "Your department", "it": "Il tuo reparto"}}},
		"claims":       []any{fields{"name": "department", "attribute": "department"}},
		"registration_rules": fields{"redirect_hosts": []any{"app.example.com", "*.example.org"}, "scopes": []any{"openid", "payroll"}, "grant_types": []any{"authorization_code"},
			"software_statement_issuers": []any{fields{"issuer": "https://trust.test", "jwks": publicKey}, fields{"issuer": "https://other.test", "jwks_uri": "https://other.test/keys"}}},
	}
	changed := grace.do("PATCH", "/orgs/acme", fields{"policies": wanted}, "If-Match", before.etag()).must(200)
	read := grace.get("/orgs/acme").must(200)
	for name, value := range wanted {
		if !reflect.DeepEqual(read.at("policies."+name), plain(value)) || !reflect.DeepEqual(changed.at("policies."+name), plain(value)) {
			t.Errorf("%s is %v, want %v", name, read.at("policies."+name), plain(value))
		}
	}
	// They take effect: the organization's clients may register with what the rules allow, and only so.
	acme, err := s.Organizations.ByID(t.Context(), s.Store, s.acme.ID)
	check(t, err)
	if got := acme.Policies.ClaimsOfScope("payroll"); !reflect.DeepEqual(got, []string{"department", "email"}) || acme.Policies.Attribute("department") != "department" ||
		!acme.Policies.RegistrationRules.AllowsHost("a.example.org") || acme.Policies.RegistrationRules.AllowsHost("example.org") {
		t.Errorf("%+v", acme.Policies)
	}
	// A rule that is not named stays; an empty list takes the bound away.
	open := grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"registration_rules": fields{"redirect_hosts": []any{}}}}, "If-Match", read.etag()).must(200)
	if open.at("policies.registration_rules.redirect_hosts") != nil || open.at("policies.registration_rules.grant_types.0") != "authorization_code" {
		t.Errorf("%s", open.body)
	}
	event := grace.get("/orgs/acme/audit-events?action=organization.updated&target=" + s.acme.ID.String()).must(200)
	if len(event.column("id")) != 2 || !strings.Contains(string(event.body), "trust.test") {
		t.Errorf("audit: %s", event.body)
	}
	for _, c := range []struct {
		policies fields
		field    string
	}{
		{fields{"registration": "everybody"}, "policies.registration"},
		{fields{"scopes": []any{fields{"name": "openid"}}}, "policies.scopes[0].name"}, {fields{"scopes": []any{fields{"name": "admin:read"}}}, "policies.scopes[0].name"},
		{fields{"scopes": []any{fields{"name": "a b"}}}, "policies.scopes[0].name"}, {fields{"scopes": []any{fields{"name": "x"}, fields{"name": "x"}}}, "policies.scopes[1].name"},
		{fields{"scopes": []any{fields{"name": "x", "claims": []any{"undefined"}}}}, "policies.scopes[0].claims"},
		{fields{"scopes": []any{fields{"name": "x"}, fields{"name": "y", "description": fields{"en": "two\nlines"}}}}, "policies.scopes[1].description"},
		{fields{"scopes": []any{fields{"name": "x", "surprise": 1}}}, "policies.scopes[0].surprise"},
		{fields{"claims": []any{fields{"name": "sub", "attribute": "a"}}}, "policies.claims[0].name"}, {fields{"claims": []any{fields{"name": "email", "attribute": "a"}}}, "policies.claims[0].name"},
		{fields{"claims": []any{fields{"name": "x"}}}, "policies.claims[0].attribute"},
		{fields{"claims": []any{}}, "policies.scopes[0].claims"}, // the scope payroll stands for one that would be gone
		{fields{"registration_rules": fields{"redirect_hosts": []any{"https://app.example.com"}}}, "policies.registration_rules.redirect_hosts"},
		{fields{"registration_rules": fields{"scopes": []any{"admin:write"}}}, "policies.registration_rules.scopes"},
		{fields{"registration_rules": fields{"grant_types": []any{"password"}}}, "policies.registration_rules.grant_types[0]"},
		{fields{"registration_rules": fields{"software_statement_issuers": []any{fields{"issuer": "a"}}}}, "policies.registration_rules.software_statement_issuers[0].jwks"},
		{fields{"registration_rules": fields{"software_statement_issuers": []any{fields{"issuer": "a", "jwks": privateKey}}}}, "policies.registration_rules.software_statement_issuers[0].jwks"},
		{fields{"registration_rules": fields{"software_statement_issuers": []any{fields{"issuer": "a", "jwks_uri": "http://a.test/keys"}}}}, "policies.registration_rules.software_statement_issuers[0].jwks_uri"},
	} {
		got := grace.do("PATCH", "/orgs/acme", fields{"policies": c.policies}, "If-Match", open.etag())
		if got.status != http.StatusUnprocessableEntity || got.text("errors.0.field") != c.field {
			t.Errorf("%v: %d %s", c.policies, got.status, got.body)
		}
	}
	grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"registration": "open"}}, "If-Match", read.etag()).refuses(412, "version_mismatch")
	grace.do("PATCH", "/orgs/rival", fields{"policies": fields{"claims": []any{}}}, "If-Match", `"1"`).refuses(404, "organization_not_found")
}

func TestSignUpPolicy(t *testing.T) {
	t.Parallel()
	mail := true
	s := newSite(t, func(options *admin.Options) {
		options.SendsMail = func(context.Context, uuid.UUID) bool { return mail }
	})
	grace := s.administrator(s.acme)
	before := grace.get("/orgs/acme").must(200)
	if before.text("policies.sign_up") != "closed" || before.at("policies.sign_up_email_domains.0") != nil {
		t.Errorf("%s", before.body)
	}
	mail = false
	grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"sign_up": "open"}}, "If-Match", before.etag()).refuses(422, "mail_not_configured")
	mail = true
	open := grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"sign_up": "open", "sign_up_email_domains": []any{"acme.example", "*.acme.example"}}}, "If-Match", before.etag()).must(200)
	read := grace.get("/orgs/acme").must(200)
	if read.text("policies.sign_up") != "open" || read.text("policies.sign_up_email_domains.1") != "*.acme.example" || open.etag() != read.etag() {
		t.Errorf("%s", read.body)
	}
	mail = false // it was open before: other changes go on
	read = grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"sign_up_email_domains": []any{}}}, "If-Match", read.etag()).must(200)
	if read.text("policies.sign_up") != "open" || read.at("policies.sign_up_email_domains.0") != nil {
		t.Errorf("%s", read.body)
	}
	for _, least := range []int{7, 65, 0, -1} {
		grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"password_minimum_length": least}}, "If-Match", read.etag()).refuses(422, "validation_failed")
	}
	if read.at("policies.password_minimum_length") != float64(8) {
		t.Errorf("%s", read.body)
	}
	read = grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"password_minimum_length": 15}}, "If-Match", read.etag()).must(200)
	grace.do("POST", "/orgs/acme/users", fields{"username": "short", "password": "Engine-No-1843"}).refuses(422, "password_too_short")
	grace.do("POST", "/orgs/acme/users", fields{"username": "long", "password": "Engine-No-18431"}).must(201)
	if read.text("policies.password_recovery") != "mail" {
		t.Errorf("%s", read.body)
	}
	read = grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"email_change": "closed"}}, "If-Match", read.etag()).must(200)
	for _, days := range []int{0, -1, 91} {
		grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"account_deletion_grace_days": days}}, "If-Match", read.etag()).refuses(422, "validation_failed")
	}
	read = grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"account_deletion": "closed", "account_deletion_grace_days": 30}}, "If-Match", read.etag()).must(200)
	if before.text("policies.account_deletion") != "open" || before.at("policies.account_deletion_grace_days") != float64(14) || read.text("policies.account_deletion") != "closed" ||
		read.at("policies.account_deletion_grace_days") != float64(30) {
		t.Errorf("%s", read.body)
	}
	grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"proof_of_work": "sometimes"}}, "If-Match", read.etag()).refuses(422, "validation_failed")
	read = grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"proof_of_work": "on_suspicion"}}, "If-Match", read.etag()).must(200)
	if before.text("policies.proof_of_work") != "off" || read.text("policies.proof_of_work") != "on_suspicion" {
		t.Errorf("%s", read.body)
	}
	read = grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"magic_links": "on", "identifier_first": "on"}}, "If-Match", read.etag()).must(200)
	if before.text("policies.identifier_first") != "off" || read.text("policies.identifier_first") != "on" {
		t.Errorf("%s", read.body)
	}
	if before.text("policies.magic_links") != "off" || read.text("policies.magic_links") != "on" {
		t.Errorf("%s", read.body)
	}
	if before.text("policies.email_change") != "open" || read.text("policies.email_change") != "closed" {
		t.Errorf("%s", read.body)
	}
	read = grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"password_recovery": "closed"}}, "If-Match", read.etag()).must(200)
	if read.text("policies.password_recovery") != "closed" || read.text("policies.sign_up") != "open" {
		t.Errorf("%s", read.body)
	}
	mail = true
	for _, c := range []struct {
		policies fields
		field    string
	}{
		{fields{"sign_up": "everybody"}, "policies.sign_up"}, {fields{"email_change": "sometimes"}, "policies.email_change"}, {fields{"magic_links": "perhaps"}, "policies.magic_links"}, {fields{"identifier_first": "last"}, "policies.identifier_first"}, {fields{"password_recovery": "telephone"}, "policies.password_recovery"}, {fields{"sign_up_email_domains": []any{"@acme.example"}}, "policies.sign_up_email_domains"},
		{fields{"sign_up_email_domains": []any{"Acme.example"}}, "policies.sign_up_email_domains"},
	} {
		got := grace.do("PATCH", "/orgs/acme", fields{"policies": c.policies}, "If-Match", read.etag())
		if got.status != http.StatusUnprocessableEntity || got.text("errors.0.field") != c.field {
			t.Errorf("%v: %d %s", c.policies, got.status, got.body)
		}
	}
	if got := grace.do("PATCH", "/orgs/rival", fields{"policies": fields{"sign_up": "open"}}, "If-Match", `"1"`); got.status != http.StatusNotFound {
		t.Errorf("another organization: %d %s", got.status, got.body)
	}
}
