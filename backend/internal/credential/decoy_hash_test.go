package credential_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/passwordhash"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// A bcrypt hash as another system made it, of this password.
const (
	bcrypted         = "$2b$05$abcdefghijklmnopqrstuusBhMwVUdQ3bksEQt2LfJd5JGybsuyt2"
	importedPassword = "Grüße-No-1843"
)

// workshop tells which work is done for somebody who types a name.
type workshop struct {
	*fixture
	hashes *passwordhash.Hasher
	made   int
}

func newWorkshop(t *testing.T) *workshop {
	w := &workshop{fixture: newFixture(t), hashes: hasher(t, cheap)}
	w.passwords = w.with(w.hashes)
	return w
}

// organization has a key of its own, which is the same in every run.
func (w *workshop) organization(slug string) *org.Organization {
	made := w.Organization(slug)
	w.exec("INSERT INTO decoys (org_id, key) VALUES ($1, sha256($2))", made.ID, []byte(slug))
	return made
}

func (w *workshop) exec(statement string, arguments ...any) {
	w.T.Helper()
	if _, err := w.DB.Exec(w.T.Context(), statement, arguments...); err != nil {
		w.T.Fatal(err)
	}
}

// imported makes people who came with hashes.
func (w *workshop) imported(of *org.Organization, domain string, hashes ...string) (people []*user.User) {
	w.T.Helper()
	all := map[uuid.UUID]string{}
	for _, encoded := range hashes {
		w.made++
		person := w.User(of, fmt.Sprintf("p%d@%s", w.made, domain))
		people, all[person.ID] = append(people, person), encoded
	}
	w.InTx(func(ctx context.Context, tx *store.Tx) error {
		if err := w.passwords.CopyIn(ctx, tx, of.ID, all); err != nil {
			return err
		}
		return w.passwords.ImitateImported(ctx, tx, of.ID)
	})
	return people
}

// signedUp makes people who chose a password here.
func (w *workshop) signedUp(of *org.Organization, number int, domain string) {
	w.T.Helper()
	for range number {
		w.made++
		person := w.User(of, fmt.Sprintf("p%d@%s", w.made, domain))
		w.exec(`INSERT INTO credentials (org_id, id, user_id, kind, secret) SELECT $1, gen_random_uuid(), $2, 'password', secret FROM credentials WHERE user_id = $3`,
			of.ID, person.ID, w.ada.ID)
	}
}

// attempt tries a password and tells by which scheme it was verified: once, by one.
func (w *workshop) attempt(of *org.Organization, identifier, tried string) (passwordhash.Scheme, error) {
	w.T.Helper()
	before, done := map[passwordhash.Scheme]uint64{}, passwordhash.Scheme("")
	for _, scheme := range passwordhash.Schemes() {
		before[scheme] = w.hashes.Verified(scheme)
	}
	_, err := w.passwords.Verify(w.T.Context(), credential.Attempt{OrgID: of.ID, Identifier: identifier, Password: tried})
	for _, scheme := range passwordhash.Schemes() {
		switch more := w.hashes.Verified(scheme) - before[scheme]; {
		case more == 1 && done == "":
			done = scheme
		case more > 0:
			w.T.Fatalf("for %q: %d more by %s, after %q", identifier, more, scheme, done)
		}
	}
	return done, err
}

// work is by which scheme a wrong password is verified.
func (w *workshop) work(of *org.Organization, identifier string) passwordhash.Scheme {
	w.T.Helper()
	done, err := w.attempt(of, identifier, "wrong")
	if err == nil || done == "" {
		w.T.Fatalf("for %q: %q, %v", identifier, done, err)
	}
	w.exec("DELETE FROM sign_in_failures") // nobody waits
	return done
}

// nobodies are by which scheme a wrong password is verified for names that nobody has.
func (w *workshop) nobodies(of *org.Organization, domain string) map[string]passwordhash.Scheme {
	w.T.Helper()
	all := map[string]passwordhash.Scheme{}
	for n := range 200 {
		identifier := fmt.Sprintf("nobody-%d@%s", n, domain)
		all[identifier] = w.work(of, identifier)
	}
	return all
}

// about checks how many of a hundred are bcrypt.
func about(t *testing.T, name string, got map[string]passwordhash.Scheme, want int) {
	t.Helper()
	found := 0
	for _, scheme := range got {
		if scheme == passwordhash.Bcrypt {
			found++
		} else if scheme != passwordhash.Argon2 {
			t.Errorf("%s: %s", name, scheme)
		}
	}
	if part := found * 100 / len(got); part < want-8 || part > want+8 {
		t.Errorf("%s: %d %% by bcrypt, want about %d %%", name, part, want)
	}
}

