package credential_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

func near(t *testing.T, name string, got map[string]credential.FirstWay, kind credential.WayKind, want int) {
	t.Helper()
	if part := mixture(got)[kind]; part < want-8 || part > want+8 {
		t.Errorf("%s: %d %% by %s, want about %d %%", name, part, kind, want)
	}
}

// hours has decoys counted so many times.
func (c *crowd) hours(number int, domain string) {
	c.T.Helper()
	for range number {
		c.Clock.Advance(61 * time.Minute)
		c.of("nobody@" + domain)
	}
}

// changed is how many of a hundred are answered differently.
func changed(before, after map[string]credential.FirstWay) (count int) {
	for identifier, way := range before {
		if after[identifier] != way {
			count++
		}
	}
	return count * 100 / len(before)
}

// Identifiers that nobody has are answered in the same mixture as those of people, by domain, always alike.
func TestDecoys(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	c.people(30, "acme.test", credential.ByPasskey, credential.ByPassword)
	c.people(60, "acme.test", credential.ByPassword)
	c.people(10, "corp.test", credential.ByProvider)
	here, corp, others := c.decoys("acme.test"), c.decoys("corp.test"), c.decoys("elsewhere.test")
	near(t, "a domain", here, credential.ByPasskey, 33)
	near(t, "a domain", here, credential.ByPassword, 66)
	near(t, "the domain of a provider", corp, credential.ByProvider, 92)
	near(t, "everybody", others, credential.ByPasskey, 30)
	near(t, "everybody", others, credential.ByPassword, 60)
	near(t, "everybody", others, credential.ByProvider, 10)
	for identifier, way := range here {
		if folded := c.of("  " + strings.ToUpper(identifier)); folded != way {
			t.Errorf("%s is answered %+v, and %+v in capitals", identifier, way, folded)
		}
	}
	c.ways = c.teller() // of another replica, or after a restart
	if !maps.Equal(here, c.decoys("acme.test")) {
		t.Error("another replica answers differently")
	}
	// An hour later a few more people have passkeys: that is not noticed. When many have, decoys follow, a bit at a time.
	c.people(3, "acme.test", credential.ByPasskey)
	c.hours(1, "acme.test")
	if !maps.Equal(here, c.decoys("acme.test")) {
		t.Error("decoys flicker")
	}
	c.people(100, "acme.test", credential.ByPasskey, credential.ByProvider)
	if !maps.Equal(here, c.decoys("acme.test")) {
		t.Error("counted within the hour")
	}
	c.hours(1, "acme.test")
	if moved := changed(here, c.decoys("acme.test")); moved < 1 || moved > 10 {
		t.Errorf("%d %% changed at once", moved)
	}
	c.hours(8, "acme.test")
	later := c.decoys("acme.test")
	near(t, "later", later, credential.ByPasskey, 69)
	for identifier, way := range later { // and change like people, who add a passkey
		if was := here[identifier]; was != way && was.Kind == credential.ByPasskey {
			t.Errorf("%s: %+v became %+v", identifier, was, way)
		}
	}
	// Ways that the organization does not have any more are shown for nobody, at once.
	c.offered.RPID = ""
	if part := mixture(c.decoys("acme.test"))[credential.ByPasskey]; part != 0 {
		t.Errorf("%d %% by passkeys, which nobody signs in by", part)
	}
}

// While two addresses of an organization are served and mail comes and goes, nobody counts within the hour.
func TestDecoysAreCountedOnceInAnHourAtEachAddress(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	c.people(20, "acme.test", credential.ByPasskey)
	c.people(20, "acme.test", credential.ByPassword)
	c.people(20, "acme.test")
	at := func(host string, mail bool) map[string]credential.FirstWay {
		c.offered.RPID, c.offered.Mail = host, mail
		return c.decoys("acme.test")
	}
	counts := func() (times string) {
		if err := c.DB.QueryRow(t.Context(), "SELECT string_agg(counted_at::text, ' ' ORDER BY rp_id) FROM decoy_shares").Scan(&times); err != nil {
			t.Fatal(err)
		}
		return times
	}
	here, there := at(firstWayParty, true), at("other.test", true)
	counted := counts()
	near(t, "here", here, credential.ByPasskey, 33)
	near(t, "there", there, credential.ByMail, 66) // who has passkeys here has nothing but mail there
	c.people(200, "acme.test", credential.ByProvider)
	c.Clock.Advance(30 * time.Minute)
	for range 2 {
		without := at(firstWayParty, false)
		for identifier, way := range here {
			if way.Kind == credential.ByMail {
				way = credential.FirstWay{Kind: credential.ByPassword} // as somebody who had nothing but mail
			}
			if without[identifier] != way {
				t.Fatalf("without mail %s is answered %+v", identifier, without[identifier])
			}
		}
		if !maps.Equal(there, at("other.test", true)) || !maps.Equal(here, at(firstWayParty, true)) {
			t.Fatal("decoys flicker")
		}
	}
	if again := counts(); again != counted {
		t.Errorf("counted at %s, and again at %s", counted, again)
	}
	// Switched off meanwhile, a provider is shown for nobody.
	c.offered.Providers = nil
	for identifier, way := range c.decoys("acme.test") {
		if way.Kind == credential.ByProvider || here[identifier].Kind != credential.ByProvider && here[identifier] != way {
			t.Fatalf("without the provider %s is answered %+v", identifier, way)
		}
	}
	// Mail that is away at the time of a count takes nothing with it.
	c.Clock.Advance(time.Hour)
	c.exec("DELETE FROM users WHERE org_id = $1 AND id IN (SELECT user_id FROM upstream_identities)", c.acme.ID)
	c.offered.Providers = append(c.offered.Providers, c.provider)
	at(firstWayParty, false)
	if counts() == counted {
		t.Error("never counted again")
	}
	if !maps.Equal(here, at(firstWayParty, true)) {
		t.Error("decoys are not what they were before mail went away")
	}
}

