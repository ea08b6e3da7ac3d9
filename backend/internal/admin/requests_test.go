package admin_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/audit"
)

var auditLast = audit.Filter{Limit: 1}

func TestBodiesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	root := s.platform()
	mine := s.things(s.acme)
	cases := []struct {
		name, body, contentType string
		status                  int
		code                    string
	}{
		{"malformed JSON", `{"a":`, "application/json", 400, "malformed_request"},
		{"not JSON at all", `<a/>`, "application/json", 400, "malformed_request"},
		{"no body", ``, "application/json", 400, "malformed_request"},
		{"white space", " \n", "application/json", 400, "malformed_request"},
		{"something behind it", `{} {}`, "application/json", 400, "malformed_request"},
		{"a member twice", `{"name":"a","name":"b"}`, "application/json", 400, "malformed_request"},
		{"invalid UTF-8", "{\"name\":\"\xff\"}", "application/json", 400, "malformed_request"},
		{"NUL", `{"name":"a\u0000b"}`, "application/json", 400, "malformed_request"},
		{"too deep", strings.Repeat("[", 100) + strings.Repeat("]", 100), "application/json", 400, "malformed_request"},
		{"wrong content type", `{}`, "text/plain", 415, "unsupported_media_type"},
		{"a form", `a=b`, "application/x-www-form-urlencoded", 415, "unsupported_media_type"},
		{"no content type", `{}`, "", 415, "unsupported_media_type"},
		{"another charset", `{}`, "application/json; charset=latin1", 415, "unsupported_media_type"},
		{"oversized", `{"name":"` + strings.Repeat("a", 1<<20) + `"}`, "application/json", 413, "body_too_large"},
		{"an array", `[]`, "application/json", 422, "validation_failed"},
		{"null", `null`, "application/json", 422, "validation_failed"},
		{"an unknown field", `{"surprise":1}`, "application/json; charset=UTF-8", 422, "validation_failed"},
	}
	for _, o := range operations {
		if o.body == nil {
			continue
		}
		for _, c := range cases {
			got := root.do(o.method, o.at(mine), c.body, "Content-Type", c.contentType, "If-Match", `"1"`)
			if got.status != c.status || got.text("code") != c.code {
				t.Errorf("%s, %s: got %d %s, want %d %s", o.name, c.name, got.status, got.text("code"), c.status, c.code)
			}
			if got.text("request_id") == "" {
				t.Errorf("%s, %s: no request_id: %s", o.name, c.name, got.body)
			}
		}
	}
}

func TestProblemsNameTheFields(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace, root := s.administrator(s.acme), s.platform()
	png := "data:image/png;base64,AAAA"
	cases := []struct {
		method, path string
		body         any
		fields       string // field/code, in order
	}{
		{"POST", "/orgs/acme/users", fields{"profile": fields{"birthdate": "yesterday", "shoe_size": 42}, "email_verified": "yes"},
			"email_verified/type_invalid profile.birthdate/format_invalid profile.shoe_size/unknown_field username/required"},
		{"POST", "/orgs/acme/users", fields{"username": "", "phone_number": "12"}, "phone_number/format_invalid username/too_short"},
		{"POST", "/orgs/acme/users", fields{"username": "ada", "required_actions": []string{"dance"}}, "required_actions[0]/value_unknown"},
		{"POST", "/orgs/acme/users", fields{"username": "ada", "email": "nonsense"}, "email/email_invalid"},
		{"POST", "/orgs/acme/users", fields{"username": "ada", "password": "short"}, "password/password_too_short"},
		{"POST", "/orgs/acme/users", fields{"username": "ada\u202e"}, "username/username_invalid"},
		{"POST", "/orgs/acme/clients", fields{"client_name": "A", "redirect_uris": []any{"https://a.test/", 7}}, "redirect_uris[1]/type_invalid"},
		{"POST", "/orgs/acme/clients", fields{"client_name": "A", "redirect_uris": []string{"https://a.test/#x"}}, "redirect_uris/invalid_redirect_uri"},
		{"POST", "/orgs/acme/clients", fields{"client_name": "A", "grant_types": []string{"client_credentials"}, "token_endpoint_auth_method": "none"}, "grant_types/invalid_client_metadata"},
		{"POST", "/orgs/acme/clients", fields{"client_name": "A", "access_token_lifetime_seconds": 1}, "access_token_lifetime_seconds/too_small"},
		{"POST", "/orgs/acme/clients", fields{"client_name": "A", "access_token_lifetime_seconds": 1.5}, "access_token_lifetime_seconds/type_invalid"},
		{"POST", "/orgs/acme/clients", fields{"client_name": "A", "client_id": "clavex-evil", "redirect_uris": []string{"https://a.test/"}}, "client_id/client_id_reserved"},
		{"POST", "/orgs", fields{"slug": "Demo", "name": "Demo"}, "slug/format_invalid"},
		{"POST", "/orgs", fields{"slug": "console", "name": "Demo"}, "slug/slug_reserved"},
		{"POST", "/orgs", fields{"slug": "demo", "name": "De\nmo"}, "name/display_name_invalid"},
		{"POST", "/orgs", fields{"slug": "demo", "name": "Demo", "branding": fields{"brand_color": "red"}}, "branding.brand_color/format_invalid"},
		{"POST", "/orgs", fields{"slug": "demo", "name": "Demo", "branding": fields{"logo": png}}, "branding.logo/logo_invalid"},
		{"POST", "/orgs", fields{"slug": "demo", "name": "Demo", "policies": fields{"session_idle_lifetime_seconds": 86400, "session_absolute_lifetime_seconds": 3600}},
			"policies.session_idle_lifetime_seconds/lifetime_invalid"},
	}
	for _, c := range cases {
		got := map[bool]*caller{true: root, false: grace}[c.path == "/orgs"].do(c.method, c.path, c.body)
		var named []string
		for _, item := range or(got.json["errors"]) {
			field := item.(map[string]any)
			named = append(named, fmt.Sprintf("%s/%s", field["field"], field["code"]))
		}
		if got.status != http.StatusUnprocessableEntity || strings.Join(named, " ") != c.fields {
			t.Errorf("%s %s %v:\n got %d %s\nwant 422 %s", c.method, c.path, c.body, got.status, strings.Join(named, " "), c.fields)
		}
	}
}

