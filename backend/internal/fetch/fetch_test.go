package fetch

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/fault"
)

var loopback = prefixes("127.0.0.0/8", "::1/128")

// tlsServer serves over TLS with a certificate for example.com, 127.0.0.1 and ::1.
func tlsServer(t *testing.T, handler http.HandlerFunc) (*httptest.Server, *x509.CertPool) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = quiet()
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return server, roots
}

func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = io.WriteString(w, body)
	}
}

// names resolves what a test says.
func names(table map[string][]string) func(context.Context, string, string) ([]netip.Addr, error) {
	return func(_ context.Context, _, host string) ([]netip.Addr, error) {
		texts, ok := table[host]
		if !ok {
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		}
		var addresses []netip.Addr
		for _, text := range texts {
			addresses = append(addresses, netip.MustParseAddr(text))
		}
		return addresses, nil
	}
}

// connections makes the client connect to the server wherever it wants to, and records where that was.
func (c *Client) connections(t *testing.T, options Options, to string) *[]string {
	t.Helper()
	var reached []string
	d := newDialer(options)
	d.connect = func(ctx context.Context, network, address string) (net.Conn, error) {
		reached = append(reached, address)
		if to == "" {
			return nil, errors.New("nobody should connect")
		}
		return (&net.Dialer{}).DialContext(ctx, network, to)
	}
	c.transport.DialContext, c.transport.DialTLSContext = d.plain, d.tls
	return &reached
}

func TestGetFetchesADocument(t *testing.T) {
	var seen http.Header
	server, roots := tlsServer(t, func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		if r.URL.Path != "/keys" || r.URL.RawQuery != "a=b" {
			http.NotFound(w, r)
			return
		}
		text(`{"keys":[]}`)(w, r)
	})
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	client := New(Options{AllowedNetworks: loopback, Roots: roots})
	for range 2 { // a cookie of the first answer would come with the second request
		answer, err := client.Get(t.Context(), Request{URL: server.URL + "/keys?a=b#fragment", ContentTypes: []string{"application/jwk-set+json", "application/json"}, Header: http.Header{"X-One": {"1"}}})
		if err != nil || string(answer.Body) != `{"keys":[]}` || answer.Status != http.StatusOK {
			t.Fatal(answer, err)
		}
	}
	if seen.Get("User-Agent") != "Clavex" || seen.Get("Accept") != "application/jwk-set+json, application/json" || seen.Get("Accept-Encoding") != "identity" || seen.Get("X-One") != "1" || seen.Get("Cookie") != "" {
		t.Error(seen)
	}
	if client.Count(Succeeded) != 2 {
		t.Error(client.Count(Succeeded))
	}
}

func TestPlainHTTPIsForAllowedNetworks(t *testing.T) {
	server := httptest.NewServer(text(`{}`))
	t.Cleanup(server.Close)
	port := server.URL[strings.LastIndexByte(server.URL, ':'):]
	client := New(Options{AllowedNetworks: loopback, Lookup: names(map[string][]string{"public.example": {"1.1.1.1"}, "mixed.example": {"127.0.0.1", "1.1.1.1"}, "inside.example": {"127.0.0.1"}})})
	for host, want := range map[string]error{"127.0.0.1": nil, "inside.example": nil, "public.example": ErrScheme, "mixed.example": ErrScheme, "nowhere.example": ErrScheme, "1.1.1.1": ErrScheme} {
		if _, err := client.Get(t.Context(), Request{URL: "http://" + host + port}); !errors.Is(err, want) {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestAddressesThatAreMalformed(t *testing.T) {
	client := New(Options{AllowedNetworks: loopback})
	for address, want := range map[string]error{
		"": ErrScheme, "keys": ErrScheme, "//example.com/keys": ErrScheme, "ftp://example.com/": ErrScheme, "file:///etc/passwd": ErrScheme, "gopher://example.com": ErrScheme, "javascript:alert(1)": ErrScheme,
		"https:///keys": ErrURL, "https:example.com": ErrURL, "https://": ErrURL, "https://:443/": ErrURL, "https://user@example.com/": ErrURL, "https://user:secret@example.com/": ErrURL,
		"https://exämple.com/": ErrURL, "https://example.com/a b": ErrURL, "https://example.com/\r\nX: y": ErrURL, "https://[fe80::1%25eth0]/": ErrURL, "https://example.com:port/": ErrURL,
		"https://example.com/" + strings.Repeat("a", maximumURLBytes): ErrURL, "https://exa%6dple.com/%zz": ErrURL, "https://[::1/": ErrURL,
	} {
		if _, err := client.Get(t.Context(), Request{URL: address}); !errors.Is(err, want) {
			t.Errorf("%.60q: %v", address, err)
		} else if strings.Contains(fault.From(err).Message, "secret") {
			t.Errorf("%q: the message repeats it: %v", address, err)
		}
	}
}

func TestCertificates(t *testing.T) {
	server, roots := tlsServer(t, text(`{}`))
	port := server.URL[strings.LastIndexByte(server.URL, ':'):]
	lookup := names(map[string][]string{"example.com": {"127.0.0.1"}, "other.example": {"127.0.0.1"}})
	trusting, strange := New(Options{AllowedNetworks: loopback, Roots: roots, Lookup: lookup}), New(Options{AllowedNetworks: loopback, Roots: x509.NewCertPool(), Lookup: lookup})
	for _, c := range []struct {
		client *Client
		host   string
		want   string
	}{{trusting, "example.com", ""}, {trusting, "other.example", "made out to another name"}, {strange, "example.com", "not issued by an authority that this server trusts"}} {
		_, err := c.client.Get(t.Context(), Request{URL: "https://" + c.host + port})
		if c.want == "" {
			if err != nil {
				t.Error(err)
			}
		} else if !errors.Is(err, ErrCertificate) || !strings.Contains(fault.From(err).Message, c.want) {
			t.Errorf("%s: %v", c.host, err)
		}
	}
	expired := &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired}}
	if err := explain(t.Context(), "example.com", fmt.Errorf("get: %w", expired)); !errors.Is(err, ErrCertificate) || !strings.Contains(fault.From(err).Message, "has expired") {
		t.Error(err)
	}
	old := httptest.NewUnstartedServer(text(`{}`))
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10} //nolint:gosec // the server that is refused
	old.Config.ErrorLog = quiet()
	old.StartTLS()
	t.Cleanup(old.Close)
	roots.AddCert(old.Certificate())
	if _, err := trusting.Get(t.Context(), Request{URL: old.URL}); !errors.Is(err, ErrUnreachable) {
		t.Errorf("TLS 1.1: %v", err)
	}
}