// kinds counts again and tells the shares of everybody.
func (w *workshop) kinds(of *org.Organization) map[string]float64 {
	w.T.Helper()
	w.Clock.Advance(61 * time.Minute)
	w.work(of, "nobody@elsewhere.test")
	rows, err := w.DB.Query(w.T.Context(), `SELECT s ->> 'hash', (s ->> 'part')::float8 FROM decoy_shares d, jsonb_array_elements(d.shares -> '') s WHERE d.org_id = $1`, of.ID)
	if err != nil {
		w.T.Fatal(err)
	}
	defer rows.Close()
	found := map[string]float64{}
	for rows.Next() {
		var kind string
		var part float64
		if err := rows.Scan(&kind, &part); err != nil {
			w.T.Fatal(err)
		}
		found[kind] = part
	}
	if rows.Err() != nil {
		w.T.Fatal(rows.Err())
	}
	return found
}

// kept is how many hashes begin so.
func (w *workshop) kept(of *org.Organization, with string) (number int) {
	w.T.Helper()
	if err := w.DB.QueryRow(w.T.Context(), "SELECT count(*) FROM credentials WHERE org_id = $1 AND starts_with(secret, $2)", of.ID, with).Scan(&number); err != nil {
		w.T.Fatal(err)
	}
	return number
}

func repeated(encoded string, number int) []string {
	return strings.Fields(strings.Repeat(encoded+" ", number))
}

// For a name that nobody has the work of a kind is done that people of the organization have, always of the same one.
func TestTheWorkForNobody(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	imported, empty, other := w.organization("imported"), w.organization("empty"), w.organization("other")
	people := w.imported(imported, "acme.test", repeated(bcrypted, 3)...)
	w.signedUp(imported, 1, "acme.test")
	w.imported(other, "acme.test", repeated(bcrypted, 20)...)
	nobodies := w.nobodies(imported, "acme.test")
	about(t, "three of four", nobodies, 70) // and one person more, of both
	about(t, "nobody at all", w.nobodies(empty, "acme.test"), 0)
	about(t, "another organization", w.nobodies(other, "acme.test"), 97)
	// Again, in capitals, at another replica.
	w.passwords = w.with(w.hashes)
	for identifier, scheme := range nobodies {
		if again := w.work(imported, "  "+strings.ToUpper(identifier)); again != scheme {
			t.Errorf("%s: %s, then %s", identifier, scheme, again)
		}
	}
	// Of people with a password it is their own, also when they may not sign in, and when it cannot be their password.
	w.exec("UPDATE users SET status = 'disabled' WHERE id = $1", people[0].ID)
	for _, person := range people {
		for _, tried := range []string{"wrong", "", strings.Repeat("x", 300), strings.Repeat("x", 2000), "\xff"} {
			if done, err := w.attempt(imported, person.Username, tried); err == nil || done != passwordhash.Bcrypt {
				t.Errorf("%.10q of %s: by %q, %v", tried, person.Username, done, err)
			}
			w.exec("DELETE FROM sign_in_failures")
		}
	}
	if scheme := w.work(imported, "p4@acme.test"); scheme != passwordhash.Argon2 {
		t.Errorf("who signed up: %s", scheme)
	}
	// Who exists without a password is like nobody: invited, with a passkey only, disabled.
	made := 0
	for identifier := range nobodies {
		person := w.User(imported, identifier)
		switch made++; made % 3 {
		case 0:
			w.exec("UPDATE users SET status = 'disabled' WHERE id = $1", person.ID)
		case 1:
			w.exec(`INSERT INTO passkeys (org_id, id, user_id, credential_id, public_key, rp_id, sign_count, aaguid, backup_eligible, backup_state, user_verified, attestation_format, name, created_at)
				VALUES ($1, gen_random_uuid(), $2, sha256($2::uuid::text::bytea), '\x00', 'id.example.test', 0, gen_random_uuid(), false, false, true, 'none', 'Key', now())`, imported.ID, person.ID)
		}
		if made == 60 {
			break
		}
	}
	for range 2 {
		for identifier, scheme := range nobodies {
			if again := w.work(imported, identifier); again != scheme {
				t.Errorf("%s: %s, without a password %s", identifier, scheme, again)
			}
		}
		w.Clock.Advance(61 * time.Minute) // they are not counted
	}
}

