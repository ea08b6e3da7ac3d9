package oauth_test

import (
	"encoding/base64"
	"net/url"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
)

// TestClientAuthentication uses introspection and refresh as doors; the room behind them is the same.
func TestClientAuthentication(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	organization, elsewhere := p.Organization(t, "acme", org.Policies{}), p.Organization(t, "elsewhere", org.Policies{})
	machine := []string{client.ClientCredentials}
	_, basicSecret := p.Application(t, organization, client.Client{ClientID: "basic", GrantTypes: machine})
	_, postSecret := p.Application(t, organization, client.Client{ClientID: "post", GrantTypes: machine, AuthenticationMethod: client.ClientSecretPost})
	p.Application(t, organization, client.Client{ClientID: "public", AuthenticationMethod: client.None})
	_, foreignSecret := p.Application(t, elsewhere, client.Client{ClientID: "basic", GrantTypes: machine})
	disabled, disabledSecret := p.Application(t, organization, client.Client{ClientID: "disabled", GrantTypes: machine})
	off := *disabled
	off.Status = client.Disabled
	p.Change(t, off)
	_, oddSecret := p.Application(t, organization, client.Client{ClientID: "odd:id+%", GrantTypes: machine})

	grant := url.Values{"grant_type": {"client_credentials"}}
	with := func(namesAndValues ...string) url.Values {
		form := url.Values{"grant_type": {"client_credentials"}}
		for i := 0; i+1 < len(namesAndValues); i += 2 {
			form.Set(namesAndValues[i], namesAndValues[i+1])
		}
		return form
	}
	raw := func(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }
	for name, test := range map[string]struct {
		form      url.Values
		header    []string // Authorization
		status    int
		code      string
		challenge bool
	}{
		"basic":                                   {grant, []string{oidctest.Basic("basic", basicSecret)}, 200, "", false},
		"basic, scheme in lower case (RFC 9110)":  {grant, []string{"basic" + oidctest.Basic("basic", basicSecret)[5:]}, 200, "", false},
		"basic, client_id repeated in the body":   {with("client_id", "basic"), []string{oidctest.Basic("basic", basicSecret)}, 200, "", false},
		"basic, form-encoded inside (§2.3.1)":     {grant, []string{oidctest.Basic("odd:id+%", oddSecret)}, 200, "", false},
		"post":                                    {with("client_id", "post", "client_secret", postSecret), nil, 200, "", false},
		"wrong secret":                            {grant, []string{oidctest.Basic("basic", basicSecret[1:]+"x")}, 401, "invalid_client", true},
		"wrong secret by post":                    {with("client_id", "post", "client_secret", "x"), nil, 401, "invalid_client", true},
		"unknown client":                          {grant, []string{oidctest.Basic("nobody", basicSecret)}, 401, "invalid_client", true},
		"client of another organization":          {grant, []string{oidctest.Basic("basic", foreignSecret)}, 401, "invalid_client", true},
		"disabled client":                         {grant, []string{oidctest.Basic("disabled", disabledSecret)}, 401, "invalid_client", true},
		"basic client uses post":                  {with("client_id", "basic", "client_secret", basicSecret), nil, 401, "invalid_client", true},
		"post client uses basic":                  {grant, []string{oidctest.Basic("post", postSecret)}, 401, "invalid_client", true},
		"confidential client without secret":      {with("client_id", "basic"), nil, 401, "invalid_client", true},
		"public client with a secret":             {with("client_id", "public", "client_secret", "x"), nil, 401, "invalid_client", true},
		"public client with basic, empty secret":  {grant, []string{raw("public:")}, 401, "invalid_client", true},
		"empty secret":                            {grant, []string{raw("basic:")}, 401, "invalid_client", true},
		"two methods at once":                     {with("client_secret", basicSecret), []string{oidctest.Basic("basic", basicSecret)}, 400, "invalid_request", false},
		"two headers":                             {grant, []string{oidctest.Basic("basic", basicSecret), oidctest.Basic("basic", basicSecret)}, 400, "invalid_request", false},
		"another client_id in the body":           {with("client_id", "post"), []string{oidctest.Basic("basic", basicSecret)}, 400, "invalid_request", false},
		"bearer scheme":                           {grant, []string{"Bearer " + basicSecret}, 401, "invalid_client", true},
		"not base64":                              {grant, []string{"Basic %%%"}, 401, "invalid_client", true},
		"no colon":                                {grant, []string{raw("basic")}, 401, "invalid_client", true},
		"NUL in the client_id":                    {grant, []string{raw("ba\x00sic:x")}, 401, "invalid_client", true},
		"invalid UTF-8 in the client_id":          {grant, []string{raw("ba\xffsic:x")}, 401, "invalid_client", true},
		"nobody at all":                           {grant, nil, 401, "invalid_client", true},
		"assertion, which no client can register": {with("client_id", "basic", "client_assertion", "x.y.z", "client_assertion_type", "urn:x"), nil, 401, "invalid_client", true},
	} {
		t.Run(name, func(t *testing.T) {
			var header []string
			for _, value := range test.header {
				header = append(header, "Authorization", value)
			}
			answer := p.Post(organization, "token", test.form, header...)
			if answer.Status != test.status || answer.ErrorCode() != test.code {
				t.Errorf("answered %d %s", answer.Status, answer.Body)
			}
			if challenged := answer.Header.Get("WWW-Authenticate") != ""; challenged != test.challenge {
				t.Errorf("WWW-Authenticate is %q (RFC 6749 §5.2, RFC 9110 §15.5.2)", answer.Header.Get("WWW-Authenticate"))
			}
		})
	}

	t.Run("a rotated secret stops working at once", func(t *testing.T) {
		party := p.Party(t, organization, client.Client{ClientID: "rotating", GrantTypes: machine})
		if got := party.Post("token", "grant_type", "client_credentials"); got.Status != 200 {
			t.Fatalf("before: %d %s", got.Status, got.Body)
		}
		old := party.Secret
		party.Secret = p.RotateSecret(t, party.Client)
		if got := party.Post("token", "grant_type", "client_credentials"); got.Status != 200 {
			t.Errorf("the new secret: %d %s", got.Status, got.Body)
		}
		party.Secret = old
		if got := party.Post("token", "grant_type", "client_credentials"); got.Status != 401 {
			t.Errorf("the old secret: %d %s", got.Status, got.Body)
		}
	})
}
