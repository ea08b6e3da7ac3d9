package registration_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
)

const jsonType = "application/json"

func TestRegistration(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	open := p.Organization(t, "open", org.Policies{Registration: org.RegistrationOpen})

	t.Run("defaults are made explicit (RFC 7591 §2, §3.2.1)", func(t *testing.T) {
		answer := p.PostBody(open, "register", jsonType, `{"redirect_uris":["https://app.example.test/callback"],"x_unknown":{"deep":[1]},"client_name#de":"Anwendung"}`)
		if answer.Status != 201 || answer.Header.Get("Cache-Control") != "no-store" || !strings.HasPrefix(answer.Header.Get("Content-Type"), jsonType) {
			t.Fatalf("%d %s %v", answer.Status, answer.Body, answer.Header)
		}
		for name, want := range map[string]string{
			"token_endpoint_auth_method": `"client_secret_basic"`, "grant_types": `["authorization_code"]`, "response_types": `["code"]`, "application_type": `"web"`,
			"id_token_signed_response_alg": `"RS256"`, "subject_type": `"public"`, "client_secret_expires_at": `0`, "redirect_uris": `["https://app.example.test/callback"]`,
			"scope": `"openid profile email address phone offline_access"`,
		} {
			if got, _ := json.Marshal(answer.JSON[name]); string(got) != want {
				t.Errorf("%s is %s, want %s", name, got, want)
			}
		}
		if len(answer.Text("client_secret")) < 43 || answer.Text("client_id") == "" || answer.JSON["client_id_issued_at"] == nil {
			t.Errorf("%s", answer.Body)
		}
		if answer.JSON["x_unknown"] != nil || answer.Text("client_name#de") != "Anwendung" {
			t.Errorf("%s", answer.Body)
		}
		if answer.Text("registration_client_uri") != p.URL+"/open/register/"+answer.Text("client_id") || len(answer.Text("registration_access_token")) != 43 {
			t.Errorf("%s", answer.Body)
		}
		registered, err := p.Clients.ByClientID(t.Context(), open.ID, answer.Text("client_id"))
		if err != nil {
			t.Fatal(err)
		}
		if !registered.RequireConsent || registered.Origin != "dynamic" || !registered.SecretMatches(answer.Text("client_secret")) {
			t.Errorf("consent %v, origin %s", registered.RequireConsent, registered.Origin)
		}
		if strings.Contains(string(registered.SecretHash), answer.Text("client_secret")) {
			t.Error("the secret is stored in the clear")
		}
	})
	t.Run("everything chosen", func(t *testing.T) {
		answer := p.PostBody(open, "register", "application/json; charset=utf-8", `{"redirect_uris":["http://127.0.0.1/callback","com.example.app:/callback"],
			"application_type":"native","token_endpoint_auth_method":"none","grant_types":["authorization_code","refresh_token"],"response_types":["code"],
			"client_name":"Größe ✓","client_uri":"https://example.test","logo_uri":"https://example.test/l.png","policy_uri":"https://example.test/p","tos_uri":"https://example.test/t",
			"contacts":["a@example.test"],"scope":"openid email","post_logout_redirect_uris":["http://127.0.0.1/out"],"id_token_signed_response_alg":"ES256","subject_type":"public"}`)
		if answer.Status != 201 || answer.JSON["client_secret"] != nil || answer.JSON["client_secret_expires_at"] != nil || answer.Text("scope") != "openid email" ||
			answer.Text("client_name") != "Größe ✓" || answer.Text("id_token_signed_response_alg") != "ES256" || answer.Text("tos_uri") != "https://example.test/t" {
			t.Errorf("%d %s", answer.Status, answer.Body)
		}
	})
	t.Run("its origin may call from a browser at once", func(t *testing.T) {
		get := func() string {
			return p.Get("/open/jwks", "Origin", "https://fresh.example.test").Header.Get("Access-Control-Allow-Origin")
		}
		if got := get(); got != "" {
			t.Fatalf("before: %q", got)
		}
		p.PostBody(open, "register", jsonType, `{"redirect_uris":["https://fresh.example.test/callback"],"token_endpoint_auth_method":"none"}`)
		if got := get(); got != "https://fresh.example.test" {
			t.Errorf("after: %q", got)
		}
	})
	t.Run("is audited as a stranger's doing, without the secret", func(t *testing.T) {
		var after string
		if err := p.Store.QueryRow(t.Context(), "SELECT after::text FROM audit_events WHERE org_id = $1 AND action = 'client.created' AND actor_kind = 'anonymous' LIMIT 1", open.ID).Scan(&after); err != nil || strings.Contains(after, "secret_hash") {
			t.Errorf("%v %s", err, after)
		}
	})
}

