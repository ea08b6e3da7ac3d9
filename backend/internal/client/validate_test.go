package client

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/fault"
)

func valid() Client {
	c := Client{ClientID: "payroll", Name: "Payroll", AuthenticationMethod: ClientSecretBasic, SecretHash: make([]byte, 32), RedirectURIs: []string{"https://app.example.test/callback"},
		GrantTypes: []string{AuthorizationCode, RefreshToken}, Origin: Administrator, Status: Active}
	c.defaults()
	return c
}

func TestValidateNamesTheOffendingField(t *testing.T) {
	if c := valid(); c.Validate() != nil {
		t.Fatal(c.Validate())
	}
	cases := map[string]struct {
		change func(*Client)
		field  string
	}{
		"empty client_id":                  {func(c *Client) { c.ClientID = "" }, "client_id"},
		"client_id that could be a person": {func(c *Client) { c.ClientID = "0193a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b" }, "client_id"},
		"space in client_id":               {func(c *Client) { c.ClientID = "a b" }, "client_id"},
		"name with a line break":           {func(c *Client) { c.Name = "a\nb" }, "client_name"},
		"name that turns the writing":      {func(c *Client) { c.Name = "Acme \u202Eknab" }, "client_name"},
		"overlong name":                    {func(c *Client) { c.Name = strings.Repeat("é", 201) }, "client_name"},
		"unknown method":                   {func(c *Client) { c.AuthenticationMethod = "tls_client_auth" }, "token_endpoint_auth_method"},
		"public with a secret":             {func(c *Client) { c.AuthenticationMethod = None }, "token_endpoint_auth_method"},
		"public with client_credentials": {func(c *Client) {
			c.AuthenticationMethod, c.SecretHash = None, nil
			c.GrantTypes = append(c.GrantTypes, ClientCredentials)
		}, "grant_types"},
		"implicit without its response types":  {func(c *Client) { c.GrantTypes = []string{Implicit} }, "response_types"},
		"password grant (OAuth 2.1)":           {func(c *Client) { c.GrantTypes = []string{"password"} }, "grant_types"},
		"refresh_token alone":                  {func(c *Client) { c.GrantTypes = []string{RefreshToken} }, "grant_types"},
		"a grant type twice":                   {func(c *Client) { c.GrantTypes = []string{AuthorizationCode, AuthorizationCode} }, "grant_types"},
		"no grant type":                        {func(c *Client) { c.GrantTypes = []string{} }, "grant_types"},
		"response type without its grant":      {func(c *Client) { c.GrantTypes = []string{ClientCredentials} }, "response_types"},
		"response type without implicit":       {func(c *Client) { c.ResponseTypes = []string{"code", "code id_token"} }, "response_types"},
		"response type that does not exist":    {func(c *Client) { c.ResponseTypes = []string{"code", "code none"} }, "response_types"},
		"a response type twice":                {func(c *Client) { c.ResponseTypes = []string{"code", "code"} }, "response_types"},
		"implicit on http":                     {implicit("http://127.0.0.1/callback"), "redirect_uris"},
		"implicit on localhost":                {implicit("https://localhost/callback"), "redirect_uris"},
		"unknown profile":                      {func(c *Client) { c.Profile = "fapi3" }, "profile"},
		"scope with a quote":                   {func(c *Client) { c.Scopes = []string{`a"b`} }, "scopes"},
		"no redirect URI":                      {func(c *Client) { c.RedirectURIs = nil }, "redirect_uris"},
		"ID token signed with none":            {func(c *Client) { c.IDTokenSignedResponseAlg = "none" }, "id_token_signed_response_alg"},
		"javascript link":                      {func(c *Client) { c.PolicyURI = "javascript:alert(1)" }, "policy_uri"},
		"http link":                            {func(c *Client) { c.ClientURI = "http://app.example.test" }, "client_uri"},
		"link with a password":                 {func(c *Client) { c.LogoURI = "https://a:b@app.example.test/logo.png" }, "logo_uri"},
		"contact that is no address":           {func(c *Client) { c.Contacts = []string{"nobody"} }, "contacts"},
		"self-registered without consent (19)": {func(c *Client) { c.Origin, c.RequireConsent = Dynamic, false }, "require_consent"},
		"access token for a second":            {func(c *Client) { c.AccessTokenLifetime = time.Second }, "access_token_lifetime_seconds"},
		"refresh token for ever":               {func(c *Client) { c.RefreshTokenLifetime = 10 * 365 * 24 * time.Hour }, "refresh_token_lifetime_seconds"},
		"too many redirect URIs": {func(c *Client) {
			for range 60 {
				c.RedirectURIs = append(c.RedirectURIs, "https://x.example.test/"+strings.Repeat("a", len(c.RedirectURIs)))
			}
		}, "redirect_uris"},
		"post-logout address with a fragment": {func(c *Client) { c.PostLogoutRedirectURIs = []string{"https://app.example.test/#x"} }, "post_logout_redirect_uris"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			c := valid()
			test.change(&c)
			err := c.Validate()
			if !fault.IsKind(err, fault.Invalid) || fault.From(err).Field != test.field {
				t.Fatalf("got %v, want a fault in %s", err, test.field)
			}
		})
	}
}

