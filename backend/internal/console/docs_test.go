package console

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/org"
)

func TestDocuments(t *testing.T) {
	tree := export()
	hashes := string(tree["csp-hashes.json"].Data)
	for name, content := range map[string]string{"docs.html": "overview", "docs/running.html": "running", "docs/decisions.html": "decisions", "docs/decisions/0001-one.html": "one"} {
		tree[name] = &fstest.MapFile{Data: []byte(content)}
		hashes = strings.Replace(hashes, `"files":{`, `"files":{"`+name+`":{"script":["sha256-`+name+`"]},`, 1)
	}
	tree["csp-hashes.json"] = &fstest.MapFile{Data: []byte(hashes)}
	read, err := indexFiles(tree)
	check(t, err)
	engine := gin.New()
	engine.RedirectTrailingSlash = false
	(&Console{Options: Options{URL: "https://console.example.test"}, host: "console.example.test", files: read}).Mount(engine)
	get := func(method, host, address string) *http.Response {
		recorder := httptest.NewRecorder()
		engine.ServeHTTP(recorder, httptest.NewRequest(method, "https://"+host+address, nil))
		return recorder.Result()
	}
	for address, want := range map[string]string{
		"/docs": "overview", "/docs/": "overview", "/docs/running": "running", "/docs/running/": "running", "/docs/decisions": "decisions",
		"/docs/decisions/": "decisions", "/docs/decisions/0001-one": "one",
		"/docs/nothing": "missing", "/docs/decisions/nothing": "missing", "/docs/../csp-hashes.json": "missing", "/docs/_": "missing",
	} {
		response := get(http.MethodGet, "console.example.test", address)
		if got := body(t, response); got != want || (want == "missing") != (response.StatusCode == http.StatusNotFound) {
			t.Errorf("%s: %d %q, want %q", address, response.StatusCode, got, want)
		}
	}
	if got := get(http.MethodGet, "console.example.test", "/docs/running").Header.Get("Content-Security-Policy"); !strings.Contains(got, "script-src 'self' 'sha256-docs/running.html'") {
		t.Errorf("a document's policy is %q", got)
	}
	if got := get(http.MethodGet, "id.example.test", "/docs/running"); got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "https://console.example.test/docs/running" {
		t.Errorf("on another host: %d %s", got.StatusCode, got.Header.Get("Location"))
	}
	if got := get(http.MethodPost, "console.example.test", "/docs/running"); got.StatusCode < 400 {
		t.Errorf("POST: %d", got.StatusCode)
	}
	if org.ValidateSlug("docs") == nil {
		t.Error("an organization could be named as the documents")
	}
}
