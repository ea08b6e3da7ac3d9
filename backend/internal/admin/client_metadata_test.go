package admin_test

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/org"
)

// publicKey is that of RFC 7517 appendix A.1.
var publicKey = fields{"keys": []any{fields{"kty": "EC", "crv": "P-256", "kid": "1", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}}}

// privateKey is that of RFC 7517 appendix A.2.
var privateKey = fields{"keys": []any{fields{"kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM", "d": "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"}}}

// everyMember is what a client may say of itself, but for its profile's sake.
func everyMember() fields {
	return fields{
		"client_name": "Payroll", "redirect_uris": []any{"https://payroll.test/cb"}, "post_logout_redirect_uris": []any{"https://payroll.test/bye"},
		"token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "ES256", "jwks": publicKey, "contacts": []any{"ada@payroll.test"},
		"grant_types": []any{"authorization_code", "refresh_token"}, "response_types": []any{"code", "none"}, "application_type": "web",
		"client_uri": "https://payroll.test/", "logo_uri": "https://payroll.test/logo.png", "policy_uri": "https://payroll.test/policy", "tos_uri": "https://payroll.test/terms",
		"subject_type": "pairwise", "id_token_signed_response_alg": "PS256", "id_token_encrypted_response_alg": "ECDH-ES", "id_token_encrypted_response_enc": "A256GCM",
		"userinfo_signed_response_alg": "ES384", "userinfo_encrypted_response_alg": "ECDH-ES+A128KW", "userinfo_encrypted_response_enc": "A128GCM",
		"authorization_signed_response_alg": "EdDSA", "authorization_encrypted_response_alg": "ECDH-ES", "authorization_encrypted_response_enc": "A256GCM",
		"introspection_signed_response_alg": "PS256", "introspection_encrypted_response_alg": "ECDH-ES", "introspection_encrypted_response_enc": "A128GCM",
		"request_object_signing_alg": "ES256", "request_uris": []any{"https://payroll.test/request#hash"}, "default_max_age": 3600.0, "require_auth_time": true, "require_pushed_authorization_requests": true,
		"require_signed_request_object": true, "authorization_details_types": []any{"payment"},
		"default_acr_values": []any{"urn:example:loa2"}, "initiate_login_uri": "https://payroll.test/start",
		"frontchannel_logout_uri": "https://payroll.test/front", "frontchannel_logout_session_required": true,
		"backchannel_logout_uri": "https://payroll.test/back", "backchannel_logout_session_required": true,
		"software_id": "payroll", "software_version": "2.1", "profile": "oidc-legacy",
		"localized": fields{"client_name#it": "Paghe", "tos_uri#de": "https://payroll.test/de/terms"},
	}
}

// plain turns fields into what JSON is read as.
func plain(value any) any {
	switch value := value.(type) {
	case fields:
		object := map[string]any{}
		for name, member := range value {
			object[name] = plain(member)
		}
		return object
	case []any:
		list := make([]any, len(value))
		for i, element := range value {
			list[i] = plain(element)
		}
		return list
	}
	return value
}