func TestRegistrationRefuses(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	open := p.Organization(t, "open", org.Policies{Registration: org.RegistrationOpen})
	const uri = `"redirect_uris":["https://app.example.test/callback"]`
	for name, test := range map[string]struct {
		contentType, body string
		status            int
		code              string
	}{
		"form instead of JSON":                 {"application/x-www-form-urlencoded", "redirect_uris=https://app.example.test", 400, "invalid_client_metadata"},
		"no content type":                      {"", `{` + uri + `}`, 400, "invalid_client_metadata"},
		"not JSON":                             {jsonType, `{`, 400, "invalid_client_metadata"},
		"array":                                {jsonType, `[]`, 400, "invalid_client_metadata"},
		"null":                                 {jsonType, `null`, 400, "invalid_client_metadata"},
		"empty body":                           {jsonType, ``, 400, "invalid_client_metadata"},
		"something after the object":           {jsonType, `{` + uri + `} {}`, 400, "invalid_client_metadata"},
		"repeated member":                      {jsonType, `{` + uri + `,"client_name":"a","client_name":"b"}`, 400, "invalid_client_metadata"},
		"invalid UTF-8":                        {jsonType, `{` + uri + `,"client_name":"` + "\xff" + `"}`, 400, "invalid_client_metadata"},
		"escaped NUL":                          {jsonType, `{` + uri + `,"client_name":"a\u0000"}`, 400, "invalid_client_metadata"},
		"escaped NUL in a contact":             {jsonType, `{` + uri + `,"contacts":["a\u0000@example.test"]}`, 400, "invalid_client_metadata"},
		"lone surrogate":                       {jsonType, `{` + uri + `,"client_uri":"https://example.test/\ud800"}`, 400, "invalid_client_metadata"},
		"wrong type":                           {jsonType, `{"redirect_uris":"https://app.example.test/callback"}`, 400, "invalid_client_metadata"},
		"oversized body":                       {jsonType, `{"x":"` + strings.Repeat("x", 70<<10) + `"}`, 413, "invalid_request"},
		"deeply nested":                        {jsonType, `{"x":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, 400, "invalid_client_metadata"},
		"no redirect URI":                      {jsonType, `{}`, 400, "invalid_redirect_uri"},
		"redirect URI with a fragment":         {jsonType, `{"redirect_uris":["https://app.example.test/#x"]}`, 400, "invalid_redirect_uri"},
		"redirect URI without encryption":      {jsonType, `{"redirect_uris":["http://app.example.test/"]}`, 400, "invalid_redirect_uri"},
		"redirect URI with script":             {jsonType, `{"redirect_uris":["javascript:alert(1)"]}`, 400, "invalid_redirect_uri"},
		"redirect URI with data, native":       {jsonType, `{"application_type":"native","redirect_uris":["data:text/html,x"]}`, 400, "invalid_redirect_uri"},
		"wildcard":                             {jsonType, `{"redirect_uris":["https://*.example.test/"]}`, 400, "invalid_redirect_uri"},
		"post logout URI with a fragment":      {jsonType, `{` + uri + `,"post_logout_redirect_uris":["https://app.example.test/#x"]}`, 400, "invalid_redirect_uri"},
		"client_credentials for a stranger":    {jsonType, `{"grant_types":["client_credentials"],"response_types":[]}`, 400, "invalid_client_metadata"},
		"and beside a code grant":              {jsonType, `{` + uri + `,"grant_types":["authorization_code","client_credentials"]}`, 400, "invalid_client_metadata"},
		"implicit":                             {jsonType, `{` + uri + `,"grant_types":["implicit"],"response_types":["token"]}`, 400, "invalid_client_metadata"},
		"scope admin:read":                     {jsonType, `{` + uri + `,"scope":"openid admin:read"}`, 400, "invalid_client_metadata"},
		"scope admin:write":                    {jsonType, `{` + uri + `,"scope":"admin:write"}`, 400, "invalid_client_metadata"},
		"scope of an API":                      {jsonType, `{` + uri + `,"scope":"openid orders"}`, 400, "invalid_client_metadata"},
		"unsupported method":                   {jsonType, `{` + uri + `,"token_endpoint_auth_method":"tls_client_auth"}`, 400, "invalid_client_metadata"},
		"unsupported alg":                      {jsonType, `{` + uri + `,"id_token_signed_response_alg":"none"}`, 400, "invalid_client_metadata"},
		"logo with script":                     {jsonType, `{` + uri + `,"logo_uri":"javascript:alert(1)"}`, 400, "invalid_client_metadata"},
		"policy page that is not encrypted":    {jsonType, `{` + uri + `,"policy_uri":"http://example.test"}`, 400, "invalid_client_metadata"},
		"a name of two lines":                  {jsonType, `{` + uri + `,"client_name":"a\nb"}`, 400, "invalid_client_metadata"},
		"response type without its grant type": {jsonType, `{` + uri + `,"grant_types":["authorization_code"],"response_types":[]}`, 400, "invalid_client_metadata"},
		"http initiate_login_uri (Core §4)":    {jsonType, `{` + uri + `,"initiate_login_uri":"http://localhost/login"}`, 400, "invalid_client_metadata"},
		"jwks and jwks_uri":                    {jsonType, `{` + uri + `,"jwks":{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]},"jwks_uri":"https://example.test/jwks"}`, 400, "invalid_client_metadata"},
		"jwks that is a text":                  {jsonType, `{` + uri + `,"jwks":"{}"}`, 400, "invalid_client_metadata"},
		"jwks without keys":                    {jsonType, `{` + uri + `,"jwks":{"keys":[]}}`, 400, "invalid_client_metadata"},
		"jwks with a private key":              {jsonType, `{` + uri + `,"jwks":{"keys":[{"kty":"EC","d":"x"}]}}`, 400, "invalid_client_metadata"},
		"jwks with a symmetric key":            {jsonType, `{` + uri + `,"jwks":{"keys":[{"kty":"oct","k":"x"}]}}`, 400, "invalid_client_metadata"},
		"jwks with NUL":                        {jsonType, `{` + uri + `,"jwks":{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","kid":"\u0000"}]}}`, 400, "invalid_client_metadata"},
		"jwks with NUL in a list":              {jsonType, `{` + uri + `,"jwks":{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","key_ops":["\u0000"]}]}}`, 400, "invalid_client_metadata"},
		"jwks with an endless number":          {jsonType, `{` + uri + `,"jwks":{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","exp":1e999999}]}}`, 400, "invalid_client_metadata"},

		"jwks without kty":                   {jsonType, `{` + uri + `,"jwks":{"keys":[{"kid":"a"}]}}`, 400, "invalid_client_metadata"},
		"jwks beyond its size":               {jsonType, `{` + uri + `,"jwks":{"keys":[{"kty":"EC","kid":"` + strings.Repeat("x", 33<<10) + `"}]}}`, 400, "invalid_client_metadata"},
		"default_max_age that is a text":     {jsonType, `{` + uri + `,"default_max_age":"60"}`, 400, "invalid_client_metadata"},
		"default_max_age below zero":         {jsonType, `{` + uri + `,"default_max_age":-1}`, 400, "invalid_client_metadata"},
		"require_auth_time that is a number": {jsonType, `{` + uri + `,"require_auth_time":1}`, 400, "invalid_client_metadata"},
		"unknown subject type":               {jsonType, `{` + uri + `,"subject_type":"random"}`, 400, "invalid_client_metadata"},
		"pairwise on two hosts, no sector":   {jsonType, `{"redirect_uris":["https://a.example.test/","https://b.example.test/"],"subject_type":"pairwise"}`, 400, "invalid_client_metadata"},
		"sector without encryption":          {jsonType, `{` + uri + `,"sector_identifier_uri":"http://127.0.0.1/sector"}`, 400, "invalid_client_metadata"},
		"frontchannel logout elsewhere":      {jsonType, `{` + uri + `,"frontchannel_logout_uri":"https://victim.example.test/logout"}`, 400, "invalid_client_metadata"},
		"backchannel logout with a fragment": {jsonType, `{` + uri + `,"backchannel_logout_uri":"https://app.example.test/#x"}`, 400, "invalid_client_metadata"},
		"name in a language that is none":    {jsonType, `{` + uri + `,"client_name#":"x"}`, 400, "invalid_client_metadata"},
		"name in a language, of two lines":   {jsonType, `{` + uri + `,"client_name#it":"a\nb"}`, 400, "invalid_client_metadata"},
		"logo in a language, with script":    {jsonType, `{` + uri + `,"logo_uri#it":"javascript:alert(1)"}`, 400, "invalid_client_metadata"},
		"software_id of two lines":           {jsonType, `{` + uri + `,"software_id":"a\nb"}`, 400, "invalid_client_metadata"},
		"software_version beyond its size":   {jsonType, `{` + uri + `,"software_version":"` + strings.Repeat("x", 300) + `"}`, 400, "invalid_client_metadata"},
		"too many request URIs":              {jsonType, `{` + uri + `,"request_uris":[` + strings.TrimSuffix(strings.Repeat(`"https://example.test/r",`, 60), ",") + `]}`, 400, "invalid_client_metadata"},
	} {
		t.Run(name, func(t *testing.T) {
			p.ForgetRates(t)
			answer := p.PostBody(open, "register", test.contentType, test.body)
			if answer.Status != test.status || answer.ErrorCode() != test.code {
				t.Errorf("answered %d %.300s", answer.Status, answer.Body)
			}
		})
	}
	t.Run("what a client says of its consent, origin or id has no effect", func(t *testing.T) {
		answer := p.PostBody(open, "register", jsonType, `{`+uri+`,"client_id":"clavex-console","require_consent":false,"origin":"built_in","client_secret":"chosen","Scope":"admin:write","status":"active"}`)
		registered, err := p.Clients.ByClientID(t.Context(), open.ID, answer.Text("client_id"))
		if err != nil || registered.ClientID == "clavex-console" || !registered.RequireConsent || registered.Origin != "dynamic" || registered.SecretMatches("chosen") ||
			slices.Contains(registered.Scopes, "admin:write") {
			t.Errorf("%v %+v", err, registered)
		}
	})
}

func TestRegistrationPolicies(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	closed, loopback := p.Organization(t, "closed", org.Policies{}), p.Organization(t, "loopback", org.Policies{Registration: org.RegistrationLoopback})
	register := func(organization *org.Organization, uris ...string) oidctest.Answer {
		body, _ := json.Marshal(map[string]any{"redirect_uris": uris})
		return p.PostBody(organization, "register", jsonType, string(body))
	}
	t.Run("closed: 403, because there is no initial access token that a 401 could ask for (RFC 7591 §3)", func(t *testing.T) {
		if got := register(closed, "http://localhost:3000/callback"); got.Status != 403 || got.ErrorCode() != "access_denied" || got.Header.Get("WWW-Authenticate") != "" {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	})
	for _, uri := range []string{"http://localhost:3000/api/auth/callback", "http://127.0.0.1:8000/", "http://[::1]:3000/callback", "https://localhost/callback"} {
		if got := register(loopback, uri); got.Status != 201 {
			t.Errorf("loopback: %s: %d %s", uri, got.Status, got.Body)
		}
	}
	for _, uri := range []string{"https://app.example.test/callback", "http://localhost.example.test/", "https://localhost@example.test/", "https://127.0.0.1.example.test/",
		"https://0.0.0.0/", "https://192.168.1.1/", "com.example.app:/callback", "https://localhost%2eexample.test/", "https://LOCALHOST.example.test", "https://[::ffff:8.8.8.8]/"} {
		if got := register(loopback, uri); got.Status != 400 || got.ErrorCode() != "invalid_redirect_uri" {
			t.Errorf("loopback: %s: %d %s", uri, got.Status, got.Body)
		}
		if got := register(loopback, "http://localhost:3000/", uri); got.Status != 400 {
			t.Errorf("loopback: beside a good one, %s: %d %s", uri, got.Status, got.Body)
		}
	}
	t.Run("loopback: addresses after sign-out, too", func(t *testing.T) {
		got := p.PostBody(loopback, "register", jsonType, `{"redirect_uris":["http://localhost:3000/"],"post_logout_redirect_uris":["https://evil.example.test/"]}`)
		if got.Status != 400 || got.ErrorCode() != "invalid_redirect_uri" {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	})
}

func TestRegistrationIsRateLimitedPerAddress(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	open, second := p.Organization(t, "open", org.Policies{Registration: org.RegistrationOpen}), p.Organization(t, "second", org.Policies{Registration: org.RegistrationOpen})
	register := func(organization *org.Organization, address string) oidctest.Answer {
		return p.From(address).PostBody(organization, "register", jsonType, `{"redirect_uris":["https://app.example.test/callback"]}`)
	}
	for i := range oidctest.RegistrationLimit {
		if got := register(open, fmt.Sprintf("2001:db8::%x", i+1)); got.Status != 201 { // one /64 counts as one address
			t.Fatalf("%d: %d %s", i, got.Status, got.Body)
		}
	}
	got := register(open, "2001:db8::ffff")
	if got.Status != 429 || got.ErrorCode() != "temporarily_unavailable" || got.Header.Get("Retry-After") == "" {
		t.Errorf("over the limit: %d %s %v", got.Status, got.Body, got.Header)
	}
	if got := register(open, "2001:db8:0:1::1"); got.Status != 201 {
		t.Errorf("another network: %d", got.Status)
	}
	if got := register(open, "192.0.2.1"); got.Status != 201 {
		t.Errorf("another address: %d", got.Status)
	}
	if got := register(second, "2001:db8::1"); got.Status != 201 {
		t.Errorf("another organization: %d", got.Status)
	}
	p.Database.Cut()
	if got := register(open, "192.0.2.1"); got.Status != 503 || got.Header.Get("Retry-After") == "" {
		t.Errorf("without the database: %d %s", got.Status, got.Body)
	}
	p.Database.Mend()
	if got := register(open, "192.0.2.1"); got.Status != 201 {
		t.Errorf("recovered: %d %s", got.Status, got.Body)
	}
}
