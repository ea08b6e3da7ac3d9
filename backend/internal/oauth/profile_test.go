package oauth

import (
	"slices"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/org"
)

func TestProfiles(t *testing.T) {
	modern, legacy := &org.Organization{}, &org.Organization{Policies: org.Policies{Profile: org.ProfileOIDCLegacy}}
	hybrid := &client.Client{GrantTypes: []string{client.AuthorizationCode, client.Implicit}, ResponseTypes: []string{"code id_token"}}
	for _, known := range org.Profiles() {
		if profiles[known].Name != known {
			t.Errorf("%s has no rules", known)
		}
	}
	if err := ProfileOf(modern, hybrid).Check(hybrid); fault.From(err).Field != "response_types" {
		t.Errorf("OAuth 2.1 lets tokens travel through addresses: %v", err)
	}
	if err := ProfileOf(legacy, hybrid).Check(hybrid); err != nil {
		t.Error(err)
	}
	own := *hybrid
	own.Profile = org.ProfileOIDCLegacy
	if err := ProfileOf(modern, &own).Check(&own); err != nil {
		t.Errorf("a client's own profile goes before its organization's: %v", err)
	}
	own.Profile = org.ProfileOAuth21
	if err := ProfileOf(legacy, &own).Check(&own); err == nil {
		t.Error("a client's own profile goes before its organization's")
	}
	own.Profile = "unknown"
	if p := ProfileOf(legacy, &own); p.FrontChannel || p.WithoutPKCE || p.UnsignedObjects {
		t.Errorf("an unknown profile allows %+v", p)
	}
	if p := ProfileOf(legacy, &own); p.AllowsMethod(client.PrivateKeyJWT) || p.AllowsMethod(client.None) || len(p.KeyPairAlgorithms()) > 0 || !p.PushedRequests {
		t.Errorf("an unknown profile lets somebody in: %+v", p)
	}
	if got := ProfileFor(modern).ResponseTypes(); !slices.Equal(got, []string{"code", "none"}) {
		t.Errorf("%q", got)
	}
	if got := ProfileFor(legacy).ResponseTypes(); len(got) != 8 {
		t.Errorf("%q", got)
	}
}
