package userimport

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/passwordhash"
	"github.com/clavex/clavex/backend/internal/user"
)

const bcrypted = "$2b$05$abcdefghijklmnopqrstuusBhMwVUdQ3bksEQt2LfJd5JGybsuyt2" // of Grüße-No-1843

type world struct {
	*domaintest.World
	*Imports
	passwords *credential.Passwords
	acme      *org.Organization
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{World: domaintest.New(t)}
	queue, err := passwordhash.NewQueue(passwordhash.Limits{Concurrency: 2, PerOrganization: 100, Total: 100}, time.Now, nil)
	if err != nil {
		t.Fatal(err)
	}
	hashes, err := passwordhash.NewHasher(passwordhash.Parameters{Memory: 64, Passes: 1, Parallelism: 1}, queue, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w.passwords = credential.NewPasswords(w.DB, w.Users, w.Sessions, w.Audit, w.Clock.Now, hashes, w.Ring, rand.Reader)
	w.Imports = New(w.DB, w.Users, w.passwords, w.Audit, w.Clock.Now)
	w.acme = w.Organization("acme")
	return w
}

// file imports lines.
func (w *world) file(t *testing.T, change func(*File), lines ...string) (progress Progress, refused []string, err error) {
	t.Helper()
	file := File{Source: strings.NewReader(strings.Join(lines, "\n") + "\n"), OrgID: w.acme.ID, Actor: domaintest.Operator, Refused: func(refusal Refusal, line []byte) {
		if !bytes.Equal(line, bytes.TrimSpace([]byte(lines[refusal.Place-1]))) {
			t.Errorf("line %d is told as %s", refusal.Place, line)
		}
		refused = append(refused, fmt.Sprintf("%d %s %s", refusal.Place, refusal.Fault.Code, refusal.Fault.Field))
	}}
	if change != nil {
		change(&file)
	}
	progress, err = w.File(t.Context(), file)
	return progress, refused, err
}

func (w *world) count(t *testing.T, query string) (n int) {
	t.Helper()
	if err := w.DB.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAFileIsImportedWithItsFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := uuid.New()
	lines := []string{
		fmt.Sprintf(`{"id": "%s", "username": "eva", "email": "eva@acme.test", "email_verified": true, "profile": {"name": "Eva Rossi"}, "attributes": {"team": "blue"}, "password_hash": "%s"}`, id, bcrypted),
		``,
		`{"username": "hans", "status": "disabled"}`,
		`{"username": "EVA"}`,
		`{"username": "twice", "email": "Eva@acme.test"}`,
		`{"username": "broken"`,
		`{"username": "unknown", "shoe_size": 43}`,
		`{"username": "typed", "email_verified": "yes"}`,
		`{"username": "md5", "password_hash": "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/"}`,
		`{"username": "no-address", "email": "nowhere"}`,
		`{"username": ""}`,
		fmt.Sprintf(`{"id": "%s", "username": "same-id"}`, id),
		`{"username": "last"} {"username": "and another"}`,
	}
	checked, would, err := w.file(t, func(f *File) { f.CheckOnly = true }, lines...)
	if err != nil || checked.Imported != 2 || w.count(t, "SELECT count(*) FROM users WHERE username IN ('eva', 'hans')") != 0 || w.count(t, "SELECT count(*) FROM user_imports") != 0 {
		t.Errorf("checking wrote something: %+v, %v", checked, err)
	}
	progress, refused, err := w.file(t, nil, lines...)
	want := []string{"4 username_taken username", "5 email_taken email", "6 line_malformed ", "7 line_malformed ", "8 line_malformed email_verified", "9 password_hash_unreadable password_hash",
		"10 email_invalid email", "11 username_invalid username", "12 id_taken id", "13 line_malformed "}
	if err != nil || progress.Imported != 2 || progress.Refused != 10 || progress.Lines != 13 || strings.Join(refused, ";") != strings.Join(want, ";") || strings.Join(would, ";") != strings.Join(want, ";") {
		t.Fatalf("%+v, %v:\n%s\n%s", progress, err, strings.Join(refused, "\n"), strings.Join(would, "\n"))
	}
	eva, err := w.Users.ByID(t.Context(), w.DB, w.acme.ID, id)
	if err != nil || eva.Username != "eva" || !eva.EmailVerified || eva.Profile.Name != "Eva Rossi" || eva.Attributes["team"] != "blue" || eva.Status != user.Active {
		t.Errorf("%+v, %v", eva, err)
	}
	if hans, _, err := w.Users.ByIdentifier(t.Context(), w.DB, w.acme.ID, "hans"); err != nil || hans.Status != user.Disabled {
		t.Errorf("%+v, %v", hans, err)
	}
	t.Run("who signs in gets one of our hashes", func(t *testing.T) {
		for _, try := range []string{"wrong", "Grüße-No-1843", "Grüße-No-1843"} {
			_, err := w.passwords.Verify(t.Context(), credential.Attempt{OrgID: w.acme.ID, Identifier: "eva", Password: try, BrowserHash: []byte("browser")})
			if (err == nil) != (try != "wrong") {
				t.Errorf("%s: %v", try, err)
			}
		}
		var stored string
		if err := w.DB.QueryRow(t.Context(), "SELECT secret FROM credentials WHERE user_id = $1", id).Scan(&stored); err != nil || !strings.HasPrefix(stored, "$argon2id$") {
			t.Errorf("%s, %v", stored, err)
		}
	})
	t.Run("it is recorded, without hashes", func(t *testing.T) {
		if n := w.count(t, "SELECT count(*) FROM audit_events WHERE action = 'users.imported' AND (details ->> 'imported')::int = 2 AND details::text NOT LIKE '%$2b$%'"); n != 1 {
			t.Errorf("%d events", n)
		}
	})
	t.Run("the same file again", func(t *testing.T) {
		if _, _, err := w.file(t, nil, lines...); !errors.Is(err, ErrFinished) {
			t.Errorf("%v", err)
		}
	})
	t.Run("another organization has people of its own", func(t *testing.T) {
		rival := w.Organization("rival")
		if imported, refused, err := w.People(t.Context(), domaintest.Operator, rival.ID, []Person{{ID: id, Username: "eva", Email: "eva@acme.test"}}); imported != 1 || len(refused) != 0 || err != nil {
			t.Errorf("%d %v %v", imported, refused, err)
		}
	})
}

func TestAnImportThatWasInterruptedGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lines := make([]string, 2*MaximumBatch+500)
	for i := range lines {
		lines[i] = fmt.Sprintf(`{"username": "person-%d", "password_hash": "%s"}`, i, bcrypted)
	}
	lines[MaximumBatch+1] = `{"username": "person-0"}`
	interrupted := errors.New("the power went out")
	progress, _, err := w.file(t, func(f *File) { f.after = func(Progress) error { return interrupted } }, lines...)
	if !errors.Is(err, interrupted) || progress.Lines != MaximumBatch {
		t.Fatalf("%+v, %v", progress, err)
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	if _, err := w.File(ended, File{Source: strings.NewReader(strings.Join(lines, "\n") + "\n"), OrgID: w.acme.ID, Actor: domaintest.Operator}); err == nil {
		t.Error("an import that was stopped ended well")
	}
	if n := w.count(t, "SELECT count(*) FROM users WHERE username LIKE 'person-%'"); n != MaximumBatch {
		t.Fatalf("%d people after the interruption", n)
	}
	progress, refused, err := w.file(t, nil, lines...)
	if err != nil || progress.Resumed != MaximumBatch || progress.Imported != int64(len(lines)-1) || strings.Join(refused, ";") != fmt.Sprintf("%d username_taken username", MaximumBatch+2) {
		t.Fatalf("%+v %v %v", progress, refused, err)
	}
	if people, passwords := w.count(t, "SELECT count(*) FROM users WHERE username LIKE 'person-%'"), w.count(t, "SELECT count(*) FROM credentials"); people != len(lines)-1 || passwords < people {
		t.Errorf("%d people, %d passwords", people, passwords)
	}
}

func TestACheckFindsWhatIsTwiceInDifferentBatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := uuid.New()
	lines := make([]string, 2*MaximumBatch+4)
	for i := range lines {
		lines[i] = fmt.Sprintf(`{"username": "person-%d"}`, i)
	}
	lines[0] = fmt.Sprintf(`{"username": "person-0", "email": "first@acme.test", "id": "%s"}`, id)
	lines[1] = `{"username": ""}`
	lines[MaximumBatch+1] = `{"username": "Person-0"}`
	lines[MaximumBatch+2] = `{"username": "other", "email": "First@acme.test"}`
	lines[MaximumBatch+3] = fmt.Sprintf(`{"username": "another", "id": "%s"}`, id)
	lines[2*MaximumBatch+1] = `{"username": "other"}` // the one before was refused
	lines[2*MaximumBatch+2] = `{"username": "person-7"}`
	checked, would, err := w.file(t, func(f *File) { f.CheckOnly = true }, lines...)
	if err != nil || w.count(t, "SELECT count(*) FROM users WHERE username LIKE 'person-%'") != 0 {
		t.Errorf("checking wrote something: %+v, %v", checked, err)
	}
	progress, refused, err := w.file(t, nil, lines...)
	if err != nil || len(refused) != 5 || strings.Join(would, ";") != strings.Join(refused, ";") || checked != progress {
		t.Errorf("%v: checked %+v:\n%s\nimported %+v:\n%s", err, checked, strings.Join(would, "\n"), progress, strings.Join(refused, "\n"))
	}
}

func TestTwoImportsOfOneFileAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lines := make([]string, MaximumBatch+10)
	for i := range lines {
		lines[i] = fmt.Sprintf(`{"username": "person-%d"}`, i)
	}
	var all sync.WaitGroup
	errs := make([]error, 3)
	for i := range errs {
		all.Go(func() {
			_, errs[i] = w.File(t.Context(), File{Source: strings.NewReader(strings.Join(lines, "\n")), OrgID: w.acme.ID, Actor: domaintest.Operator})
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil && !errors.Is(err, ErrElsewhere) && !errors.Is(err, ErrFinished) {
			t.Error(err)
		}
	}
	if n := w.count(t, "SELECT count(*) FROM users WHERE username LIKE 'person-%'"); n != len(lines) {
		t.Errorf("%d people", n)
	}
	if n := w.count(t, "SELECT imported FROM user_imports WHERE finished"); n != len(lines) {
		t.Errorf("%d are said to be imported", n)
	}
}

func TestLinesThatAreTooLong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, _, err := w.file(t, nil, `{"username": "a"}`, `{"username": "`+strings.Repeat("x", maximumLine)+`"}`); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("%v", err)
	}
	if n := w.count(t, "SELECT count(*) FROM users WHERE username = 'a'"); n != 0 {
		t.Error("something was imported of a file that cannot be read")
	}
}