func TestEveryMemberOfAClientIsWrittenAndRead(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	wanted := everyMember()
	created := grace.do("POST", "/orgs/acme/clients", wanted).must(201)
	at := "/orgs/acme/clients/" + created.text("client.id")
	read := grace.get(at).must(200)
	for name, value := range wanted {
		if !reflect.DeepEqual(read.json[name], plain(value)) || !reflect.DeepEqual(created.at("client").(map[string]any)[name], plain(value)) {
			t.Errorf("OpenID Connect Registration 1.0 §2: %s is %v, want %v", name, read.json[name], plain(value))
		}
	}
	if created.at("client_secret") != nil {
		t.Error("a client with keys of its own has a secret")
	}
	// What is named is removed, what is not stays (RFC 7396).
	patched := grace.do("PATCH", at, fields{"userinfo_signed_response_alg": nil, "userinfo_encrypted_response_enc": nil, "userinfo_encrypted_response_alg": nil, "default_max_age": nil,
		"backchannel_logout_uri": nil, "backchannel_logout_session_required": false, "request_uris": []string{}, "profile": nil,
		"localized": fields{"client_name#it": nil, "client_name#fr": "Paie"}, "software_version": nil}, "If-Match", read.etag()).must(200)
	object := patched.at("client").(map[string]any)
	for _, name := range []string{"userinfo_signed_response_alg", "userinfo_encrypted_response_alg", "default_max_age", "backchannel_logout_uri", "request_uris", "profile", "software_version"} {
		if _, left := object[name]; left {
			t.Errorf("%s was not removed: %v", name, object[name])
		}
	}
	if got := object["localized"]; !reflect.DeepEqual(got, map[string]any{"client_name#fr": "Paie", "tos_uri#de": "https://payroll.test/de/terms"}) {
		t.Errorf("localized: %v", got)
	}
	if object["software_id"] != "payroll" || object["subject_type"] != "pairwise" {
		t.Errorf("what was not named changed: %s", patched.body)
	}
	all := grace.do("PATCH", at, fields{"localized": nil, "subject_type": "public"}, "If-Match", patched.etag()).must(200)
	if all.at("client.localized") != nil || all.text("client.subject_type") != "public" {
		t.Errorf("%s", all.body)
	}
	event := grace.get("/orgs/acme/audit-events?action=client.created&target=" + created.text("client.id")).must(200)
	if len(event.column("id")) != 1 || !strings.Contains(string(event.body), "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4") {
		t.Errorf("the audit log: %s", event.body)
	}
	rival := s.administrator(s.rival)
	rival.do("PATCH", "/orgs/rival/clients/"+created.text("client.id"), fields{"jwks": publicKey}, "If-Match", all.etag()).refuses(404, "client_not_found")
	grace.do("PATCH", at, fields{"jwks": publicKey}, "If-Match", read.etag()).refuses(412, "version_mismatch")
}

func TestMembersOfAClientAtFaultAreNamed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	for _, c := range []struct {
		change fields
		field  string
	}{
		{fields{"jwks": nil}, "jwks"}, {fields{"jwks": privateKey}, "jwks"}, {fields{"jwks_uri": "https://payroll.test/keys"}, "jwks"},
		{fields{"jwks": fields{"keys": []any{}}}, "jwks.keys"}, {fields{"jwks": fields{"keys": []any{fields{"kty": "EC"}}}}, "jwks"},
		{fields{"token_endpoint_auth_signing_alg": "HS256"}, "token_endpoint_auth_signing_alg"},
		{fields{"token_endpoint_auth_method": "client_secret_basic"}, "token_endpoint_auth_signing_alg"},
		{fields{"userinfo_signed_response_alg": "HS256"}, "userinfo_signed_response_alg"}, {fields{"userinfo_signed_response_alg": "none"}, "userinfo_signed_response_alg"},
		{fields{"authorization_signed_response_alg": "none"}, "authorization_signed_response_alg"}, {fields{"authorization_encrypted_response_alg": "dir"}, "authorization_encrypted_response_alg"},
		{fields{"id_token_encrypted_response_alg": "RSA1_5"}, "id_token_encrypted_response_alg"}, {fields{"subject_type": "secret"}, "subject_type"},
		{fields{"redirect_uris": []any{"https://payroll.test/cb", "https://other.test/cb"}}, "sector_identifier_uri"},
		{fields{"sector_identifier_uri": "http://payroll.test/sector"}, "sector_identifier_uri"},
		{fields{"request_object_signing_alg": "none"}, "require_signed_request_object"}, {fields{"default_max_age": -1}, "default_max_age"}, {fields{"initiate_login_uri": "http://payroll.test/start"}, "initiate_login_uri"},
		{fields{"frontchannel_logout_uri": "https://other.test/front"}, "frontchannel_logout_uri"}, {fields{"request_uris": []any{"ftp://payroll.test/r"}}, "request_uris"},
		{fields{"localized": fields{"client_name": "Paghe"}}, "localized.client_name"}, {fields{"localized": fields{"jwks#it": "x"}}, "localized.jwks#it"},
		{fields{"localized": fields{"logo_uri#it": "javascript:alert(1)"}}, "localized.logo_uri#it"},
		{fields{"profile": "fapi"}, "profile"}, {fields{"software_statement": "a.b.c"}, "software_statement"}, {fields{"client_name#it": "Paghe"}, "client_name#it"},
		{fields{"profile": "oauth2.1", "grant_types": []any{"authorization_code", "implicit"}, "response_types": []any{"code id_token"}}, "response_types"},
		{fields{"grant_types": []any{"authorization_code"}, "response_types": []any{"code id_token"}}, "response_types"},
	} {
		body := everyMember()
		maps.Copy(body, c.change)
		if got := grace.do("POST", "/orgs/acme/clients", body); got.status != http.StatusUnprocessableEntity || !strings.HasPrefix(got.text("errors.0.field"), c.field) || len(or(got.json["errors"])) != 1 && c.change["profile"] == nil {
			t.Errorf("%v: %d %s", c.change, got.status, got.body)
		}
	}
	if made := grace.get("/orgs/acme/clients?q=payroll").must(200).column("id"); len(made) != 0 {
		t.Errorf("what was refused is there: %v", made)
	}
}