func implicit(redirectURI string) func(*Client) {
	return func(c *Client) {
		c.RedirectURIs, c.ResponseTypes, c.GrantTypes = []string{redirectURI}, []string{"id_token"}, []string{Implicit}
	}
}

func TestMetadataNamesTheOffendingField(t *testing.T) {
	long := strings.Repeat("x", 300)
	for name, test := range map[string]struct {
		change func(*Metadata)
		field  string
	}{
		"keys twice": {func(m *Metadata) {
			m.JWKS, m.JWKSURI = []byte(`{"keys":[{"kty":"EC"}]}`), "https://app.example.test/jwks"
		}, "jwks"},
		"keys that are none":             {func(m *Metadata) { m.JWKS = []byte(`{"keys":[]}`) }, "jwks"},
		"a private key":                  {func(m *Metadata) { m.JWKS = []byte(`{"keys":[{"kty":"EC","d":"AQ"}]}`) }, "jwks"},
		"a shared key":                   {func(m *Metadata) { m.JWKS = []byte(`{"keys":[{"kty":"oct","k":"AQ"}]}`) }, "jwks"},
		"keys at http":                   {func(m *Metadata) { m.JWKSURI = "http://app.example.test/jwks" }, "jwks_uri"},
		"unknown subject type":           {func(m *Metadata) { m.SubjectType = "private" }, "subject_type"},
		"sector at http":                 {func(m *Metadata) { m.SectorIdentifierURI = "http://app.example.test/sector" }, "sector_identifier_uri"},
		"unsigned userinfo":              {func(m *Metadata) { m.UserinfoSignedResponseAlg = Unsigned }, "userinfo_signed_response_alg"},
		"unsigned answers":               {func(m *Metadata) { m.AuthorizationSignedResponseAlg = Unsigned }, "authorization_signed_response_alg"},
		"unsigned introspection":         {func(m *Metadata) { m.IntrospectionSignedResponseAlg = Unsigned }, "introspection_signed_response_alg"},
		"introspection to nobody":        {func(m *Metadata) { m.IntrospectionEncryptedResponseAlg = "ECDH-ES" }, "introspection_encrypted_response_alg"},
		"answers encrypted to nobody":    {func(m *Metadata) { m.AuthorizationEncryptedResponseAlg = "ECDH-ES" }, "authorization_encrypted_response_alg"},
		"request objects with MD5":       {func(m *Metadata) { m.RequestObjectSigningAlg = "RS1" }, "request_object_signing_alg"},
		"encryption without a key":       {func(m *Metadata) { m.IDTokenEncryptedResponseAlg = "RSA1_5" }, "id_token_encrypted_response_alg"},
		"signed requests without a key":  {func(m *Metadata) { m.RequireSignedRequestObject = true }, "require_signed_request_object"},
		"signed requests with none":      {func(m *Metadata) { m.RequireSignedRequestObject, m.RequestObjectSigningAlg = true, Unsigned }, "require_signed_request_object"},
		"request objects by RSA1_5":      {func(m *Metadata) { m.RequestObjectEncryptionAlg = "RSA1_5" }, "request_object_encryption_alg"},
		"request objects by dir":         {func(m *Metadata) { m.RequestObjectEncryptionAlg = "dir" }, "request_object_encryption_alg"},
		"request object content alone":   {func(m *Metadata) { m.RequestObjectEncryptionEnc = "A128GCM" }, "request_object_encryption_enc"},
		"content encryption alone":       {func(m *Metadata) { m.UserinfoEncryptedResponseEnc = "A128GCM" }, "userinfo_encrypted_response_enc"},
		"negative age":                   {func(m *Metadata) { m.DefaultMaxAge = new(-1) }, "default_max_age"},
		"acr values twice":               {func(m *Metadata) { m.DefaultACRValues = []string{"a", "a"} }, "default_acr_values"},
		"login at http":                  {func(m *Metadata) { m.InitiateLoginURI = "http://localhost/login" }, "initiate_login_uri"},
		"request at http":                {func(m *Metadata) { m.RequestURIs = []string{"http://app.example.test/r#x"} }, "request_uris"},
		"back-channel at http":           {func(m *Metadata) { m.BackchannelLogoutURI = "http://app.example.test/" }, "backchannel_logout_uri"},
		"front-channel elsewhere":        {func(m *Metadata) { m.FrontchannelLogoutURI = "https://other.example.test/" }, "frontchannel_logout_uri"},
		"session demanded without where": {func(m *Metadata) { m.BackchannelLogoutSessionRequired = true }, "backchannel_logout_session_required"},
		"long software_id":               {func(m *Metadata) { m.SoftwareID = long }, "software_id"},
		"a name in no language":          {func(m *Metadata) { m.Localized = map[string]string{"client_name#": "x"} }, "client_name#"},
		"a link in a language":           {func(m *Metadata) { m.Localized = map[string]string{"tos_uri#it": "javascript:x"} }, "tos_uri#it"},
		"contacts in a language":         {func(m *Metadata) { m.Localized = map[string]string{"contacts#it": "x"} }, "contacts#it"},
	} {
		t.Run(name, func(t *testing.T) {
			c := valid()
			test.change(&c.Metadata)
			c.defaults()
			err := c.Validate()
			if !fault.IsKind(err, fault.Invalid) || fault.From(err).Field != test.field {
				t.Fatalf("got %v, want a fault in %s", err, test.field)
			}
		})
	}
	t.Run("a shared secret needs a confidential client", func(t *testing.T) {
		c := valid()
		c.AuthenticationMethod, c.SecretHash, c.IDTokenSignedResponseAlg = None, nil, HS256
		if err := c.Validate(); fault.From(err).Field != "id_token_signed_response_alg" {
			t.Fatal(err)
		}
	})
	t.Run("pairwise needs a sector (OpenID Connect Core 1.0 §8.1)", func(t *testing.T) {
		c := valid()
		c.Metadata.SubjectType = PairwiseSubject
		if c.Validate() != nil || c.Sector() != "app.example.test" {
			t.Fatal(c.Validate(), c.Sector())
		}
		c.RedirectURIs = append(c.RedirectURIs, "https://other.example.test/callback")
		if err := c.Validate(); fault.From(err).Field != "sector_identifier_uri" {
			t.Fatal(err)
		}
		c.Metadata.SectorIdentifierURI = "https://sector.example.test/redirects.json"
		if c.Validate() != nil || c.Sector() != "sector.example.test" {
			t.Fatal(c.Validate(), c.Sector())
		}
	})
}

