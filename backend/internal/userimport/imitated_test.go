package userimport

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/domaintest"
)

// Kinds of hashes are counted at the next sign-in whenever an import brought twice as many, and at its end, also after an interruption;
// not after every batch.
func TestAnImportHasItsHashesCountedSeldom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.DB.Exec(t.Context(), "WITH one AS (INSERT INTO decoys (org_id, key) VALUES ($1, sha256('key')) RETURNING org_id) INSERT INTO decoy_shares (org_id, rp_id, counted_at) SELECT org_id, '#password-hashes', now() FROM one", w.acme.ID); err != nil {
		t.Fatal(err)
	}
	expired := func() bool {
		t.Helper()
		tag, err := w.DB.Exec(t.Context(), "UPDATE decoy_shares SET counted_at = now() WHERE org_id = $1 AND counted_at < '2000-01-01'", w.acme.ID)
		if err != nil {
			t.Fatal(err)
		}
		return tag.RowsAffected() == 1
	}
	const batches = 12
	lines := slices.Repeat([]string{`{"username": ""}`}, batches*MaximumBatch) // refused, and quick
	for batch := range batches {
		for n := range 3 {
			lines[batch*MaximumBatch+n] = fmt.Sprintf(`{"username": "person-%d-%d", "password_hash": "%s"}`, batch, n, bcrypted)
		}
	}
	var counted []int64
	note := func(progress Progress) error {
		if expired() {
			counted = append(counted, progress.Lines/MaximumBatch)
		}
		return nil
	}
	if _, _, err := w.file(t, func(f *File) { f.CheckOnly, f.after = true, note }, lines...); err != nil || len(counted) != 0 {
		t.Errorf("a check: %v, %v", counted, err)
	}
	stop := errors.New("stopped")
	if _, _, err := w.file(t, func(f *File) {
		f.after = func(progress Progress) error {
			if progress.Lines == 3*MaximumBatch {
				return stop
			}
			return note(progress)
		}
	}, lines...); !errors.Is(err, stop) || fmt.Sprint(counted) != "[1 2]" {
		t.Errorf("interrupted: %v, %v", counted, err)
	}
	if _, _, err := w.file(t, func(f *File) { f.after = note }, lines...); err != nil || fmt.Sprint(counted) != "[1 2 4 5 7 11 12]" {
		t.Errorf("resumed: %v, %v", counted, err)
	}
	if _, err := w.Imports.File(t.Context(), File{Source: strings.NewReader(`{"username": "without"}` + "\n"), OrgID: w.acme.ID, Actor: domaintest.Operator}); err != nil || expired() {
		t.Errorf("people without passwords are a reason to count: %v", err)
	}
	tail := slices.Repeat([]string{`{"username": ""}`}, 3*MaximumBatch)
	for batch := range 3 {
		tail[batch*MaximumBatch] = fmt.Sprintf(`{"username": "tail-%d", "password_hash": "%s"}`, batch, bcrypted)
	}
	if _, _, err := w.file(t, func(f *File) {
		f.after = func(progress Progress) error {
			if expired(); progress.Lines == 3*MaximumBatch {
				return stop
			}
			return nil
		}
	}, append(tail, `{"username": "the last"}`)...); !errors.Is(err, stop) {
		t.Fatal(err)
	}
	if _, _, err := w.file(t, nil, append(tail, `{"username": "the last"}`)...); err != nil || !expired() {
		t.Errorf("what an earlier run left was not counted at the end: %v", err)
	}
	for _, hash := range []string{"", bcrypted} {
		imported, _, err := w.People(t.Context(), domaintest.Operator, w.acme.ID, []Person{{Username: "one-" + fmt.Sprint(len(hash)), PasswordHash: hash}})
		if err != nil || imported != 1 || expired() != (hash != "") {
			t.Errorf("one call with the hash %q: %d, %v", hash, imported, err)
		}
	}
}