func TestResponseTypesFollowGrantTypes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	created := grace.do("POST", "/orgs/acme/clients", fields{"client_name": "Hybrid", "redirect_uris": []string{"https://a.test/"}, "profile": "oidc-legacy",
		"response_types": []string{"code", "id_token code", "none"}}).must(422)
	if created.text("errors.0.field") != "response_types[1]" {
		t.Errorf("%s", created.body)
	}
	created = grace.do("POST", "/orgs/acme/clients", fields{"client_name": "Hybrid", "redirect_uris": []string{"https://a.test/"}, "profile": "oidc-legacy",
		"response_types": []string{"code", "code id_token", "none"}}).must(201)
	at := "/orgs/acme/clients/" + created.text("client.id")
	if fmt.Sprint(created.at("client.grant_types")) != "[authorization_code implicit]" {
		t.Errorf("the grant types follow the response types: %s", created.body)
	}
	changed := grace.do("PATCH", at, fields{"grant_types": []string{"authorization_code"}, "profile": nil}, "If-Match", created.etag()).must(200)
	if fmt.Sprint(changed.at("client.response_types")) != "[code none]" || changed.at("client.profile") != nil {
		t.Errorf("the response types follow the grant types: %s", changed.body)
	}
	grace.do("PATCH", at, fields{"grant_types": []string{"authorization_code", "implicit"}, "response_types": []string{"code", "id_token"}}, "If-Match", changed.etag()).
		refuses(422, "invalid_client_metadata")
}