// One counts; of those who come at the same time nobody waits.
func TestDecoysAreCountedOnceAtATime(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	c.people(5, "acme.test", credential.ByPasskey)
	var wait sync.WaitGroup
	for range 8 {
		ways := c.teller()
		wait.Go(func() {
			if _, err := ways.Of(t.Context(), c.acme.ID, "nobody@acme.test", c.offered); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	before := c.decoys("acme.test")
	c.people(50, "acme.test", credential.ByPassword)
	c.Clock.Advance(2 * time.Hour)
	other := store.NewID()
	c.InTx(func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT 1 FROM decoy_shares WHERE org_id = $1 FOR UPDATE", c.acme.ID); err != nil {
			return err
		}
		if !maps.Equal(before, c.decoys("acme.test")) {
			t.Error("counted while somebody else counts")
		}
		c.offered.Providers = append(c.offered.Providers, other) // nobody has counted those who sign in there
		if !maps.Equal(before, c.decoys("acme.test")) {
			t.Error("a provider more, while somebody else counts")
		}
		return nil
	})
	if maps.Equal(before, c.decoys("acme.test")) {
		t.Error("not counted afterwards")
	}
}

// However few people there are, decoys are as if there were one more.
func TestDecoysOfAnOrganizationWithFewPeople(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	found := mixture(c.decoys("acme.test"))
	for _, kind := range []credential.WayKind{credential.ByPasskey, credential.ByPassword, credential.ByMail, credential.ByProvider} {
		if found[kind] < 15 || found[kind] > 35 { // of one person equal parts
			t.Errorf("%v", found)
		}
	}
	c.offered = credential.Offered{}
	if found := mixture(c.decoys("acme.test")); found[credential.ByPassword] != 100 {
		t.Errorf("%v", found)
	}
	few := newCrowd(t)
	few.people(4, "acme.test", credential.ByPassword)
	near(t, "four people", few.decoys("acme.test"), credential.ByPassword, 85)
	few = newCrowd(t)
	few.people(5, "acme.test", credential.ByPasskey)
	few.people(30, "elsewhere.test", credential.ByPassword)
	near(t, "five people of a domain", few.decoys("acme.test"), credential.ByPasskey, 86)
}

// Whoever makes many accounts does not move what people who are there for long are told apart by.
func TestDecoysAndSignUps(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	c.people(30, "acme.test", credential.ByPassword)
	c.Clock.Advance(31 * 24 * time.Hour)
	before := c.decoys("acme.test")
	c.people(100, "acme.test", credential.ByPasskey)
	c.people(30, "new.test", credential.ByPasskey)
	c.hours(3, "acme.test")
	if !maps.Equal(before, c.decoys("acme.test")) {
		t.Error("sign-ups move decoys")
	}
	c.hours(25, "new.test")
	near(t, "a domain in which nobody is for long", c.decoys("new.test"), credential.ByPasskey, 97)
	c.Clock.Advance(31 * 24 * time.Hour)
	c.hours(20, "acme.test")
	near(t, "when they stayed", c.decoys("acme.test"), credential.ByPasskey, 77)
}

// Where addresses begin with the usernames of people, the two of nobody are answered alike, as those of somebody are.
func TestDecoysOfUsernamesAndAddresses(t *testing.T) {
	t.Parallel()
	named := func(c *crowd, number int, username, email string, kind credential.WayKind) {
		for range number {
			c.made++
			var person *user.User
			c.InTx(func(ctx context.Context, tx *store.Tx) (err error) {
				person, err = c.Users.Create(ctx, tx, domaintest.Operator, user.User{OrgID: c.acme.ID, Username: fmt.Sprintf(username, c.made), Email: fmt.Sprintf(email, c.made)})
				return err
			})
			c.has(person, kind)
		}
	}
	alike := func(c *crowd, domain string) (count int) {
		t.Helper()
		for n := range 100 {
			username := fmt.Sprintf("Nobody-%d", n)
			if c.of(username) == c.of(strings.ToLower(username)+"@"+domain) {
				count++
			}
		}
		return count
	}
	c := newCrowd(t)
	named(c, 10, "p%d", "P%d@acme.test", credential.ByPasskey)
	named(c, 10, "p%d", "p%d@acme.test", credential.ByPassword)
	named(c, 1, "p%d", "q%d@acme.test", credential.ByPassword)
	c.people(10, "elsewhere.test", credential.ByPassword) // whose usernames are addresses
	if got := alike(c, "acme.test"); got != 100 {
		t.Errorf("%d %% alike", got)
	}
	if got := alike(c, "elsewhere.test"); got > 80 { // those are two people
		t.Errorf("%d %% alike in another domain", got)
	}
	named(c, 5, "p%d", "q%d@acme.test", credential.ByPassword)
	c.hours(1, "acme.test")
	if got := alike(c, "acme.test"); got != 100 {
		t.Errorf("decoys flicker: %d %% alike", got)
	}
	// Where they have nothing to do with each other, those who compare them would learn of each pair that differs that somebody has one.
	c = newCrowd(t)
	named(c, 10, "p%d", "q%d@acme.test", credential.ByPasskey)
	named(c, 10, "p%d", "q%d@acme.test", credential.ByPassword)
	if got := alike(c, "acme.test"); got > 80 {
		t.Errorf("%d %% alike", got)
	}
}