// The work for nobody changes when the people's does: at once with an import, and when it was counted again with sign-ins.
func TestTheWorkForNobodyFollowsThePeople(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	acme := w.organization("imported")
	w.signedUp(acme, 10, "acme.test")
	about(t, "before the import", w.nobodies(acme, "acme.test"), 0)
	people := w.imported(acme, "acme.test", repeated(bcrypted, 30)...)
	before := w.nobodies(acme, "acme.test")
	about(t, "after the import", before, 74)
	for _, person := range people[:20] {
		if done, err := w.attempt(acme, person.Username, importedPassword); err != nil || done != passwordhash.Bcrypt {
			t.Fatalf("%s: by %s, %v", person.Username, done, err)
		}
		if scheme := w.work(acme, person.Username); scheme != passwordhash.Argon2 {
			t.Fatalf("%s after the first sign-in: %s", person.Username, scheme)
		}
	}
	for identifier, scheme := range w.nobodies(acme, "acme.test") {
		if before[identifier] != scheme {
			t.Fatalf("%s: counted within the hour", identifier)
		}
	}
	w.Clock.Advance(61 * time.Minute)
	after := w.nobodies(acme, "acme.test")
	about(t, "after sign-ins", after, 26)
	for identifier, scheme := range after { // they change like people, whose hashes become ours
		if was := before[identifier]; was != scheme && scheme != passwordhash.Argon2 {
			t.Errorf("%s: %s became %s", identifier, was, scheme)
		}
	}
}

// Whoever makes many accounts does not move it; newcomers who were imported count, also after their first sign-in.
func TestTheWorkForNobodyAndSignUps(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	acme := w.organization("imported")
	w.signedUp(acme, 30, "acme.test")
	w.Clock.Advance(31 * 24 * time.Hour)
	people := w.imported(acme, "acme.test", repeated(bcrypted, 30)...)
	before := w.nobodies(acme, "acme.test")
	about(t, "imported yesterday", before, 50)
	w.signedUp(acme, 100, "acme.test")
	w.Clock.Advance(61 * time.Minute)
	for identifier, scheme := range w.nobodies(acme, "acme.test") {
		if before[identifier] != scheme {
			t.Fatalf("%s: sign-ups move the work", identifier)
		}
	}
	for _, person := range people[:20] {
		if _, err := w.attempt(acme, person.Username, importedPassword); err != nil {
			t.Fatal(err)
		}
	}
	w.Clock.Advance(61 * time.Minute)
	about(t, "after sign-ins", w.nobodies(acme, "acme.test"), 17)
	about(t, "another domain", w.nobodies(acme, "elsewhere.test"), 17)
	w.imported(acme, "corp.test", repeated(bcrypted, 10)...)
	about(t, "a domain of its own", w.nobodies(acme, "corp.test"), 94)
}

// Kinds are schemes with their parameters, of before or of other systems; those that are not verified count as new ones.
func TestTheKindsThatAreImitated(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	acme := w.organization("imported")
	kinds := func() map[string]float64 { return w.kinds(acme) }
	today := string(w.hashes.Kind())
	if found := kinds(); len(found) != 1 || found[today] != 1 {
		t.Errorf("nobody: %v", found)
	}
	of := func(parameters passwordhash.Parameters) string {
		encoded, err := hasher(t, parameters).Hash(t.Context(), acme.ID, password)
		if err != nil {
			t.Fatal(err)
		}
		return encoded
	}
	earlier := of(passwordhash.Parameters{Memory: 32, Passes: 1, Parallelism: 1})
	w.imported(acme, "acme.test", earlier, earlier, of(cheap))
	kind, err := passwordhash.KindOf(earlier)
	if err != nil {
		t.Fatal(err)
	}
	if found := kinds(); len(found) != 2 || found[string(kind)] != 2.5/4 || found[today] != 1.5/4 {
		t.Errorf("parameters of before: %v", found)
	}
	w.imported(acme, "acme.test", repeated("$2b$31$abcdefghijklmnopqrstuusBhMwVUdQ3bksEQt2LfJd5JGybsuyt2", 9)...) // as an earlier release may have let in
	w.imported(acme, "acme.test", repeated("no-hash", 9)...)
	if found := kinds(); len(found) != 2 || found[today] < 0.8 {
		t.Errorf("work that is not done: %v", found)
	}
	for passes := range 16 {
		for range 2 {
			w.imported(acme, "acme.test", of(passwordhash.Parameters{Memory: 16, Passes: uint32(passes + 1), Parallelism: 1}))
		}
	}
	w.imported(acme, "acme.test", earlier, bcrypted)
	if found := kinds(); len(found) != 16 || found[today] == 0 || found[string(kind)] == 0 || !strings.Contains(fmt.Sprint(found), "$2b$05$") || strings.Contains(fmt.Sprint(found), "$2b$31$") {
		t.Errorf("many kinds: %v", found)
	}
}

