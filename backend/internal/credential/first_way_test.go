package credential_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

const firstWayParty = "id.example.test"

// crowd is an organization whose people sign in by different things.
type crowd struct {
	*domaintest.World
	acme     *org.Organization
	ways     *credential.FirstWays
	provider uuid.UUID
	offered  credential.Offered
	made     int
}

func newCrowd(t *testing.T) *crowd {
	w := domaintest.New(t)
	c := &crowd{World: w, acme: w.Organization("acme"), provider: store.NewID()}
	c.ways, c.offered = c.teller(), credential.Offered{RPID: firstWayParty, Mail: true, Providers: []uuid.UUID{c.provider}}
	c.exec(`INSERT INTO identity_providers (org_id, id, alias, name, issuer, client_id, client_authentication, scopes, created_at, updated_at)
		VALUES ($1, $2, 'corp', 'Corp', 'https://corp.test', 'acme', 'none', '{openid}', now(), now())`, c.acme.ID, c.provider)
	return c
}

// teller is one as another replica has it, or this one after a restart. The keys that it draws are always the same two.
func (c *crowd) teller() *credential.FirstWays {
	return credential.NewFirstWays(c.DB, c.Models, c.Clock.Now, bytes.NewReader(slices.Concat(bytes.Repeat([]byte{7}, 32), bytes.Repeat([]byte{8}, 32))))
}

func (c *crowd) exec(statement string, arguments ...any) {
	c.T.Helper()
	if _, err := c.DB.Exec(c.T.Context(), statement, arguments...); err != nil {
		c.T.Fatal(err)
	}
}

func (c *crowd) has(person *user.User, kinds ...credential.WayKind) *user.User {
	c.T.Helper()
	for _, kind := range kinds {
		switch kind {
		case credential.ByPassword:
			c.exec(`INSERT INTO credentials (org_id, id, user_id, kind, secret) VALUES ($1, gen_random_uuid(), $2, 'password', 'x')`, c.acme.ID, person.ID)
		case credential.ByPasskey:
			c.exec(`INSERT INTO passkeys (org_id, id, user_id, credential_id, public_key, rp_id, sign_count, aaguid, backup_eligible, backup_state, user_verified, attestation_format, name, created_at)
				VALUES ($1, gen_random_uuid(), $2, sha256($2::uuid::text::bytea), '\x00', $3, 0, gen_random_uuid(), false, false, true, 'none', 'Key', now())`, c.acme.ID, person.ID, firstWayParty)
		case credential.ByProvider:
			c.exec(`INSERT INTO upstream_identities (org_id, id, provider_id, subject, name, user_id, created_at, last_used_at)
				VALUES ($1, gen_random_uuid(), $2, $3::uuid::text, '', $3, now(), now())`, c.acme.ID, c.provider, person.ID)
		}
	}
	return person
}

func (c *crowd) people(number int, domain string, kinds ...credential.WayKind) {
	c.T.Helper()
	for range number {
		c.made++
		c.has(c.User(c.acme, fmt.Sprintf("p%d@%s", c.made, domain)), kinds...)
	}
}

func (c *crowd) of(identifier string) credential.FirstWay {
	c.T.Helper()
	way, err := c.ways.Of(c.T.Context(), c.acme.ID, identifier, c.offered)
	if err != nil {
		c.T.Fatal(err)
	}
	return way
}

// decoys are the answers to identifiers that nobody has.
func (c *crowd) decoys(domain string) map[string]credential.FirstWay {
	c.T.Helper()
	all := map[string]credential.FirstWay{}
	for n := range 400 {
		identifier := fmt.Sprintf("nobody-%d@%s", n, domain)
		all[identifier] = c.of(identifier)
	}
	return all
}

// mixture is how many of a hundred have which way.
func mixture(all map[string]credential.FirstWay) map[credential.WayKind]int {
	found := map[credential.WayKind]int{}
	for _, way := range all {
		found[way.Kind]++
	}
	for kind := range found {
		found[kind] = found[kind] * 100 / len(all)
	}
	return found
}

func TestByWhatSomebodySignsInFirst(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	by := func(kind credential.WayKind) credential.FirstWay {
		way := credential.FirstWay{Kind: kind}
		if kind == credential.ByProvider {
			way.ProviderID = c.provider
		}
		return way
	}
	all := c.has(c.User(c.acme, "all@acme.test"), credential.ByPasskey, credential.ByPassword, credential.ByProvider)
	both := c.has(c.User(c.acme, "both@acme.test"), credential.ByPassword, credential.ByProvider)
	elsewhere := c.has(c.User(c.acme, "elsewhere@acme.test"), credential.ByProvider)
	nothing := c.User(c.acme, "nothing@acme.test")
	var named *user.User
	c.InTx(func(ctx context.Context, tx *store.Tx) (err error) {
		named, err = c.Users.Create(ctx, tx, domaintest.Operator, user.User{OrgID: c.acme.ID, Username: "Ada", Email: "Countess@acme.test"})
		return err
	})
	c.has(named, credential.ByPasskey)
	everything := c.offered
	for name, check := range map[string]struct {
		identifier string
		offered    credential.Offered
		want       credential.FirstWay
	}{
		"a passkey before all":                   {all.Username, everything, by(credential.ByPasskey)},
		"where nobody signs in by passkeys":      {all.Username, credential.Offered{Mail: true, Providers: everything.Providers}, by(credential.ByPassword)},
		"passkeys of another address":            {all.Username, credential.Offered{RPID: "other.test", Providers: everything.Providers}, by(credential.ByPassword)},
		"a password before an account elsewhere": {both.Username, everything, by(credential.ByPassword)},
		"an account elsewhere":                   {elsewhere.Username, everything, by(credential.ByProvider)},
		"a provider that is switched off":        {elsewhere.Username, credential.Offered{Mail: true}, by(credential.ByMail)},
		"whoever has nothing but a mailbox":      {nothing.Username, everything, by(credential.ByMail)},
		"where nobody signs in by mail":          {nothing.Username, credential.Offered{RPID: firstWayParty}, by(credential.ByPassword)},
		"a username":                             {"ada", everything, by(credential.ByPasskey)},
		"the address of the same person":         {" COUNTESS@acme.test ", everything, by(credential.ByPasskey)},
	} {
		if got, err := c.ways.Of(t.Context(), c.acme.ID, check.identifier, check.offered); err != nil || got != check.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	c.exec("UPDATE users SET status = 'disabled' WHERE id = $1", all.ID)
	if got := c.of(all.Username); got.Kind != credential.ByPasskey {
		t.Errorf("who may not sign in is answered otherwise: %+v", got)
	}
	c.exec("UPDATE passkeys SET suspended_at = now() WHERE user_id = $1", all.ID)
	if got := c.of(all.Username); got.Kind != credential.ByPassword {
		t.Errorf("a passkey that is suspended: %+v", got)
	}
	if rival := c.Organization("rival"); rival != nil { // another organization knows nobody of these
		mine, theirs := map[string]credential.FirstWay{}, map[string]credential.FirstWay{}
		for n := range 40 {
			identifier := fmt.Sprintf("nobody-%d", n)
			mine[identifier] = c.of(identifier)
			way, err := c.ways.Of(t.Context(), rival.ID, identifier, c.offered)
			if err != nil {
				t.Fatal(err)
			}
			theirs[identifier] = way
		}
		if maps.Equal(mine, theirs) {
			t.Error("two organizations give the same answers")
		}
	}
}