func TestTheSectorOfAClientIsFetchedWhenItChanges(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	sector := s.Web.Document("/sector", "application/json", `["https://a.test/cb","https://b.test/cb"]`)
	body := fields{"client_name": "Two hosts", "subject_type": "pairwise", "sector_identifier_uri": sector, "redirect_uris": []string{"https://a.test/cb", "https://b.test/cb"}}
	created := grace.do("POST", "/orgs/acme/clients", body).must(201)
	at := "/orgs/acme/clients/" + created.text("client.id")
	asked := s.Web.Requests("/sector")
	renamed := grace.do("PATCH", at, fields{"client_name": "Renamed"}, "If-Match", created.etag()).must(200)
	if asked != 1 || s.Web.Requests("/sector") != asked {
		t.Errorf("fetched %d and %d times", asked, s.Web.Requests("/sector"))
	}
	for _, change := range []fields{
		{"redirect_uris": []string{"https://a.test/cb", "https://c.test/cb"}}, {"sector_identifier_uri": s.Web.Document("/empty", "application/json", `[]`)},
		{"sector_identifier_uri": s.Web.URL + "/missing"}, {"sector_identifier_uri": "https://169.254.169.254/sector"},
	} {
		got := grace.do("PATCH", at, change, "If-Match", renamed.etag()).refuses(422, "invalid_client_metadata")
		if got.text("errors.0.field") != "sector_identifier_uri" {
			t.Errorf("OpenID Connect Registration 1.0 §5: %v: %s", change, got.body)
		}
	}
	body["redirect_uris"] = []string{"https://c.test/cb"}
	grace.do("POST", "/orgs/acme/clients", body).refuses(422, "invalid_client_metadata")
}

// A profile is changed only when everybody who follows it can: what would stop working is named.
func TestAProfileThatClientsCannotMeetIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	set := func(profile string) answer {
		return grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"profile": profile}}, "If-Match", grace.get("/orgs/acme").etag())
	}
	hybrid := fields{"client_name": "Hybrid", "redirect_uris": []string{"https://a.test/"}, "response_types": []string{"code id_token"}}
	if got := grace.do("POST", "/orgs/acme/clients", hybrid).refuses(422, "invalid_client_metadata"); got.text("errors.0.field") != "response_types" {
		t.Errorf("OAuth 2.1: %s", got.body)
	}
	set("oidc-legacy").must(200)
	var last answer
	for i := range 23 {
		hybrid["client_id"] = fmt.Sprintf("hybrid-%02d", i)
		last = grace.do("POST", "/orgs/acme/clients", hybrid).must(201)
	}
	hybrid["client_id"], hybrid["profile"] = "own", "oidc-legacy"
	grace.do("POST", "/orgs/acme/clients", hybrid).must(201)
	refused := set("oauth2.1").refuses(409, "profile_not_met")
	problems := or(refused.json["errors"])
	if len(problems) != 20 || !strings.HasPrefix(refused.text("detail"), "More than 20 clients") || refused.text("errors.0.field") != "policies.profile" ||
		!strings.Contains(refused.text("errors.0.message"), "Hybrid (hybrid-00)") || strings.Contains(string(refused.body), "(own)") {
		t.Errorf("%s", refused.body)
	}
	if grace.get("/orgs/acme").text("policies.profile") != "oidc-legacy" {
		t.Error("what was refused happened")
	}
	at := "/orgs/acme/clients/"
	for _, id := range grace.get("/orgs/acme/clients?q=hybrid-&limit=200").must(200).column("id") {
		if id != last.text("client.id") {
			grace.do("DELETE", at+id, nil, "If-Match", grace.get(at+id).etag()).must(204)
		}
	}
	if refused = set("oauth2.1").refuses(409, "profile_not_met"); !strings.HasPrefix(refused.text("detail"), "1 client cannot") {
		t.Errorf("%s", refused.body)
	}
	grace.do("PATCH", at+last.text("client.id"), fields{"profile": "oidc-legacy"}, "If-Match", last.etag()).must(200)
	set("oauth2.1").must(200)
}

// Of a stricter profile and a client that cannot meet it, at once, one is refused, whichever comes second.
func TestAProfileAndAClientAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	for i := range 5 {
		if profile := grace.get("/orgs/acme"); profile.text("policies.profile") != "oidc-legacy" {
			grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"profile": "oidc-legacy"}}, "If-Match", profile.etag()).must(200)
		}
		etag := grace.get("/orgs/acme").etag()
		statuses := together(2, func(turn int) int {
			if turn == 0 {
				return grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"profile": "oauth2.1"}}, "If-Match", etag).status
			}
			return grace.do("POST", "/orgs/acme/clients", fields{"client_name": "Hybrid", "client_id": fmt.Sprint("hybrid-", i), "redirect_uris": []string{"https://a.test/"},
				"response_types": []string{"code id_token"}}).status
		})
		if statuses[200]+statuses[201] != 1 || statuses[409]+statuses[422] != 1 {
			t.Fatalf("%v", statuses)
		}
		for _, id := range grace.get("/orgs/acme/clients?q=hybrid").must(200).column("id") {
			grace.do("DELETE", "/orgs/acme/clients/"+id, nil, "If-Match", grace.get("/orgs/acme/clients/"+id).etag()).must(204)
		}
	}
}

