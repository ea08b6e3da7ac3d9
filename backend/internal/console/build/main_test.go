package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	put := func(folder, name, content string) {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := run(from, to); err == nil {
		t.Error("an unfinished export was taken")
	}
	put(to, ".gitkeep", "")
	put(to, "_next/static/chunks/old.js", "old")
	put(from, "csp-hashes.json", `{"version":1}`+strings.Repeat(" ", 2000))
	put(from, "console/orgs/_.html", strings.Repeat("page ", 1000))
	put(from, "_next/static/media/inter.woff2", strings.Repeat("font ", 1000))
	put(from, "small.txt", "small")
	if err := run(from, to); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		".gitkeep": true, "csp-hashes.json": true, "csp-hashes.json.br": false, "console/orgs/_.html": true, "console/orgs/_.html.br": true, "console/orgs/_.html.gz": true,
		"_next/static/media/inter.woff2": true, "_next/static/media/inter.woff2.gz": false, "small.txt": true, "small.txt.gz": false, "_next/static/chunks/old.js": false,
	} {
		if _, err := os.Stat(filepath.Join(to, name)); (err == nil) != want {
			t.Errorf("%s exists: %v, want %v", name, err == nil, want)
		}
	}
}
