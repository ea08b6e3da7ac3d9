package authorize

import (
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fetch"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
)

// strict are the rules of FAPI 2.0 Message Signing §5.3.1.
var strict = oauth.RequestObjectRules{Required: true, Lifetime: time.Hour, Types: []string{oauth.RequestObjectType},
	Algorithms: []jose.Algorithm{jose.PS256, jose.ES256, jose.EdDSA}, Alone: true}

// FAPI 2.0 Message Signing §5.3.1, RFC 9101 §6.3, §10.8.
func TestStrictRequestObjects(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	const issuer = "https://id.example.test/acme"
	signers, keys := map[jose.Algorithm]*jose.Signer{}, []jose.PublicKey{}
	for _, algorithm := range []jose.Algorithm{jose.ES256, jose.PS256, jose.EdDSA, jose.RS256} {
		signer, err := jose.GenerateSigner(algorithm)
		if err != nil {
			t.Fatal(err)
		}
		signers[algorithm], keys = signer, append(keys, signer.Public())
	}
	set, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	endpoint := &Endpoint{Issuers: oauth.Issuers{PublicURL: "https://id.example.test"}, KeySets: client.NewKeySets(fetch.New(fetch.Options{}), func() time.Time { return now })}
	judge := func(rules oauth.RequestObjectRules, algorithm jose.Algorithm, tokenType string, change map[string]any) (*request, error) {
		claims := map[string]any{"iss": "s6BhdRkqt3", "aud": issuer, "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(), "client_id": "s6BhdRkqt3",
			"response_type": "code", "redirect_uri": "https://app.example.test/", "scope": "openid"}
		maps.Copy(claims, change)
		maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
		object, err := signers[algorithm].Sign(t.Context(), tokenType, claims)
		if err != nil {
			t.Fatal(err)
		}
		r := &request{organization: &org.Organization{ID: uuid.New(), Slug: "acme"}, profile: oauth.Profile{RequestObject: rules}, at: now,
			client:     &client.Client{ClientID: "s6BhdRkqt3", Metadata: client.Metadata{JWKS: set}},
			parameters: oauth.NewParameters("client_id", "s6BhdRkqt3", "request", object, "state", "outside", "scope", "outside")}
		if err := endpoint.readRequestObject(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if r.objectError != nil {
			return r, r.objectError
		}
		return r, checkSigned(t.Context(), r)
	}
	r, err := judge(strict, jose.ES256, oauth.RequestObjectType, nil)
	if err != nil || r.parameters.Get("scope") != "openid" || r.parameters.Get("client_id") != "s6BhdRkqt3" {
		t.Fatalf("%v %v", err, r.parameters)
	}
	if r.parameters.Has("state") {
		t.Error("RFC 9101 §6.3: a parameter outside the object is used")
	}
	if loose, err := judge(oauth.RequestObjectRules{}, jose.ES256, "JWT", nil); err != nil || loose.parameters.Get("state") != "outside" {
		t.Errorf("OpenID Connect Core 1.0 §6.1: %v", err)
	}
	seconds := func(d time.Duration) int64 { return now.Add(d).Unix() }
	for name, c := range map[string]struct {
		algorithm jose.Algorithm
		tokenType string
		change    map[string]any
		good      bool
	}{
		"PS256":                                  {jose.PS256, oauth.RequestObjectType, nil, true},
		"EdDSA":                                  {jose.EdDSA, oauth.RequestObjectType, nil, true},
		"RS256":                                  {jose.RS256, oauth.RequestObjectType, nil, false},
		"another typ":                            {jose.ES256, "JWT", nil, false},
		"an access token's typ":                  {jose.ES256, "at+jwt", nil, false},
		"issuer among several audiences":         {jose.ES256, oauth.RequestObjectType, map[string]any{"aud": []string{"https://other.example.test", issuer}}, true},
		"another audience":                       {jose.ES256, oauth.RequestObjectType, map[string]any{"aud": issuer + "/authorize"}, false},
		"no audience":                            {jose.ES256, oauth.RequestObjectType, map[string]any{"aud": nil}, false},
		"no issuer":                              {jose.ES256, oauth.RequestObjectType, map[string]any{"iss": nil}, false},
		"another issuer":                         {jose.ES256, oauth.RequestObjectType, map[string]any{"iss": "other"}, false},
		"no exp":                                 {jose.ES256, oauth.RequestObjectType, map[string]any{"exp": nil}, false},
		"no nbf":                                 {jose.ES256, oauth.RequestObjectType, map[string]any{"nbf": nil}, false},
		"from nbf to exp 61 minutes":             {jose.ES256, oauth.RequestObjectType, map[string]any{"exp": seconds(61 * time.Minute)}, false},
		"nbf 59 minutes ago":                     {jose.ES256, oauth.RequestObjectType, map[string]any{"nbf": seconds(-59 * time.Minute), "exp": seconds(time.Minute)}, true},
		"nbf 61 minutes ago":                     {jose.ES256, oauth.RequestObjectType, map[string]any{"nbf": seconds(-61 * time.Minute), "exp": seconds(-30 * time.Second)}, false},
		"expired":                                {jose.ES256, oauth.RequestObjectType, map[string]any{"nbf": seconds(-30 * time.Minute), "exp": seconds(-2 * time.Minute)}, false},
		"nbf 8 seconds ahead, as by clocks":      {jose.ES256, oauth.RequestObjectType, map[string]any{"nbf": seconds(8 * time.Second)}, true},
		"nbf two minutes ahead":                  {jose.ES256, oauth.RequestObjectType, map[string]any{"nbf": seconds(2 * time.Minute)}, false},
		"another object inside":                  {jose.ES256, oauth.RequestObjectType, map[string]any{"request": "a.b.c"}, false},
		"a client_id inside that is not outside": {jose.ES256, oauth.RequestObjectType, map[string]any{"client_id": "other"}, false},
	} {
		_, err := judge(strict, c.algorithm, c.tokenType, c.change)
		if (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && oauth.FromFault(err).Code != oauth.CodeInvalidRequestObject {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Run("a request without an object", func(t *testing.T) {
		bare := &request{client: &client.Client{}, profile: oauth.Profile{RequestObject: strict}}
		if err := checkSigned(t.Context(), bare); oauth.FromFault(err).Code != oauth.CodeInvalidRequest {
			t.Error(err)
		}
	})
	t.Run("an object that is not signed", func(t *testing.T) {
		for _, rules := range []oauth.RequestObjectRules{strict, {Required: true}} {
			unsigned := "eyJhbGciOiJub25lIn0.eyJjbGllbnRfaWQiOiJzNkJoZFJrcXQzIn0."
			r := &request{organization: &org.Organization{Slug: "acme"}, at: now, profile: oauth.Profile{RequestObject: rules, UnsignedObjects: true},
				client: &client.Client{ClientID: "s6BhdRkqt3"}, parameters: oauth.NewParameters("client_id", "s6BhdRkqt3", "request", unsigned)}
			if err := endpoint.readRequestObject(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			err := r.objectError
			if err == nil {
				err = checkSigned(t.Context(), r)
			}
			if err == nil || oauth.FromFault(err).Code != oauth.CodeInvalidRequestObject {
				t.Errorf("%v: %v", rules, err)
			}
		}
	})
}

func TestClientsThatCannotSignStrictlyAreRefused(t *testing.T) {
	t.Parallel()
	profile, keys := oauth.Profile{Name: "strict", RequestObject: strict}, json.RawMessage(`{"keys":[{}]}`)
	code := []string{client.AuthorizationCode}
	for name, c := range map[string]struct {
		client client.Client
		field  string
	}{
		"keys":             {client.Client{GrantTypes: code, Metadata: client.Metadata{JWKS: keys}}, ""},
		"an address":       {client.Client{GrantTypes: code, Metadata: client.Metadata{JWKSURI: "https://a.test/"}}, ""},
		"a good algorithm": {client.Client{GrantTypes: code, Metadata: client.Metadata{JWKS: keys, RequestObjectSigningAlg: "PS256"}}, ""},
		"a service":        {client.Client{GrantTypes: []string{client.ClientCredentials}}, ""},
		"no keys":          {client.Client{GrantTypes: code}, "jwks"},
		"RS256":            {client.Client{GrantTypes: code, Metadata: client.Metadata{JWKS: keys, RequestObjectSigningAlg: "RS256"}}, "request_object_signing_alg"},
		"HS256":            {client.Client{GrantTypes: code, Metadata: client.Metadata{RequestObjectSigningAlg: "HS256"}}, "request_object_signing_alg"},
		"none":             {client.Client{GrantTypes: code, Metadata: client.Metadata{JWKS: keys, RequestObjectSigningAlg: "none"}}, "request_object_signing_alg"},
	} {
		if err := profile.Check(&c.client); c.field == "" && err != nil || c.field != "" && fault.From(err).Field != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
}
