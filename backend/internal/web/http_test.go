package web_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/brand"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/web"
	"github.com/clavex/clavex/backend/internal/web/asset"
	"github.com/clavex/clavex/backend/internal/web/page"
	"github.com/clavex/clavex/backend/internal/web/text"
)

func login(t *testing.T) page.Login {
	t.Helper()
	words, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	var styles brand.Styles
	return page.Login{
		Frame: page.Frame{Text: words.Match([]string{"de"}, "", ""), Organization: page.Organization{Name: "Acme", Style: styles.Of("#ffee00")}},
		Form:  page.Form{Action: "/acme/login", Transaction: strings.Repeat("t", 43), CSRFToken: strings.Repeat("c", 43)},
		Client: &page.Client{Name: "Payroll", Host: "payroll.example.com", PolicyURL: "https://payroll.example.com/privacy",
			TermsURL: "https://payroll.example.com/terms"},
		Username: "ada@demo.test", Fault: fault.New(fault.Unauthenticated, "credentials_wrong", ""),
	}
}

func render(t *testing.T, pages *web.Pages, method string, status int, component templ.Component, leadsTo ...string) (*http.Response, error) {
	t.Helper()
	w := httptest.NewRecorder()
	c, _ := gin.CreateTestContext(w)
	c.Request = httptest.NewRequest(method, "/acme/login", nil)
	err := pages.Render(c, status, component, leadsTo...)
	return w.Result(), err
}

func directive(t *testing.T, response *http.Response, name string) string {
	t.Helper()
	for part := range strings.SplitSeq(response.Header.Get("Content-Security-Policy"), "; ") {
		if key, value, _ := strings.Cut(part, " "); key == name {
			return value
		}
	}
	t.Errorf("no directive %s in %q", name, response.Header.Get("Content-Security-Policy"))
	return ""
}

func TestHeadersOfAPage(t *testing.T) {
	t.Parallel()
	pages := web.NewPages(nil)
	response, err := render(t, pages, http.MethodGet, http.StatusUnauthorized, login(t))
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusUnauthorized {
		t.Errorf("status %d", response.StatusCode)
	}
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store, no-transform", "X-Frame-Options": "DENY",
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
	} {
		if got := response.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"default-src": "'none'", "frame-ancestors": "'none'", "base-uri": "'none'",
		"form-action": "'self'", "img-src": "'self' data:", "font-src": "'self'"} {
		if got := directive(t, response, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	body, _ := io.ReadAll(response.Body)
	nonce := strings.TrimSuffix(strings.TrimPrefix(directive(t, response, "script-src"), "'nonce-"), "'")
	if len(nonce) != 22 || directive(t, response, "style-src") != "'nonce-"+nonce+"'" {
		t.Errorf("nonce %q", nonce)
	}
	tags := regexp.MustCompile(`<(script|style|link rel="stylesheet")[^>]*>`).FindAllString(string(body), -1)
	if len(tags) != 3 {
		t.Errorf("found %q", tags)
	}
	for _, tag := range tags {
		if !strings.Contains(tag, `nonce="`+nonce+`"`) {
			t.Errorf("no nonce in %s", tag)
		}
	}
	again, err := render(t, pages, http.MethodGet, http.StatusOK, login(t))
	if err != nil {
		t.Fatal(err)
	}
	if again.Header.Get("Content-Security-Policy") == response.Header.Get("Content-Security-Policy") {
		t.Error("two pages share a nonce")
	}
}

func TestFormActionListsWhereAFormMayLead(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		leadsTo []string
		want    string
	}{
		{"https", []string{"https://app.example.com/cb?x=1#y"}, "'self' https://app.example.com"},
		{"port", []string{"http://localhost:3000/api/auth/callback"}, "'self' http://localhost:3000"},
		{"capitals", []string{"HTTPS://App.Example.COM/cb"}, "'self' https://app.example.com"},
		{"IPv4", []string{"http://127.0.0.1:5173/callback"}, "'self' http://127.0.0.1:5173"},
		{"IPv6 cannot be written", []string{"http://[::1]:5173/callback"}, "'self' http:"},
		{"native application (RFC 8252 §7.1)", []string{"com.example.app:/oauth"}, "'self' com.example.app:"},
		{"umlauts", []string{"https://bücher.example/cb"}, "'self' https://xn--bcher-kva.example"},
		{"twice the same", []string{"https://a.example/1", "https://a.example/2", "https://b.example"}, "'self' https://a.example https://b.example"},
		{"nothing", []string{"", "/relative", "//host.example/x"}, "'self'"},
		{"script", []string{"javascript:alert(1)", "data:text/html,x", "blob:x", "about:blank"}, "'self'"},
		{"an address that adds to the policy", []string{"https://a.example;script-src *", "https://a.example *", "https://*/x", "https://a.example, x", "https://a'b.example/", "https://"}, "'self'"},
		{"user information is not part of it", []string{"https://user:secret@a.example/x"}, "'self' https://a.example"},
	} {
		response, err := render(t, web.NewPages(nil), http.MethodGet, http.StatusOK, login(t), test.leadsTo...)
		if err != nil {
			t.Fatal(err)
		}
		if got := directive(t, response, "form-action"); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestAFailingPageWritesNothing(t *testing.T) {
	t.Parallel()
	broken := templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, _ = io.WriteString(w, "<p>half")
		return errors.New("broken")
	})
	response, err := render(t, web.NewPages(nil), http.MethodGet, http.StatusOK, broken)
	if body, _ := io.ReadAll(response.Body); err == nil || len(body) != 0 || len(response.Header) != 0 {
		t.Errorf("error %v, %d bytes, headers %v", err, len(body), response.Header)
	}
	if _, err := render(t, web.NewPages(bytes.NewReader([]byte("short"))), http.MethodGet, http.StatusOK, login(t)); err == nil {
		t.Error("a page without a nonce was rendered")
	}
}