// Of a scheme with very many kinds those that are not imitated count as its most common one, which stays, and no scheme is lost.
func TestManyKindsOfOneScheme(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	acme := w.organization("imported")
	hashes := repeated(bcrypted, 2)
	for n := range 40 {
		hashes = append(hashes, repeated(fmt.Sprintf("$pbkdf2-sha256$%d$c2FsdHNhbHQ$%s", 100+n, strings.Repeat("B", 43)), 3)...)
	}
	w.imported(acme, "acme.test", hashes...)
	largest := func(found map[string]float64) (kind string) {
		for one, part := range found {
			if part > found[kind] {
				kind = one
			}
		}
		return kind
	}
	found, today, rounds := w.kinds(acme), string(w.hashes.Kind()), 0.0
	for kind, part := range found {
		if strings.HasPrefix(kind, "$pbkdf2-sha256$") {
			rounds += part
		}
	}
	most := largest(found)
	if len(found) != 16 || rounds < 0.95 || found[today] > 0.01 || !strings.Contains(fmt.Sprint(found), "$2b$05$") || found[most] < 0.6 {
		t.Errorf("%d kinds, %v of PBKDF2, %v of today: %v", len(found), rounds, found[today], found)
	}
	drawn := map[passwordhash.Scheme]int{}
	for _, scheme := range w.nobodies(acme, "acme.test") {
		drawn[scheme]++
	}
	if drawn[passwordhash.PBKDF2] < 180 {
		t.Errorf("drawn: %v", drawn)
	}
	// Somebody signs in whose kind is one of those beside the most common one.
	withoutSalt := func(kind string) string {
		return strings.TrimRight(strings.Replace(kind, "$AAAAAAAAAAA$", "$c2FsdHNhbHQ$", 1), "A")
	}
	signIn := func(kind string) {
		w.exec(`UPDATE credentials SET secret = $3 WHERE org_id = $1 AND id = (SELECT id FROM credentials WHERE org_id = $1 AND starts_with(secret, $2) LIMIT 1)`, acme.ID, withoutSalt(kind), today)
	}
	for kind := range found {
		if kind != most && strings.HasPrefix(kind, "$pbkdf2-sha256$") {
			signIn(kind)
			break
		}
	}
	if after := w.kinds(acme); !slices.Equal(slices.Sorted(maps.Keys(after)), slices.Sorted(maps.Keys(found))) {
		t.Errorf("%v are imitated, which were %v", after, found)
	}
	// Everybody of the most common one signs in, one after the other.
	for range 3 {
		signIn(most)
		if after := w.kinds(acme); largest(after) != most || after[most] < 0.6 {
			t.Errorf("after a sign-in: %s instead of %s", largest(after), most)
		}
	}
	if n := w.kept(acme, withoutSalt(most)); n != 0 {
		t.Errorf("%d people have the most common kind still", n)
	}
}

// Shares that were counted by the release before are read.
func TestSharesOfFirstWaysAsTheyWere(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	c.of("nobody@acme.test")
	c.exec(`UPDATE decoy_shares SET shares = '{"": [{"kind": "mail", "part": 0}, {"kind": "provider", "provider_id": "` + c.provider.String() + `", "part": 1}]}'`)
	for identifier, way := range c.decoys("acme.test") {
		if way != (credential.FirstWay{Kind: credential.ByProvider, ProviderID: c.provider}) {
			t.Fatalf("%s: %+v", identifier, way)
		}
	}
	var kinds int
	c.Clock.Advance(61 * time.Minute)
	c.of("nobody@acme.test")
	if err := c.DB.QueryRow(t.Context(), `SELECT count(*) FROM decoy_shares d, jsonb_array_elements(d.shares -> '') s WHERE s ? 'kind' AND s ? 'part' AND (s ? 'provider_id') = (s ->> 'kind' = 'provider')`).Scan(&kinds); err != nil || kinds != 4 {
		t.Errorf("%d, %v", kinds, err)
	}
}