// The contract offers what the domain knows, nothing more and nothing less.
func TestTheContractListsWhatTheDomainKnows(t *testing.T) {
	parsed, _ := document()
	schemas := parsed["components"].(map[string]any)["schemas"].(map[string]any)
	for name, known := range map[string][]string{
		"TokenEndpointAuthMethod": texts(client.AuthenticationMethods()), "ResponseType": client.ResponseTypes(), "ClientProfile": texts(org.Profiles()),
		"SigningAlgorithm": append(texts(jose.Algorithms()), client.HS256), "RequestObjectSigningAlgorithm": append(texts(jose.Algorithms()), client.HS256, client.Unsigned),
		"KeyManagementAlgorithm": texts(jose.KeyManagements()), "ContentEncryptionAlgorithm": texts(jose.Encryptions()),
		"RegistrationPolicy": {string(org.RegistrationClosed), string(org.RegistrationLoopback), string(org.RegistrationOpen), string(org.RegistrationByToken)},
	} {
		var offered []string
		for _, value := range schemas[name].(map[string]any)["enum"].([]any) {
			offered = append(offered, value.(string))
		}
		slices.Sort(offered)
		slices.Sort(known)
		if !slices.Equal(offered, known) {
			t.Errorf("%s offers %v, known are %v", name, offered, known)
		}
	}
}

func texts[T ~string](values []T) []string {
	list := make([]string, len(values))
	for i, value := range values {
		list[i] = string(value)
	}
	return list
}

// Whoever chooses a profile sees what it demands, and how many clients it would stop.
func TestProfilesAreExplained(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	unmet := func() map[string]float64 {
		counts := map[string]float64{}
		for _, each := range grace.get("/orgs/acme/profiles").must(200).at("items").([]any) {
			profile := each.(map[string]any)
			if demands, _ := profile["demands"].([]any); len(demands) < 2 {
				t.Errorf("%v", profile)
			}
			counts[profile["name"].(string)] = profile["clients_unmet"].(map[string]any)["value"].(float64)
		}
		return counts
	}
	before := unmet()
	grace.do("POST", "/orgs/acme/clients", fields{"client_name": "Payroll", "redirect_uris": []string{"https://a.test/"}}).must(201)
	grace.do("POST", "/orgs/acme/clients", fields{"client_name": "Own", "redirect_uris": []string{"https://a.test/"}, "profile": "oauth2.1"}).must(201)
	after := unmet()
	if len(after) != len(org.Profiles()) || after["oauth2.1"] != 0 || after["oidc-legacy"] != 0 || after["fapi2-security"] != before["fapi2-security"]+1 {
		t.Errorf("%v, then %v", before, after)
	}
	refused := grace.do("POST", "/orgs/acme/clients", fields{"client_name": "Bank", "redirect_uris": []string{"http://localhost/"}, "profile": "fapi2-security",
		"id_token_signed_response_alg": "RS256"}).refuses(422, "invalid_client_metadata")
	named := map[string]bool{}
	for _, each := range refused.at("errors").([]any) {
		named[each.(map[string]any)["field"].(string)] = true
	}
	if !named["token_endpoint_auth_method"] || !named["redirect_uris"] || !named["id_token_signed_response_alg"] {
		t.Errorf("every fault is named: %s", refused.body)
	}
}