func TestDefaultsOfResponseAndGrantTypes(t *testing.T) {
	for _, test := range []struct{ responseTypes, grantTypes, wantResponseTypes, wantGrantTypes []string }{
		{nil, nil, []string{"code"}, []string{AuthorizationCode}}, // OpenID Connect Registration 1.0 §2
		{[]string{"token id_token"}, nil, []string{"id_token token"}, []string{Implicit}},
		{[]string{"id_token code", "code"}, nil, []string{"code id_token", "code"}, []string{AuthorizationCode, Implicit}},
		{nil, []string{ClientCredentials}, nil, []string{ClientCredentials}},
		{[]string{"none"}, nil, []string{"none"}, []string{AuthorizationCode}},
	} {
		c := Client{ResponseTypes: test.responseTypes, GrantTypes: test.grantTypes}
		c.defaults()
		if !slices.Equal(c.ResponseTypes, test.wantResponseTypes) || !slices.Equal(c.GrantTypes, test.wantGrantTypes) {
			t.Errorf("%q %q became %q %q", test.responseTypes, test.grantTypes, c.ResponseTypes, c.GrantTypes)
		}
	}
}

func TestMembersInLanguages(t *testing.T) {
	m := Metadata{Localized: map[string]string{"client_name#it": "Paghe", "client_name#de-AT": "Gehälter", "client_name#de-CH": "Saläre", "logo_uri#it": "https://app.example.test/it.png"}}
	for language, want := range map[string]string{"it": "Paghe", "it-CH": "Paghe", "de": "Gehälter", "DE-at": "Gehälter", "de-CH": "Saläre", "fr": "Payroll"} {
		if got := m.In("client_name", "Payroll", []string{language}); got != want {
			t.Errorf("%s: %q", language, got)
		}
	}
	c := Client{Name: "Payroll", LogoURI: "https://app.example.test/logo.png", TermsURI: "https://app.example.test/terms", Metadata: m}
	for language, want := range map[string]Presentation{
		"it": {Name: "Paghe", LogoURI: "https://app.example.test/it.png", TermsURI: c.TermsURI},
		"en": {Name: "Payroll", LogoURI: c.LogoURI, TermsURI: c.TermsURI},
	} {
		if got := c.Presentation(language); got != want {
			t.Errorf("%s: %+v", language, got)
		}
	}
	for uri, want := range map[string]string{c.LogoURI: c.LogoURI, m.Localized["logo_uri#it"]: m.Localized["logo_uri#it"], c.TermsURI: "", "Paghe": "", "": ""} {
		if got := c.LogoURIOf(LogoKey(uri)); got != want {
			t.Errorf("the key of %q stands for %q", uri, got)
		}
	}
}