func or(value any) []any {
	list, _ := value.([]any)
	return list
}

func TestQueries(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	for _, query := range []string{
		"limit=0", "limit=201", "limit=ten", "limit=", "limit=1&limit=2", "sort=shoe_size", "status=asleep", "fliter=x", "q=%00", "q=%ff", "q=%zz",
		"cursor=nonsense", "q=" + strings.Repeat("a", 201),
	} {
		grace.get("/orgs/acme/users?" + query).must(400)
	}
	got := grace.get("/orgs/acme/users?limit=0&fliter=x").refuses(400, "malformed_request")
	if got.text("errors.0.field") != "fliter" || got.text("errors.1.field") != "limit" {
		t.Errorf("errors: %s", got.body)
	}
	grace.get("/orgs/acme/audit-events?from=yesterday").must(400)
	grace.get("/orgs/acme/audit-events?actor=me").must(400)
	grace.get("/orgs/acme/users/not-an-id").must(400)
	grace.get("/orgs/ACME/users").refuses(404, "organization_not_found")
}

func TestVersions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	root, grace := s.platform(), s.administrator(s.acme)
	mine := s.things(s.acme)
	for _, o := range operations {
		if !o.ifMatch {
			continue
		}
		by := grace
		if o.platform {
			by = root
		}
		by.do(o.method, o.at(mine), o.content(mine)).refuses(428, "if_match_required")
		for _, tag := range []string{`"99"`, `"0"`, `"-1"`, `"01"`, `"x"`, `*`, `7`, `""`, `"1", "2"`} {
			by.do(o.method, o.at(mine), o.content(mine), "If-Match", tag).refuses(412, "version_mismatch")
		}
	}
	current := grace.get("/orgs/acme/users/" + mine.user)
	grace.do("PATCH", "/orgs/acme/users/"+mine.user, fields{"username": "weak"}, "If-Match", "W/"+current.etag()).must(200)
}

// Of two changes of the same version at once, one is lost: it must be told so.
func TestOfTwoChangesAtOnceOneIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	mine := s.things(s.acme)
	for _, c := range []struct {
		path   string
		method string
		body   func(i int) any
	}{
		{"/orgs/acme", "PATCH", func(i int) any { return fields{"name": fmt.Sprintf("Name %d", i)} }},
		{"/orgs/acme/users/" + mine.user, "PATCH", func(i int) any { return fields{"username": fmt.Sprintf("name-%d", i)} }},
		{"/orgs/acme/clients/" + mine.client, "PATCH", func(i int) any { return fields{"client_name": fmt.Sprintf("Name %d", i)} }},
		{"/orgs/acme/users/" + mine.user + "/roles", "PUT", func(i int) any {
			return fields{"roles": []string{[]string{"organization-auditor", "organization-administrator"}[i%2]}}
		}},
	} {
		etag := grace.get(c.path).must(200).etag()
		statuses := together(4, func(i int) int { return grace.do(c.method, c.path, c.body(i), "If-Match", etag).status })
		if statuses[200] != 1 || statuses[412] != 3 {
			t.Errorf("%s %s: %v, want one 200 and three 412", c.method, c.path, statuses)
		}
	}
}

// together runs do n times at once and counts what it returns.
func together(n int, do func(i int) int) map[int]int {
	results := make(chan int)
	for i := range n {
		go func() { results <- do(i) }()
	}
	counts := map[int]int{}
	for range n {
		counts[<-results]++
	}
	return counts
}
