package server

import (
	"bytes"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/html"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/web/asset"
)

// pictures are the addresses of the pictures on a page.
func (a *answer) pictures() (addresses []string) {
	for n := range a.page.Descendants() {
		if n.Type == html.ElementNode && n.Data == "img" {
			addresses = append(addresses, attribute(n, "src"))
		}
	}
	return addresses
}

// The pages at sign-in and consent show the application's name, logo and links in the language of the page. The logo
// comes from us: the application's server never hears of the browser.
func TestPagesShowAnApplicationsNameLogoAndLinks(t *testing.T) {
	t.Parallel()
	var drawn bytes.Buffer
	if err := png.Encode(&drawn, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int32
	pictures := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		switch r.URL.Path {
		case "/logo.png", "/it.png":
			w.Header().Set("Content-Type", "image/png")
			_, _ = w.Write(drawn.Bytes())
		case "/script.png":
			w.Header().Set("Content-Type", "image/png")
			_, _ = w.Write([]byte("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"))
		case "/logo.svg":
			w.Header().Set("Content-Type", "image/svg+xml")
			_, _ = w.Write([]byte("<svg xmlns='http://www.w3.org/2000/svg'/>"))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(pictures.Close)
	s := newSiteOn(t, dbtest.URL(t), "fetch_allowed_networks", "127.0.0.0/8")
	register := func(logo string, localized map[string]string) *client.Client {
		made, secret := s.client(s.acme, client.Client{Name: "Payroll", LogoURI: logo, PolicyURI: "https://app.example.test/privacy", TermsURI: "https://app.example.test/terms",
			AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback}, GrantTypes: []string{client.AuthorizationCode}, RequireConsent: true,
			Metadata: client.Metadata{Localized: localized}})
		s.web, s.secret = made, secret
		return made
	}
	of := func(c *client.Client, uri string) string {
		return "/acme/client-logo/" + client.LogoKey(uri) + "?client_id=" + url.QueryEscape(c.ClientID)
	}

	shown := register(pictures.URL+"/logo.png", map[string]string{"client_name#it": "Paghe", "logo_uri#it": pictures.URL + "/it.png", "policy_uri#it": "https://app.example.test/it/privacy"})
	for _, test := range []struct{ language, name, logo, policy string }{
		{"en", "Payroll", shown.LogoURI, "https://app.example.test/privacy"},
		{"it", "Paghe", pictures.URL + "/it.png", "https://app.example.test/it/privacy"},
		{"de", "Payroll", shown.LogoURI, "https://app.example.test/privacy"},
	} {
		b := s.browser()
		a := b.get(s.authorizeURL("ui_locales", test.language, "prompt", "consent"))
		consent := b.submit(a, "login-form", "username", s.ada.Username, "password", password)
		for page, a := range map[string]*answer{"sign-in": a, "consent": consent} {
			if got := a.pictures(); len(got) != 1 || got[0] != of(shown, test.logo) {
				t.Errorf("%s in %s: pictures %q", page, test.language, got)
			}
			for _, wanted := range []string{test.name, `href="` + test.policy + `"`, `href="https://app.example.test/terms"`} {
				if !strings.Contains(a.body, wanted) {
					t.Errorf("%s in %s does not show %s", page, test.language, wanted)
				}
			}
		}
		logo := b.get(of(shown, test.logo))
		if logo.status != http.StatusOK || logo.header.Get("Content-Type") != "image/png" || logo.body != drawn.String() ||
			logo.header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(logo.header.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("logo in %s: %d %v", test.language, logo.status, logo.header)
		}
	}
	if asked.Load() != 2 {
		t.Errorf("two pictures were fetched %d times", asked.Load())
	}

	b := s.browser()
	if a := b.get("/rival/client-logo/" + client.LogoKey(shown.LogoURI) + "?client_id=" + url.QueryEscape(shown.ClientID)); a.status != http.StatusNotFound {
		t.Errorf("at an organization that does not exist: %d", a.status)
	}
	s.organization("rival")
	if a := b.get("/rival/client-logo/" + client.LogoKey(shown.LogoURI) + "?client_id=" + url.QueryEscape(shown.ClientID)); a.status != http.StatusNotFound {
		t.Errorf("another organization's application: %d", a.status)
	}
	if a := b.get(of(shown, pictures.URL+"/other.png")); a.status != http.StatusNotFound || asked.Load() != 2 {
		t.Errorf("an address that is not registered: %d", a.status)
	}
	for _, path := range []string{"/script.png", "/logo.svg", "/missing.png"} {
		broken := register(pictures.URL+path, nil)
		if a := b.get(of(broken, broken.LogoURI)); a.status != http.StatusOK || a.url.Path != asset.URL(asset.ApplicationIcon) {
			t.Errorf("%s: %d at %s", path, a.status, a.url)
		}
	}
	plain := register("", nil)
	if a := b.get(s.authorizeURL()); len(a.pictures()) != 0 {
		t.Errorf("an application without a logo: %q", a.pictures())
	}
	if a := b.get(of(plain, "")); a.status != http.StatusNotFound {
		t.Errorf("the key of nothing: %d", a.status)
	}
}
