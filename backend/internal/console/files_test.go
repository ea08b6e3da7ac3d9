package console

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/clavex/clavex/backend/internal/org"
)

// export is a small export with every kind of file.
func export() fstest.MapFS {
	file := func(content string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(content)} }
	var zipped bytes.Buffer
	writer := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(writer, "script")
	_ = writer.Close()
	tree := fstest.MapFS{
		"console.html": file("home"), "console.txt": file("home data"), "404.html": file("missing"), "console/__next._tree.txt": file("home tree"),
		"console/orgs.html": file("orgs"), "console/orgs.txt": file("orgs data"), "console/orgs/_.html": file("org"), "console/orgs/_.txt": file("org data"),
		"console/orgs/_/users.html": file("users"), "console/orgs/_/users/_.html": file("user"), "console/orgs/_/users/_.txt": file("user data"),
		"console/orgs/_/users/new.html": file("new user"), "console/orgs/_/users/_/__next._tree.txt": file("user tree"),
		"console/orgs/_/users/_/__next.console.orgs.$d$org.users.$d$user.__PAGE__.txt": file("user page"),
		"console/icon.svg": file("<svg/>"), "_next/static/chunks/a1b2.js": file("script"), "_next/static/chunks/a1b2.js.gz": {Data: zipped.Bytes()},
		"_next/static/chunks/a1b2.js.br": file("brotli"), "csp-hashes.json": nil,
	}
	hashes := `{"version":1,"files":{`
	for name := range tree {
		if strings.HasSuffix(name, ".html") {
			hashes += `"` + name + `":{"script":["sha256-` + name + `"]},`
		}
	}
	tree["csp-hashes.json"] = file(strings.TrimSuffix(hashes, ",") + "}}")
	return tree
}

func ask(t *testing.T, f *files, method, address string, header ...string) *http.Response {
	t.Helper()
	request := httptest.NewRequest(method, address, nil)
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	recorder := httptest.NewRecorder()
	check(t, f.serve(recorder, request))
	return recorder.Result()
}

func body(t *testing.T, response *http.Response) string {
	t.Helper()
	content, err := io.ReadAll(response.Body)
	check(t, err)
	return string(content)
}

func TestAddressesFindTheirFile(t *testing.T) {
	f, err := indexFiles(export())
	check(t, err)
	for address, want := range map[string]string{
		"/console": "home", "/console/": "home", "/console.txt": "home data", "/console/__next._tree.txt": "home tree", "/console/orgs": "orgs", "/console/orgs.txt": "orgs data",
		"/console/orgs/acme": "org", "/console/orgs/acme/": "org", "/console/orgs/acme.txt": "org data", "/console/orgs/acme/users": "users",
		"/console/orgs/acme/users/0193588f-4c00-7a10-8b5e-2f6d1c9a0101":                    "user",
		"/console/orgs/acme/users/0193588f-4c00-7a10-8b5e-2f6d1c9a0101.txt":                "user data",
		"/console/orgs/acme/users/0193588f-4c00-7a10-8b5e-2f6d1c9a0101/__next._tree.txt":   "user tree",
		"/console/orgs/acme/users/x/__next.console.orgs.$d$org.users.$d$user.__PAGE__.txt": "user page", "/console/orgs/acme/users/new": "new user",
		"/console/icon.svg": "<svg/>", "/_next/static/chunks/a1b2.js": "script",
		// What does not exist.
		"/console/nothing": "missing", "/console/orgs/acme/nothing": "missing", "/console/orgs/acme/users/x/y": "missing", "/console/csp-hashes.json": "missing",
		"/console/../console": "missing", "/console/orgs/../../csp-hashes.json": "missing", "/_next/static/chunks/other.js": "not found\n", "/console/nothing.txt": "not found\n",
		"/_next/static/chunks/a1b2.js.br": "not found\n", "/console/404": "missing",
	} {
		response := ask(t, f, http.MethodGet, "http://x"+address)
		got, missing := body(t, response), want == "missing" || want == "not found\n"
		if got != want || missing != (response.StatusCode == http.StatusNotFound) {
			t.Errorf("%s: %d %q, want %q", address, response.StatusCode, got, want)
		}
	}
}

