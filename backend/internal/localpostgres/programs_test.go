//go:build unix

package localpostgres

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// served returns a repository that answers every address with the file, and the archive to ask it for.
func served(t *testing.T, name string, answer func(w http.ResponseWriter, content []byte)) (archive, Options) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if want := "/maven2/io/zonky/test/postgres/embedded-postgres-binaries-test/18.6.0/embedded-postgres-binaries-test-18.6.0.jar"; r.URL.Path != want {
			t.Errorf("asked for %s, want %s", r.URL.Path, want)
		}
		answer(w, content)
	}))
	t.Cleanup(server.Close)
	digest := sha256.Sum256(content)
	who, err := serverAccount()
	if err != nil {
		t.Fatal(err)
	}
	return archive{build: "test", version: "18.6.0", sha256: hex.EncodeToString(digest[:]), size: int64(len(content))},
		Options{Repository: server.URL + "/maven2/", account: who, Progress: func(string) {}}
}

func whole(w http.ResponseWriter, content []byte) { _, _ = w.Write(content) }

func TestFetch(t *testing.T) {
	t.Parallel()
	wanted, options := served(t, "archive.jar", whole)
	root := filepath.Dir(place(t))
	dir, err := fetch(t.Context(), wanted, root, options)
	if err != nil {
		t.Fatal(err)
	}
	found, err := inspect(dir, options.account) // runs as PostgreSQL's user: its modes in the archive would keep that out
	if err != nil || found.version != "18.6" || found.major != 18 {
		t.Errorf("inspect = %+v, %v", found, err)
	}
	for name, want := range map[string]os.FileMode{"bin/postgres": 0o755, "lib/libthing.so.1": 0o644, "lib/libthing.so": 0o644} {
		if info, err := os.Stat(filepath.Join(filepath.Dir(dir), name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(root, fetchPrefix+"*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestFetchTwiceAtOnce(t *testing.T) {
	t.Parallel()
	wanted, options := served(t, "archive.jar", whole)
	root := filepath.Dir(place(t))
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() {
			if _, err := fetch(t.Context(), wanted, root, options); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
}

func TestFetchTriesAgain(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	wanted, options := served(t, "archive.jar", func(w http.ResponseWriter, content []byte) {
		switch asked.Add(1) {
		case 1:
			http.Error(w, "later", http.StatusServiceUnavailable)
		case 2: // breaks off in the middle
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			_, _ = w.Write(content[:len(content)/2])
			panic(http.ErrAbortHandler)
		default:
			whole(w, content)
		}
	})
	if _, err := fetch(t.Context(), wanted, filepath.Dir(place(t)), options); err != nil || asked.Load() != 3 {
		t.Errorf("err = %v after %d attempts", err, asked.Load())
	}
}

func TestFetchRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, file, want string
		answer           func(w http.ResponseWriter, content []byte)
	}{
		{"another content", "archive.jar", "not the published archive", func(w http.ResponseWriter, content []byte) {
			whole(w, append([]byte("x"), content[1:]...))
		}},
		{"endless content", "archive.jar", "not the published archive", func(w http.ResponseWriter, content []byte) {
			for range 1000 {
				if _, err := w.Write(content); err != nil {
					return
				}
			}
		}},
		{"not there", "archive.jar", "404", func(w http.ResponseWriter, _ []byte) { http.Error(w, "no", http.StatusNotFound) }},
		{"a path that leaves the folder", "escape-parent.jar", "escapes", whole},
		{"a link that leaves the folder", "escape-link.jar", "escapes", whole},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			wanted, options := served(t, test.file, func(w http.ResponseWriter, content []byte) {
				asked.Add(1)
				test.answer(w, content)
			})
			root := filepath.Dir(place(t))
			_, err := fetch(t.Context(), wanted, root, options)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("err = %v, want %q", err, test.want)
			}
			if asked.Load() != 1 {
				t.Errorf("asked %d times for what cannot get better", asked.Load())
			}
			entries, readErr := os.ReadDir(root)
			if readErr != nil || len(entries) != 0 {
				t.Errorf("left behind: %v, %v", entries, readErr)
			}
			if _, err := os.Stat("/tmp/clavex-escaped"); err == nil {
				t.Error("a file outside was written")
			}
		})
	}
}

func TestNothingFoundAndNothingFetched(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	dir := place(t)
	old := filepath.Join(filepath.Dir(filepath.Dir(dir)), "old")
	if err := os.Mkdir(old, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, script := range map[string]string{"postgres": "echo 'postgres (PostgreSQL) 9.6.24'", "initdb": ""} {
		if err := os.WriteFile(filepath.Join(old, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Start(t.Context(), Options{DataDir: dir, SearchPath: []string{old}, Repository: server.URL, binaryRoot: filepath.Join(filepath.Dir(dir), "programs")})
	var missing *NotFoundError
	if !errors.As(err, &missing) || !strings.Contains(err.Error(), "9.6.24") || !strings.Contains(err.Error(), "apt-get install postgresql") {
		t.Errorf("err = %v", err)
	}
}

func TestDataDecidesWhichVersion(t *testing.T) {
	t.Parallel()
	base := filepath.Dir(filepath.Dir(place(t)))
	var dirs []string
	for _, version := range []string{"14.1", "18beta1", "16.4", "15.8 (Debian 15.8-1)"} {
		dir := filepath.Join(base, "pg"+version[:2])
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"postgres", "initdb"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho 'postgres (PostgreSQL) "+version+"'\n"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		dirs = append(dirs, dir)
	}
	who, err := serverAccount()
	if err != nil {
		t.Fatal(err)
	}
	options := Options{SearchPath: dirs, account: who, binaryRoot: base}
	for data, want := range map[int]string{0: "18beta1", 16: "16.4", 15: "15.8"} {
		if found, err := findPrograms(t.Context(), options, data); err != nil || found.version != want {
			t.Errorf("for data of %d: %+v, %v; want %s", data, found, err, want)
		}
	}
	var wrong *VersionError
	if _, err := findPrograms(t.Context(), options, 17); !errors.As(err, &wrong) || len(wrong.Found) != 4 {
		t.Errorf("for data of 17: %v", err)
	}
}

func TestSpace(t *testing.T) {
	t.Parallel()
	var full *SpaceError
	if err := requireSpace("/", 1<<62); !errors.As(err, &full) || !strings.Contains(err.Error(), "MiB free") {
		t.Errorf("err = %v", err)
	}
	if err := requireSpace("/", 1); err != nil {
		t.Error(err)
	}
	if err := explain(errors.New("exit status 1"), "PANIC:  could not write to file: No space left on device"); !strings.HasPrefix(err.Error(), "the disk is full") {
		t.Errorf("err = %v", err)
	}
}

func TestFolderClosedToPostgreSQL(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("an ordinary user runs PostgreSQL himself")
	}
	dir := place(t)
	closed := filepath.Dir(filepath.Dir(dir))
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), quick(dir))
	if err == nil || !strings.Contains(err.Error(), "may not enter "+closed) {
		t.Errorf("err = %v", err)
	}
	if _, err := os.Stat(filepath.Dir(dir)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was made there: %v", err)
	}
}