func TestRedirectURIs(t *testing.T) {
	for uri, want := range map[string]map[ApplicationType]bool{
		"https://app.example.test/callback":     {Web: true, Native: true},
		"https://app.example.test/callback?a=b": {Web: true, Native: true},
		"http://localhost:3000/callback":        {Web: true, Native: true},
		"http://127.0.0.1/callback":             {Web: true, Native: true},
		"http://[::1]:9/callback":               {Web: true, Native: true},
		"com.example.app:/callback":             {Web: false, Native: true},
		"myapp://callback":                      {Web: false, Native: false}, // not a reversed domain (RFC 8252 §7.1)
		"http://app.example.test/callback":      {Web: false, Native: false},
		"http://localhost.evil.test/callback":   {Web: false, Native: false},
		"https://app.example.test/callback#":    {Web: false, Native: false},
		"https://app.example.test/*":            {Web: false, Native: false},
		"https://*.example.test/":               {Web: false, Native: false},
		"https://user@app.example.test/":        {Web: false, Native: false},
		"https:///callback":                     {Web: false, Native: false},
		"//app.example.test/callback":           {Web: false, Native: false},
		"/callback":                             {Web: false, Native: false},
		"javascript:alert(1)":                   {Web: false, Native: false},
		"data:text/html,x":                      {Web: false, Native: false},
		`https://app.example.test\@evil.test/`:  {Web: false, Native: false},
		"https://app.example.test/\ncallback":   {Web: false, Native: false},
		"https://ünï.example.test/":             {Web: false, Native: false}, // punycode it, so that comparing is unambiguous
	} {
		for kind, ok := range want {
			if problem := redirectURIProblem(uri, kind); (problem == "") != ok {
				t.Errorf("%s %q: %q", kind, uri, problem)
			}
		}
	}
}

