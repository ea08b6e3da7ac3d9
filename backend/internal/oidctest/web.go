package oidctest

import (
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/fetch"
)

// Web is a web server over TLS for what the provider fetches: key sets, sector identifiers, pictures. It is safe for
// concurrent use.
type Web struct {
	URL string // https://host:port

	mu       sync.Mutex
	handlers map[string]http.HandlerFunc
	requests map[string]int
}

// patience is for what tests fetch: a loaded machine takes longer than people wait.
const patience = time.Minute

// newWeb starts a web server and makes a client that trusts and reaches it.
func newWeb(t testing.TB) (*Web, *fetch.Client) {
	web := &Web{handlers: map[string]http.HandlerFunc{}, requests: map[string]int{}}
	server := httptest.NewTLSServer(web)
	t.Cleanup(server.Close)
	web.URL = server.URL
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return web, fetch.New(fetch.Options{AllowedNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Roots: roots, Timeout: patience})
}

// Handle answers a path and returns its address.
func (w *Web) Handle(path string, handler http.HandlerFunc) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.handlers[path] = handler
	return w.URL + path
}

// Document serves a document at a path and returns its address.
func (w *Web) Document(path, contentType, content string) string {
	return w.Handle(path, func(answer http.ResponseWriter, _ *http.Request) {
		answer.Header().Set("Content-Type", contentType)
		_, _ = answer.Write([]byte(content))
	})
}

// Requests is how often a path was asked for.
func (w *Web) Requests(path string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.requests[path]
}

// ServeHTTP implements http.Handler.
func (w *Web) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	w.mu.Lock()
	w.requests[request.URL.Path]++
	handler := w.handlers[request.URL.Path]
	w.mu.Unlock()
	if handler == nil {
		http.NotFound(answer, request)
		return
	}
	handler(answer, request)
}
