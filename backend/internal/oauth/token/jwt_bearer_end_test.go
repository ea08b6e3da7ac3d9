package token_test

import (
	"context"
	"testing"

	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/trust"
)

func TestGrantsWithoutASessionEnd(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, b *bearer, token string){
		"when the token is revoked": func(t *testing.T, b *bearer, token string) {
			if got := b.agent.Post("revoke", "token", token); got.Status != 200 {
				t.Errorf("revocation: %d %s", got.Status, got.Body)
			}
		},
		"with the person's account": func(t *testing.T, b *bearer, _ string) { b.Disable(t, b.ada) },
		"when the issuer is disabled": func(t *testing.T, b *bearer, _ string) {
			b.changeTrust(t, func(i *trust.Issuer) { i.Status = trust.Disabled })
		},
		"when the issuer is another": func(t *testing.T, b *bearer, _ string) {
			b.changeTrust(t, func(i *trust.Issuer) { i.Issuer = "https://another.test" })
		},
		"when the client may not any more": func(t *testing.T, b *bearer, _ string) {
			b.changeTrust(t, func(i *trust.Issuer) { i.Clients = []string{"other"} })
		},
		"when the issuer was disabled meanwhile": func(t *testing.T, b *bearer, _ string) {
			for _, status := range []trust.Status{trust.Disabled, trust.Active} {
				b.changeTrust(t, func(i *trust.Issuer) { i.Status = status })
			}
		},
		"when the issuer is removed": func(t *testing.T, b *bearer, _ string) {
			b.InTx(t, func(ctx context.Context, tx *store.Tx) error {
				return b.Trusted.Delete(ctx, tx, oidctest.Actor(), b.organization.ID, b.issuer.ID, b.issuer.Version)
			})
		},
		"when the person is unlinked": func(t *testing.T, b *bearer, _ string) {
			b.InTx(t, func(ctx context.Context, tx *store.Tx) error {
				linked, err := b.Trusted.Identities(ctx, tx, b.organization.ID, b.issuer.ID, b.ada.ID, nil, 10)
				if err != nil || len(linked) != 1 {
					t.Fatalf("%v, %v", linked, err)
				}
				return b.Trusted.Unlink(ctx, tx, oidctest.Actor(), b.organization.ID, b.issuer.ID, linked[0].ID)
			})
		},
		"when the person is removed": func(t *testing.T, b *bearer, _ string) {
			b.InTx(t, func(ctx context.Context, tx *store.Tx) error {
				return b.Users.Delete(ctx, tx, oidctest.Actor(), b.organization.ID, b.ada.ID, b.ada.Version)
			})
		},
		"when the person signs out everywhere": func(t *testing.T, b *bearer, _ string) {
			b.InTx(t, func(ctx context.Context, tx *store.Tx) error {
				_, err := b.Sessions.EndEverywhere(ctx, tx, oidctest.Actor(), b.organization.ID, b.ada.ID, "test")
				return err
			})
		},
		"when the person signs out everywhere without being signed in": func(t *testing.T, b *bearer, _ string) {
			b.EndSession(t, b.session)
			b.InTx(t, func(ctx context.Context, tx *store.Tx) error {
				_, err := b.Sessions.EndEverywhere(ctx, tx, oidctest.Actor(), b.organization.ID, b.ada.ID, "test")
				return err
			})
		},
		"when the person's password changes": func(t *testing.T, b *bearer, _ string) {
			b.InTx(t, func(ctx context.Context, tx *store.Tx) error {
				return b.Sessions.EndAll(ctx, tx, oidctest.Actor(), b.organization.ID, b.ada.ID, b.session.ID, "test")
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBearer(t, nil)
			answer := present(b.agent, b.assertion(t, nil))
			expect(t, answer, 200, "")
			token := answer.Text("access_token")
			if got := b.agent.Introspect(token); got.JSON["active"] != true {
				t.Fatalf("before: %s", got.Body)
			}
			end(t, b, token)
			if got := b.agent.Introspect(token); got.JSON["active"] != false {
				t.Errorf("introspection after: %s", got.Body)
			}
			if got := b.agent.Userinfo(token); got.Status != 401 {
				t.Errorf("userinfo after: %d %s", got.Status, got.Body)
			}
		})
	}
	t.Run("and with the client", func(t *testing.T) {
		t.Parallel()
		b := newBearer(t, nil)
		token := present(b.agent, b.assertion(t, nil)).Text("access_token")
		b.InTx(t, func(ctx context.Context, tx *store.Tx) error {
			return b.Clients.Delete(ctx, tx, oidctest.Actor(), b.organization.ID, b.agent.Client.ID, b.agent.Client.Version)
		})
		b.Clients.Forget(b.agent.Client)
		if got := b.agent.Userinfo(token); got.Status != 401 {
			t.Errorf("userinfo after: %d %s", got.Status, got.Body)
		}
	})
	t.Run("not with a session of the person", func(t *testing.T) {
		t.Parallel()
		b := newBearer(t, nil)
		token := present(b.agent, b.assertion(t, nil)).Text("access_token")
		b.EndSession(t, b.session)
		if got := b.agent.Introspect(token); got.JSON["active"] != true {
			t.Errorf("%s", got.Body)
		}
	})
}
