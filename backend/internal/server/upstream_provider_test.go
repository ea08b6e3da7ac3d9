package server

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/identityprovider"
	"github.com/clavex/clavex/backend/internal/store"
)

func TestProvidersAreJudged(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	right := identityprovider.Provider{OrgID: s.acme.ID, Alias: "corp", Name: "Corp", Issuer: "https://corp.example.test", ClientID: "acme"}
	for field, change := range map[string]func(*identityprovider.Provider){
		"alias":                 func(p *identityprovider.Provider) { p.Alias = "../x" },
		"name":                  func(p *identityprovider.Provider) { p.Name = " " },
		"issuer":                func(p *identityprovider.Provider) { p.Issuer = "ftp://corp.example.test" },
		"client_id":             func(p *identityprovider.Provider) { p.ClientID = "" },
		"client_authentication": func(p *identityprovider.Provider) { p.ClientAuthentication = "private_key_jwt" },
		"scopes":                func(p *identityprovider.Provider) { p.Scopes = []string{"email"} },
		"status":                func(p *identityprovider.Provider) { p.Status = "off" },
		"client_secret":         func(p *identityprovider.Provider) { p.ClientAuthentication = identityprovider.None },
	} {
		wanted := right
		change(&wanted)
		err := s.app.Store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			_, err := s.app.Providers.Create(ctx, tx, operator, wanted, "secret")
			return err
		})
		if problem := faultOf(err); problem == nil || problem.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	made := s.provide(s.acme, right, "secret")
	if kept, err := s.app.Providers.Secret(made); err != nil || kept != "secret" {
		t.Errorf("%q %v", kept, err)
	}
	var raw string
	if err := s.app.Store.QueryRow(t.Context(), "SELECT p::text FROM identity_providers p").Scan(&raw); err != nil || strings.Contains(raw, "secret\"") || !slices.Contains([]int64{1}, made.Version) {
		t.Errorf("%s %v", raw, err)
	}
	changed := *made
	changed.ClientID = "another"
	err := s.app.Store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		_, err := s.app.Providers.Update(ctx, tx, operator, changed, nil)
		return err
	})
	if problem := faultOf(err); problem == nil || problem.Field != "client_secret" {
		t.Errorf("the secret goes to another client: %v", err)
	}
}