func TestMatchingRedirectURIs(t *testing.T) {
	registered := []string{"https://app.example.test/callback", "http://127.0.0.1:4000/callback", "http://[::1]/callback", "http://localhost:3000/callback"}
	for requested, want := range map[string][2]bool{ // web, native
		"https://app.example.test/callback":     {true, true},
		"https://app.example.test/callback/":    {false, false},
		"https://app.example.test/callback?x=1": {false, false},
		"https://app.example.test:443/callback": {false, false},
		"HTTPS://app.example.test/callback":     {false, false},
		"http://127.0.0.1:4000/callback":        {true, true},
		"http://127.0.0.1:51234/callback":       {false, true}, // RFC 8252 §7.3
		"http://127.0.0.1/callback":             {false, true},
		"http://[::1]:51234/callback":           {false, true},
		"http://127.0.0.2:4000/callback":        {false, false},
		"http://127.0.0.1:51234/other":          {false, false},
		"http://127.0.0.1:51234/callback?x=1":   {false, false},
		"http://127.0.0.1:51234/callback#x":     {false, false},
		"http://x@127.0.0.1:51234/callback":     {false, false},
		"https://127.0.0.1:51234/callback":      {false, false},
		"http://localhost:3001/callback":        {false, false}, // RFC 8252 §8.3
		"http://127.0.0.1.evil.test:1/callback": {false, false},
		"":                                      {false, false},
	} {
		for i, kind := range []ApplicationType{Web, Native} {
			c := Client{ApplicationType: kind, RedirectURIs: registered}
			if got := c.MatchRedirectURI(requested); got != want[i] {
				t.Errorf("%s %q: %v", kind, requested, got)
			}
		}
	}
}

func FuzzMatchRedirectURI(f *testing.F) {
	f.Add("http://127.0.0.1:51234/callback")
	f.Add("http://127.0.0.1:51234/callback#")
	c := Client{ApplicationType: Native, RedirectURIs: []string{"http://127.0.0.1/callback"}}
	f.Fuzz(func(t *testing.T, requested string) {
		if c.MatchRedirectURI(requested) && !(strings.HasPrefix(requested, "http://127.0.0.1") && strings.HasSuffix(requested, "/callback")) {
			t.Fatalf("matched %q", requested)
		}
	})
}

// OpenID Connect Registration 1.0 §2, Core §9.
func TestMethodsOfAssertions(t *testing.T) {
	const algorithm = "token_endpoint_auth_signing_alg"
	keys := Metadata{JWKSURI: "https://app.example.test/jwks"}
	for name, test := range map[string]struct {
		method    AuthenticationMethod
		metadata  Metadata
		algorithm string
		field     string // "" when it is acceptable
	}{
		"private_key_jwt":                         {PrivateKeyJWT, keys, "", ""},
		"private_key_jwt with PS256":              {PrivateKeyJWT, keys, "PS256", ""},
		"private_key_jwt with HS256":              {PrivateKeyJWT, keys, "HS256", algorithm},
		"private_key_jwt with none":               {PrivateKeyJWT, keys, "none", algorithm},
		"private_key_jwt without keys":            {PrivateKeyJWT, Metadata{}, "", "token_endpoint_auth_method"},
		"client_secret_jwt":                       {ClientSecretJWT, Metadata{}, "", ""},
		"client_secret_jwt with HS256":            {ClientSecretJWT, Metadata{}, "HS256", ""},
		"client_secret_jwt with RS256":            {ClientSecretJWT, keys, "RS256", algorithm},
		"client_secret_basic with an algorithm":   {ClientSecretBasic, keys, "RS256", algorithm},
		"none with an algorithm":                  {None, keys, "RS256", algorithm},
		"private_key_jwt with HS256 for userinfo": {PrivateKeyJWT, Metadata{JWKSURI: keys.JWKSURI, UserinfoSignedResponseAlg: HS256}, "", "userinfo_signed_response_alg"},
	} {
		t.Run(name, func(t *testing.T) {
			c := valid()
			c.AuthenticationMethod, c.Metadata = test.method, test.metadata
			c.Metadata.TokenEndpointAuthSigningAlg = test.algorithm
			if !c.HasSecret() {
				c.SecretHash = nil
			}
			err := c.Validate()
			if test.field == "" && err != nil || test.field != "" && (err == nil || fault.From(err).Field != test.field) {
				t.Errorf("%v", err)
			}
		})
	}
	c := valid()
	c.AuthenticationMethod, c.Metadata = PrivateKeyJWT, keys
	if c.Validate() == nil {
		t.Error("private_key_jwt with a secret")
	}
}