func TestRedirects(t *testing.T) {
	plain := httptest.NewServer(text(`{}`))
	t.Cleanup(plain.Close)
	var posts atomic.Int32
	var referer atomic.Value
	server, roots := tlsServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			posts.Add(1)
		}
		switch r.URL.Path {
		case "/document":
			referer.Store(r.Header.Get("Referer"))
			text(`{}`)(w, r)
		case "/twice":
			http.Redirect(w, r, "/once?secret", http.StatusTemporaryRedirect)
		case "/once":
			http.Redirect(w, r, "/document", http.StatusTemporaryRedirect)
		case "/private":
			http.Redirect(w, r, "https://10.0.0.1/", http.StatusFound)
		case "/downgrade":
			http.Redirect(w, r, plain.URL, http.StatusFound)
		case "/user":
			http.Redirect(w, r, "https://user@example.com/", http.StatusFound)
		case "/nowhere":
			w.WriteHeader(http.StatusFound)
		}
	})
	client := New(Options{AllowedNetworks: loopback, Roots: roots})
	for _, c := range []struct {
		path  string
		limit int
		want  error
	}{
		{"/once", 0, ErrRedirect}, {"/once", 1, nil}, {"/twice", 1, ErrRedirect}, {"/twice", 2, nil}, {"/private", 1, ErrAddress}, {"/downgrade", 1, ErrScheme}, {"/user", 1, ErrURL}, {"/nowhere", 1, ErrRedirect},
	} {
		if _, err := client.Get(t.Context(), Request{URL: server.URL + c.path, Redirects: c.limit}); !errors.Is(err, c.want) {
			t.Errorf("%s with %d: %v", c.path, c.limit, err)
		}
	}
	if referer.Load() != "" {
		t.Error("the next host was told of the one before:", referer.Load())
	}
	if _, err := client.PostForm(t.Context(), Request{URL: server.URL + "/once", Redirects: 5}, url.Values{"logout_token": {"a"}}); !errors.Is(err, ErrRedirect) || posts.Load() != 1 {
		t.Error(err, posts.Load())
	}
}

func TestAnswersThatAreRefused(t *testing.T) {
	zeros := make([]byte, 1<<20)
	server, roots := tlsServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/exact":
			_, _ = w.Write(zeros[:1000])
		case "/length":
			w.Header().Set("Content-Length", "1001")
			_, _ = w.Write(zeros[:1001])
		case "/chunked":
			for range 100 {
				if _, err := w.Write(zeros[:100]); err != nil {
					return
				}
				_ = http.NewResponseController(w).Flush()
			}
		case "/header":
			w.Header().Set("X-Large", strings.Repeat("a", maximumHeaderBytes))
		case "/bomb":
			w.Header().Set("Content-Encoding", "gzip")
			writer := gzip.NewWriter(w)
			_, _ = writer.Write(zeros)
			_ = writer.Close()
		case "/identity":
			w.Header().Set("Content-Encoding", "identity")
		case "/html":
			w.Header().Set("Content-Type", "text/html")
		case "/untyped":
			w.Header()["Content-Type"] = nil
		case "/malformed":
			w.Header().Set("Content-Type", "application/json; =")
		case "/missing":
			w.WriteHeader(http.StatusNotFound)
		case "/created":
			w.WriteHeader(http.StatusCreated)
		case "/unasked":
			w.WriteHeader(http.StatusNotModified)
		case "/cut":
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write(zeros[:10])
			panic(http.ErrAbortHandler)
		}
	})
	client := New(Options{AllowedNetworks: loopback, Roots: roots})
	for path, want := range map[string]error{
		"/exact": nil, "/identity": nil, "/length": ErrTooLarge, "/chunked": ErrTooLarge, "/header": ErrUnreachable, "/bomb": ErrEncoding, "/html": ErrContentType, "/untyped": ErrContentType, "/malformed": ErrContentType,
		"/missing": ErrStatus, "/created": ErrStatus, "/unasked": ErrStatus, "/cut": ErrUnreachable,
	} {
		_, err := client.Get(t.Context(), Request{URL: server.URL + path, ContentTypes: []string{"application/json"}, MaximumBytes: 1000})
		if !errors.Is(err, want) {
			t.Errorf("%s: %v", path, err)
		} else if err != nil && !strings.Contains(fault.From(err).Message, "127.0.0.1") {
			t.Errorf("%s: the message does not name the host: %s", path, fault.From(err).Message)
		}
	}
}

