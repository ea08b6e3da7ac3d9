package fido_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/fetch"
	"github.com/clavex/clavex/backend/internal/fido"
	"github.com/clavex/clavex/backend/internal/fidotest"
	"github.com/clavex/clavex/backend/internal/jobs"
)

// publisher answers as whoever publishes BLOBs does, and remembers what it was asked.
type publisher struct {
	server *httptest.Server
	serve  http.HandlerFunc
	asked  []http.Header
}

func newPublisher(t *testing.T) *publisher {
	p := &publisher{}
	p.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked = append(p.asked, r.Header)
		p.serve(w, r)
	}))
	t.Cleanup(p.server.Close)
	return p
}

// document answers with a document and a tag, or that it has not changed.
func document(content, tag string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write([]byte(content))
	}
}

// fetching are models whose metadata comes from an address; authority is who vouches for its server.
func fetching(w *domaintest.World, address string, authority *x509.Certificate) *fido.Models {
	w.T.Helper()
	roots := x509.NewCertPool()
	if authority != nil {
		roots.AddCert(authority)
	}
	client := fetch.New(fetch.Options{AllowedNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Roots: roots, Timeout: time.Minute})
	queue, err := jobs.New(w.DB, jobs.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		w.T.Fatal(err)
	}
	return fido.New(w.DB, w.Hub, w.Organizations, client, queue, slog.New(slog.DiscardHandler), w.Clock.Now, fido.Source{URL: address, Trust: trust(w.T, w.Metadata.Root.PEM(), nil)})
}

// FIDO Metadata Service 3 §3.1.8 step 1: over TLS, only what has changed (RFC 9110 §13.1.2).
func TestFetchingTheBLOB(t *testing.T) {
	t.Parallel()
	w, service := domaintest.New(t), newPublisher(t)
	address := service.server.URL + "/blob"
	of := fetching(w, address, service.server.Certificate())
	look := func(name string, serve http.HandlerFunc, changed bool, number int64, condition string) {
		t.Helper()
		service.serve = serve
		w.Clock.Advance(time.Minute)
		got, err := of.Refresh(t.Context())
		if err != nil || got != changed {
			t.Errorf("%s: %v %v", name, got, err)
		}
		status, err := of.Status(t.Context())
		if err != nil || status.Number != number || status.LastError != "" || status.Source != address || w.Clock.Now().Sub(status.CheckedAt) > time.Minute-time.Second {
			t.Errorf("%s: %+v %v", name, status, err)
		}
		if sent := service.asked[len(service.asked)-1]; sent.Get("If-None-Match") != condition || sent.Get("Accept-Encoding") != "identity" {
			t.Errorf("%s: %v", name, sent)
		}
	}
	first, second := w.Metadata.BLOB(1), w.Metadata.BLOB(2, fidotest.Entry{Model: fidotest.NewModel("A key")})
	look("the first", document(first, `"one"`), true, 1, "")
	look("the same", document(first, `"one"`), false, 1, `"one"`)
	look("still the same", document(first, `"one"`), false, 1, `"one"`)
	look("a newer one", document(second, `"two"`), true, 2, `"one"`)
	look("signed again", document(second+"\n", `"three"`), false, 2, `"two"`)
	look("that one", document(second, `"three"`), false, 2, `"three"`)
	elsewhere := fetching(w, service.server.URL+"/elsewhere", service.server.Certificate())
	if _, err := elsewhere.Refresh(t.Context()); err != nil || service.asked[len(service.asked)-1].Get("If-None-Match") != "" {
		t.Errorf("the tag of another address is sent: %v", err)
	}
	service.serve = func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/blob" {
			http.Redirect(w, r, "/moved", http.StatusFound)
			return
		}
		document(second, `"four"`)(w, r)
	}
	if _, err := of.Refresh(t.Context()); err != nil {
		t.Errorf("it has moved: %v", err)
	}
}

// What answers otherwise changes nothing, and is told.
func TestWhatIsNotTheBLOB(t *testing.T) {
	t.Parallel()
	w, service := domaintest.New(t), newPublisher(t)
	of := fetching(w, service.server.URL, service.server.Certificate())
	service.serve = document(w.Metadata.BLOB(5), `"five"`)
	if _, err := of.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	body := func(content string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(content)) }
	}
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		want  error
	}{
		"a page":          {body("<html>Sign in to the network</html>"), fido.ErrNoBLOB},
		"nothing":         {body(""), fido.ErrNoBLOB},
		"of another root": {body(fidotest.NewService().BLOB(6)), fido.ErrUntrusted},
		"an older one":    {body(w.Metadata.BLOB(4)), fido.ErrOlder},
		"an error": {func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, w.Header().Get("x"), http.StatusBadGateway)
		}, fetch.ErrStatus},
		"compressed": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Encoding", "gzip") }, fetch.ErrEncoding},
		"a redirect to plain http": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		}, fetch.ErrScheme},
		"redirects without an end": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) }, fetch.ErrRedirect},
		"larger than it says it may": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(fido.MaximumBLOB+1))
		}, fetch.ErrTooLarge},
		"larger, without saying so": {func(w http.ResponseWriter, _ *http.Request) {
			part := strings.Repeat(" ", 1<<20)
			for sent := 0; sent <= fido.MaximumBLOB; sent += len(part) {
				if _, err := fmt.Fprint(w, part); err != nil {
					return
				}
			}
		}, fetch.ErrTooLarge},
	} {
		service.serve = c.serve
		changed, err := of.Refresh(t.Context())
		if changed || !errors.Is(err, c.want) {
			t.Errorf("%s: %v %v, want %v", name, changed, err, c.want)
		}
		if status, err := of.Status(t.Context()); err != nil || status.Number != 5 || status.LastError == "" {
			t.Errorf("%s: %+v %v", name, status, err)
		}
	}
	service.serve = document(w.Metadata.BLOB(6), `"six"`)
	if changed, err := fetching(w, service.server.URL, nil).Refresh(t.Context()); changed || err == nil {
		t.Errorf("a server that nobody vouches for: %v %v", changed, err)
	}
	if changed, err := of.Refresh(t.Context()); err != nil || !changed || service.asked[len(service.asked)-1].Get("If-None-Match") != "" {
		t.Errorf("after a failure everything is asked for: %v %v", changed, err)
	}
}
