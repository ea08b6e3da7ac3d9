package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestImportingPeople(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.succeed(t, "org", "create", "acme")
	name, refused := filepath.Join(t.TempDir(), "people.jsonl"), filepath.Join(t.TempDir(), "refused.jsonl")
	const lines = `{"username": "eva", "password_hash": "$2b$05$abcdefghijklmnopqrstuusBhMwVUdQ3bksEQt2LfJd5JGybsuyt2"}
{"username": "hans", "password_hash": "plain text"}
{"username": "lea", "shoe_size": 43}
`
	if err := os.WriteFile(name, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := i.succeed(t, "user", "import", "--org", "acme", name, "--check"); !strings.HasPrefix(got.stdout, "Would import 1 of 3 lines, refused 2.") {
		t.Errorf("%s", got.stdout)
	}
	var result importResult
	i.succeed(t, "user", "import", "--org", "acme", name, "--refused", refused, "--json").decode(t, &result)
	if result.Imported != 1 || result.Refused != 2 || len(result.Faults) != 2 || result.Faults[0].Line != 2 || result.Faults[0].Field != "password_hash" || result.Faults[0].Username != "hans" {
		t.Errorf("%+v", result)
	}
	kept, err := os.ReadFile(refused)
	if err != nil || string(kept) != strings.Join(strings.Split(lines, "\n")[1:], "\n") {
		t.Errorf("%s, %v", kept, err)
	}
	if info, err := os.Stat(refused); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if got := i.run(t, "user", "import", "--org", "acme", name); got.code != exitFailed || !strings.Contains(got.stderr, "import_finished") {
		t.Errorf("exit code %d: %s", got.code, got.stderr)
	}
	if got := i.run(t, "user", "import", "--org", "acme", filepath.Join(t.TempDir(), "nowhere")); got.code != exitFailed || !strings.Contains(got.stderr, "nowhere") {
		t.Errorf("exit code %d: %s", got.code, got.stderr)
	}
	if got := i.succeed(t, "user", "show", "--org", "acme", "eva"); !strings.Contains(got.stdout, "eva") {
		t.Errorf("%s", got.stdout)
	}
}