func TestASlowBodyMeetsTheLimitOfTheWholeRequest(t *testing.T) {
	server, roots := tlsServer(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil { // a byte now and then keeps no one waiting longer
			if _, err := w.Write([]byte(" ")); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
			case <-time.After(time.Millisecond):
			}
		}
	})
	client := New(Options{AllowedNetworks: loopback, Roots: roots, Timeout: 100 * time.Millisecond})
	if _, err := client.Get(t.Context(), Request{URL: server.URL, MaximumBytes: 1 << 30}); !errors.Is(err, ErrTimeout) {
		t.Error(err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.Get(canceled, Request{URL: server.URL}); !errors.Is(err, fault.ErrCanceled) {
		t.Error(err)
	}
	if client.Count(Failed) != 1 || client.Count(Abandoned) != 1 {
		t.Error(client.Count(Failed), client.Count(Abandoned))
	}
}

func TestAHostThatDoesNotAnswer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	client := New(Options{AllowedNetworks: loopback, Lookup: func(context.Context, string, string) ([]netip.Addr, error) {
		return nil, &net.DNSError{Err: "server misbehaving", IsTemporary: true}
	}})
	for _, address := range []string{"https://" + address, "https://name.example"} {
		if _, err := client.Get(t.Context(), Request{URL: address}); !errors.Is(err, ErrUnreachable) || !fault.IsKind(err, fault.Unavailable) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestPost(t *testing.T) {
	server, roots := tlsServer(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/form":
			if r.Method == http.MethodPost && r.Header.Get("Content-Type") == "application/x-www-form-urlencoded" && string(body) == "logout_token=a.b" {
				w.WriteHeader(http.StatusNoContent)
			}
		case "/refused":
			if r.Header.Get("Authorization") == "Bearer t" {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, `{"error":"invalid_request"}`)
			}
		}
	})
	client := New(Options{AllowedNetworks: loopback, Roots: roots})
	if answer, err := client.PostForm(t.Context(), Request{URL: server.URL + "/form"}, url.Values{"logout_token": {"a.b"}}); err != nil || answer.Status != http.StatusNoContent {
		t.Error(answer, err)
	}
	request := Request{URL: server.URL + "/refused", Header: http.Header{"Authorization": {"Bearer t"}}}
	if answer, err := client.PostForm(t.Context(), request, nil); err != nil || answer.Status != http.StatusBadRequest || string(answer.Body) != `{"error":"invalid_request"}` {
		t.Error(answer, err)
	}
}

// Errors end in logs: the host is named, what else stands in an address or an answer is not.
func TestErrorsRepeatNothingOfTheAddress(t *testing.T) {
	server, roots := tlsServer(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			w.Header().Set("Location", "https://x.test/%zz?token=secret")
			w.WriteHeader(http.StatusFound)
		case "/garbage":
			if connection, _, err := http.NewResponseController(w).Hijack(); err == nil {
				_, _ = io.WriteString(connection, "secret\r\n\r\n")
				_ = connection.Close()
			}
		case "/hangs":
			<-r.Context().Done()
		}
	})
	trusting := New(Options{AllowedNetworks: loopback, Roots: roots})
	for name, c := range map[string]struct {
		client  *Client
		address string
	}{
		"nobody listens":            {trusting, "https://127.0.0.1:1"},
		"an unknown authority":      {New(Options{AllowedNetworks: loopback}), server.URL},
		"a refused address":         {New(Options{}), server.URL},
		"an unreadable redirect":    {trusting, server.URL + "/redirect"},
		"an answer that is no HTTP": {trusting, server.URL + "/garbage"},
		"no answer in time":         {New(Options{AllowedNetworks: loopback, Roots: roots, Timeout: 50 * time.Millisecond}), server.URL + "/hangs"},
		"an unreadable address":     {trusting, "https://x.test/%zz"},
	} {
		_, err := c.client.Get(t.Context(), Request{URL: c.address + "?token=secret"})
		if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "token") || strings.Contains(err.Error(), "%zz") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