func TestHeadersOfFiles(t *testing.T) {
	f, err := indexFiles(export())
	check(t, err)
	page := ask(t, f, http.MethodGet, "/console/orgs/acme")
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
		"Cross-Origin-Opener-Policy": "same-origin",
		"Content-Security-Policy": "default-src 'none'; script-src 'self' 'sha256-console/orgs/_.html'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; " +
			"connect-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
	} {
		if got := page.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	tag := page.Header.Get("ETag")
	if again := ask(t, f, http.MethodGet, "/console/orgs/acme", "If-None-Match", tag); again.StatusCode != http.StatusNotModified || body(t, again) != "" {
		t.Errorf("the same again: %d", again.StatusCode)
	}
	if other := ask(t, f, http.MethodGet, "/console/orgs", "If-None-Match", tag); other.StatusCode != http.StatusOK {
		t.Errorf("another page under the same tag: %d", other.StatusCode)
	}
	script := ask(t, f, http.MethodGet, "/_next/static/chunks/a1b2.js", "Accept-Encoding", "gzip")
	if script.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" || script.Header.Get("Content-Encoding") != "gzip" || script.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("a script: %v", script.Header)
	}
	if best := ask(t, f, http.MethodGet, "/_next/static/chunks/a1b2.js", "Accept-Encoding", "gzip, deflate, br;q=0.9"); best.Header.Get("Content-Encoding") != "br" || body(t, best) != "brotli" {
		t.Errorf("the best coding: %v", best.Header)
	}
	if refused := ask(t, f, http.MethodGet, "/_next/static/chunks/a1b2.js", "Accept-Encoding", "br;q=0, *"); refused.Header.Get("Content-Encoding") != "" || body(t, refused) != "script" {
		t.Errorf("a refused coding: %v", refused.Header)
	}
	if head := ask(t, f, http.MethodHead, "/console"); head.StatusCode != 200 || head.Header.Get("Content-Length") != "4" || body(t, head) != "" {
		t.Errorf("HEAD: %d %v", head.StatusCode, head.Header)
	}
	if missing := ask(t, f, http.MethodGet, "/_next/static/chunks/other.js"); missing.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a missing chunk is stored: %v", missing.Header)
	}
}

func TestWithoutABuildAPageTellsHowToMakeOne(t *testing.T) {
	f, err := indexFiles(fstest.MapFS{".gitkeep": {}})
	check(t, err)
	response := ask(t, f, http.MethodGet, "/console/")
	if response.StatusCode != http.StatusNotFound || !strings.Contains(body(t, response), "make build") {
		t.Errorf("%d", response.StatusCode)
	}
}

func TestABrokenBuildIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(fstest.MapFS){
		"a page without hashes": func(tree fstest.MapFS) { tree["console/more.html"] = &fstest.MapFile{} },
		"another version":       func(tree fstest.MapFS) { tree["csp-hashes.json"] = &fstest.MapFile{Data: []byte(`{"version":2}`)} },
		"no JSON":               func(tree fstest.MapFS) { tree["csp-hashes.json"] = &fstest.MapFile{Data: []byte(`{`)} },
	} {
		tree := export()
		spoil(tree)
		if _, err := indexFiles(tree); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Whatever this binary embeds can be indexed, and every address at the root that it needs is reserved.
func TestTheEmbeddedFiles(t *testing.T) {
	f, err := openFiles()
	check(t, err)
	for _, name := range f.atRoot() {
		if org.ValidateSlug(name) == nil {
			t.Errorf("an organization could be named %s", name)
		}
	}
	if org.ValidateSlug("console") == nil || org.ValidateSlug("_next") == nil {
		t.Error("an organization could be named as the console")
	}
}
