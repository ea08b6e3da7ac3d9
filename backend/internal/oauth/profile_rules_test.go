package oauth

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/org"
)

// FAPI 2.0 Security Profile §5.3.2, §5.4: a client that cannot meet the profile is told every reason.
func TestClientsThatCannotMeetFAPI2(t *testing.T) {
	t.Parallel()
	good := client.Client{AuthenticationMethod: client.PrivateKeyJWT, ResponseTypes: []string{"code"}, GrantTypes: []string{client.AuthorizationCode},
		RedirectURIs: []string{"https://bank.example/callback"}, IDTokenSignedResponseAlg: "PS256", Metadata: client.Metadata{JWKSURI: "https://bank.example/jwks"}}
	bank := &org.Organization{Policies: org.Policies{Profile: org.ProfileFAPI2Security}}
	if err := ProfileOf(bank, &good).Check(&good); err != nil {
		t.Error(err)
	}
	for field, change := range map[string]func(*client.Client){
		"token_endpoint_auth_method":        func(c *client.Client) { c.AuthenticationMethod = client.ClientSecretBasic },
		"response_types":                    func(c *client.Client) { c.ResponseTypes = []string{"code", "none"} },
		"grant_types":                       func(c *client.Client) { c.GrantTypes = []string{client.Implicit} },
		"introspection_signed_response_alg": func(c *client.Client) { c.Metadata.IntrospectionSignedResponseAlg = "RS256" },
		"redirect_uris":                     func(c *client.Client) { c.RedirectURIs = []string{"http://localhost/callback"} },
		"id_token_signed_response_alg":      func(c *client.Client) { c.IDTokenSignedResponseAlg = "RS256" },
		"userinfo_signed_response_alg":      func(c *client.Client) { c.Metadata.UserinfoSignedResponseAlg = "RS256" },
		"request_object_signing_alg":        func(c *client.Client) { c.Metadata.RequestObjectSigningAlg = client.Unsigned },
		"token_endpoint_auth_signing_alg":   func(c *client.Client) { c.Metadata.TokenEndpointAuthSigningAlg = "RS256" },
		"authorization_signed_response_alg": func(c *client.Client) { c.Metadata.AuthorizationSignedResponseAlg = "RS256" },
	} {
		bad := good
		change(&bad)
		if err := ProfileOf(bank, &bad).Check(&bad); fault.From(err).Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	bad := client.Client{AuthenticationMethod: client.None, ResponseTypes: []string{"code id_token"}, GrantTypes: []string{client.Implicit}, IDTokenSignedResponseAlg: "RS256"}
	var unmet Unmet
	if err := ProfileOf(bank, &bad).Check(&bad); !errors.As(err, &unmet) || len(unmet) != 4 || !strings.Contains(fault.From(err).Message, "private_key_jwt") {
		t.Errorf("every fault is named: %v", err)
	}
	native := good
	native.ApplicationType, native.RedirectURIs = client.Native, []string{"http://127.0.0.1/callback"}
	if err := ProfileOf(bank, &native).Check(&native); err != nil {
		t.Errorf("a native application on its own machine: %v", err)
	}
	ours := bad
	ours.Origin = client.BuiltIn
	if err := ProfileOf(bank, &ours).Check(&ours); err != nil || !ProfileOf(bank, &ours).AllowsMethod(client.None) {
		t.Errorf("the console works whatever the profile: %v", err)
	}
	signing := &org.Organization{Policies: org.Policies{Profile: org.ProfileFAPI2MessageSigning}}
	if err := ProfileOf(signing, &good).Check(&good); fault.From(err).Field != "authorization_signed_response_alg" {
		t.Errorf("answers are signed, by RS256 unless the client says otherwise: %v", err)
	}
}

func TestProfilesSayWhatTheyDemand(t *testing.T) {
	t.Parallel()
	for _, name := range org.Profiles() {
		if demands := profiles[name].Demands(); len(demands) < 2 || slices.Contains(demands, "") {
			t.Errorf("%s: %q", name, demands)
		}
	}
}

// RequireBoundTokens is a rule of the organization beside its profile.
func TestOrganizationsWithoutBearerTokens(t *testing.T) {
	t.Parallel()
	legacy := &org.Organization{Policies: org.Policies{Profile: org.ProfileOIDCLegacy, RequireBoundTokens: true}}
	if got := ProfileFor(legacy).ResponseTypes(); slices.Contains(got, "code token") || !slices.Contains(got, "code id_token") {
		t.Errorf("%q", got)
	}
}
