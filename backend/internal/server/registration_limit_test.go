package server

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
)

// RFC 7591 §5: the setting registrations_per_network.
func TestRegistrationsPerNetwork(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string][]int{"2": {201, 201, 429}, "0": {201, 201, 201}} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			s := newSiteOn(t, dbtest.URL(t), "registrations_per_network", setting)
			s.inTx(func(ctx context.Context, tx *store.Tx) error {
				_, err := s.app.Organizations.Create(ctx, tx, operator, org.NewOrganization{Slug: "open", DisplayName: "Open", Policies: org.Policies{Registration: org.RegistrationOpen}})
				return err
			})
			for i, status := range want {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.server.URL+"/open/register", strings.NewReader(`{"redirect_uris":["https://app.example.test/"]}`))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", "application/json")
				if a := s.browser().do(r); a.status != status {
					t.Errorf("registration %d: %d %s", i+1, a.status, a.body)
				}
			}
		})
	}
}