func TestHeadHasNoBody(t *testing.T) {
	t.Parallel()
	response, err := render(t, web.NewPages(nil), http.MethodHead, http.StatusOK, login(t))
	if body, _ := io.ReadAll(response.Body); err != nil || len(body) != 0 {
		t.Errorf("%d bytes, %v", len(body), err)
	}
}

func TestSeeOther(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	c, _ := gin.CreateTestContext(w)
	c.Request = httptest.NewRequest(http.MethodPost, "/acme/login", nil)
	web.NewPages(nil).SeeOther(c, "https://app.example.com/cb?code=x")
	c.Writer.WriteHeaderNow()
	response := w.Result()
	if response.StatusCode != http.StatusSeeOther || response.Header.Get("Location") != "https://app.example.com/cb?code=x" ||
		!strings.Contains(response.Header.Get("Cache-Control"), "no-store") {
		t.Errorf("%d %v", response.StatusCode, response.Header)
	}
}

func TestLeave(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, method, dest, url string
		want                    int
	}{
		{"a browser's form", http.MethodPost, "document", "https://app.example.com/cb?code=x&state=y", http.StatusOK},
		{"a script's form", http.MethodPost, "", "https://app.example.com/cb?code=x&state=y", http.StatusSeeOther},
		{"an address opened", http.MethodGet, "document", "https://app.example.com/cb?code=x&state=y", http.StatusSeeOther},
		{"a native application", http.MethodPost, "document", "com.example.app:/cb?code=x", http.StatusSeeOther},
	} {
		w := httptest.NewRecorder()
		c, _ := gin.CreateTestContext(w)
		c.Request = httptest.NewRequest(test.method, "/acme/login", nil)
		c.Request.Header.Set("Sec-Fetch-Dest", test.dest)
		if err := web.NewPages(nil).Leave(c, page.Leaving{Frame: login(t).Frame, URL: test.url}); err != nil {
			t.Fatal(err)
		}
		c.Writer.WriteHeaderNow()
		if w.Code != test.want {
			t.Errorf("%s: %d, want %d", test.name, w.Code, test.want)
		}
		if location := w.Header().Get("Location"); test.want == http.StatusSeeOther && location != test.url {
			t.Errorf("%s: leads to %q", test.name, location)
		}
		if got := w.Header().Get("Refresh"); test.want == http.StatusOK && got != "0;url="+test.url {
			t.Errorf("%s: refreshes to %q", test.name, got)
		}
	}
}

func TestAssetsAreRouted(t *testing.T) {
	t.Parallel()
	router := gin.New()
	router.GET(asset.Prefix+"*path", web.Assets())
	w := httptest.NewRecorder()
	router.ServeHTTP(w, httptest.NewRequest(http.MethodGet, asset.URL(asset.StyleSheet), nil))
	if w.Code != http.StatusOK || w.Body.Len() == 0 {
		t.Errorf("%d with %d bytes", w.Code, w.Body.Len())
	}
}

// The first view of the heaviest page: everything a browser without cache fetches, with
// half a kilobyte of response headers for each. HTML travels uncompressed, because it
// holds secrets beside text that a stranger may choose.
func TestFirstViewWeighsLessThan30KB(t *testing.T) {
	t.Parallel()
	response, err := render(t, web.NewPages(nil), http.MethodGet, http.StatusOK, login(t), "https://payroll.example.com/cb")
	if err != nil {
		t.Fatal(err)
	}
	html, _ := io.ReadAll(response.Body)
	for _, encoding := range []string{"br", "gzip"} {
		total := len(html) + 512
		for _, name := range []string{asset.StyleSheet, asset.Script, asset.Font, asset.Icon} {
			total += asset.Size(name, encoding) + 512
		}
		t.Logf("%s: %d bytes, of which HTML %d, font %d, style %d", encoding, total, len(html), asset.Size(asset.Font, encoding), asset.Size(asset.StyleSheet, encoding))
		if total > 30_000 {
			t.Errorf("%s: the first view weighs %d bytes", encoding, total)
		}
	}
}
