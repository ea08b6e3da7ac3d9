package server

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/resource"
	"github.com/clavex/clavex/backend/internal/store"
)

const tool = "https://api.example.test/mcp"

// described is a site whose organization accepts documents, and an application that has one.
type described struct {
	*site
	clientID, redirect string
	asked              atomic.Int32
	mu                 sync.Mutex
	members            map[string]any
}

// newDescribed makes it; the application waits for answers at redirect, where "" is on the host of the document.
func newDescribed(t *testing.T, redirect string) *described {
	t.Helper()
	d := &described{}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		d.asked.Add(1)
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.members == nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(d.members)
	}))
	t.Cleanup(server.Close)
	authority := filepath.Join(t.TempDir(), "authority.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	d.site = newSiteOn(t, dbtest.URL(t), "fetch_allowed_networks", "127.0.0.0/8", "fetch_ca_file", authority)
	d.changePolicies(d.acme, func(p *org.Policies) {
		p.ClientIDMetadataDocuments, p.RegistrationRules.Scopes = org.ClientDocumentsOpen, []string{"openid", "offline_access", "tools:use"}
	})
	d.resource(d.acme, resource.Resource{Identifier: tool, Name: "Tools", Scopes: []string{"tools:use"}})
	if d.clientID, d.redirect = server.URL+"/oauth/client.json", redirect; redirect == "" {
		d.redirect = server.URL + "/callback"
	}
	d.members = map[string]any{"client_id": d.clientID, "client_name": "Editor", "redirect_uris": []string{d.redirect}, "token_endpoint_auth_method": "none",
		"grant_types": []string{"authorization_code", "refresh_token"}}
	return d
}

func (d *described) address(namesAndValues ...string) string {
	return withResources(d.authorizeURL(append([]string{"client_id", d.clientID, "redirect_uri", d.redirect, "scope", "offline_access tools:use", "nonce", ""}, namesAndValues...)...), tool)
}

func (d *described) redeem(a *answer) (int, map[string]any) {
	d.t.Helper()
	return d.program("POST", "/acme/token", url.Values{"grant_type": {"authorization_code"}, "code": {a.url.Query().Get("code")}, "redirect_uri": {d.redirect},
		"code_verifier": {verifier}, "client_id": {d.clientID}, "resource": {tool}})
}

// kept is what the organization keeps of the application, nil when that is nothing.
func (d *described) kept() *client.Client {
	d.t.Helper()
	found, err := d.app.Clients.ByClientID(d.t.Context(), d.acme.ID, d.clientID)
	if err != nil && !errors.Is(err, client.ErrNotFound) {
		d.t.Fatal(err)
	}
	return found
}

func (d *described) begin(b *browser, namesAndValues ...string) *answer {
	d.t.Helper()
	a := b.get(d.address(namesAndValues...))
	if a.element("login-form") != nil {
		a = b.submit(a, "login-form", "username", d.ada.Username, "password", password)
	}
	return a
}

// Draft §3 to §6, §8.5: an application that nobody registered signs somebody in who sees where it comes from.
func TestAClientThatIsDescribedByADocument(t *testing.T) {
	t.Parallel()
	d := newDescribed(t, "")
	if _, metadata := d.program("GET", "/acme/.well-known/openid-configuration", nil); metadata["client_id_metadata_document_supported"] != true {
		t.Errorf("§6: %v", metadata)
	}
	if _, metadata := d.program("GET", "/system/.well-known/openid-configuration", nil); metadata["client_id_metadata_document_supported"] != nil {
		t.Errorf("§6: only who opened it: %v", metadata)
	}
	b := d.browser()
	a := d.begin(b)
	host := strings.TrimSuffix(strings.TrimPrefix(d.clientID, "https://"), "/oauth/client.json")
	if a.element("consent-form") == nil || a.text("client-host") != host || a.element("client-warning") != nil || !strings.Contains(a.body, "Editor") {
		t.Fatalf("§8.5: %d\n%s", a.status, a.body)
	}
	if d.kept() != nil {
		t.Error("something is kept although nobody allowed anything")
	}
	if denied := b.submit(a, "consent-form", "decision", "deny"); denied.url.Query().Get("error") != "access_denied" || d.kept() != nil {
		t.Errorf("%s", denied.url)
	}
	a = b.submit(d.begin(b), "consent-form", "decision", "allow")
	kept := d.kept()
	if a.url.Query().Get("code") == "" || !strings.HasPrefix(a.url.String(), d.redirect) || kept == nil || kept.Origin != client.MetadataDocument {
		t.Fatalf("%s %v", a.url, kept)
	}
	status, tokens := d.redeem(a)
	if status != http.StatusOK || audience(t, tokens) != tool || tokens["scope"] != "offline_access tools:use" {
		t.Fatalf("%d %v", status, tokens)
	}
	if status, again := d.program("POST", "/acme/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}, "client_id": {d.clientID}}); status != http.StatusOK {
		t.Errorf("%d %v", status, again)
	}
	if again := d.begin(b, "prompt", "none"); again.url.Query().Get("code") == "" {
		t.Errorf("the answer goes to the host of the document, so the decision is remembered: %s", again.url)
	}
	if fetched := d.asked.Load(); fetched != 1 {
		t.Errorf("§5.2: fetched %d times", fetched)
	}
	t.Run("another organization knows nothing of it", func(t *testing.T) {
		d.organization("rival")
		if a := b.get(strings.Replace(d.address(), "/acme/", "/rival/", 1)); a.text("error-code") != "invalid_client" {
			t.Errorf("%d\n%s", a.status, a.body)
		}
		if status, _ := d.program("POST", "/rival/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}, "client_id": {d.clientID}}); status != http.StatusUnauthorized {
			t.Errorf("%d", status)
		}
	})
	t.Run("an administrator disables it", func(t *testing.T) {
		changed := *d.kept()
		changed.Status = client.Disabled
		d.inTx(func(ctx context.Context, tx *store.Tx) error {
			_, _, err := d.app.Clients.Update(ctx, tx, operator, changed)
			return err
		})
		d.app.Clients.Forget(&changed)
		if a := d.begin(b); a.text("error-code") != "invalid_client" {
			t.Errorf("%d\n%s", a.status, a.body)
		}
	})
}

// RFC 8252 §8.6, draft §8.5: what waits on the person's machine may be any program there, so they are asked each time.
func TestADescribedClientOnThePersonsMachine(t *testing.T) {
	t.Parallel()
	d := newDescribed(t, "http://localhost/callback")
	b := d.browser()
	d.redirect = "http://localhost:49152/callback" // the port that the operating system gave it
	for range 2 {
		a := d.begin(b)
		if a.element("consent-form") == nil || a.element("client-warning") == nil {
			t.Fatalf("%d %s\n%s", a.status, a.url, a.body)
		}
		if a = b.submit(a, "consent-form", "decision", "allow"); !strings.HasPrefix(a.url.String(), d.redirect+"?") {
			t.Fatalf("%s", a.url)
		}
		if status, tokens := d.redeem(a); status != http.StatusOK {
			t.Errorf("%d %v", status, tokens)
		}
	}
	if a := d.begin(b, "prompt", "none"); a.url.Query().Get("error") != "consent_required" {
		t.Errorf("%s", a.url)
	}
}

// Nothing that a stranger asks is kept, and only the endpoints where a sign-in begins look for documents.
func TestStrangersWithDocuments(t *testing.T) {
	t.Parallel()
	d := newDescribed(t, "")
	for endpoint, form := range map[string]url.Values{"token": {"grant_type": {"authorization_code"}, "code": {"x"}}, "device_authorization": {}, "introspect": {"token": {"x"}}, "revoke": {"token": {"x"}}} {
		form.Set("client_id", d.clientID)
		if status, body := d.program("POST", "/acme/"+endpoint, form); status != http.StatusUnauthorized || body["error"] != "invalid_client" {
			t.Errorf("%s: %d %v", endpoint, status, body)
		}
	}
	if fetched := d.asked.Load(); fetched != 0 {
		t.Errorf("fetched %d times", fetched)
	}
	form := d.parameters("client_id", d.clientID, "redirect_uri", d.redirect, "scope", "tools:use", "nonce", "")
	status, pushed := d.program("POST", "/acme/par", form)
	if status != http.StatusCreated || d.kept() != nil {
		t.Fatalf("RFC 9126 §2: %d %v", status, pushed)
	}
	b := d.browser()
	a := b.get("/acme/authorize?" + url.Values{"client_id": {d.clientID}, "request_uri": {pushed["request_uri"].(string)}}.Encode())
	a = b.submit(a, "login-form", "username", d.ada.Username, "password", password)
	if a = b.submit(a, "consent-form", "decision", "allow"); a.url.Query().Get("code") == "" || d.kept() == nil {
		t.Errorf("%s", a.url)
	}
	if a := b.get(d.address("redirect_uri", "https://thief.example/")); a.text("error-code") != "invalid_redirect_uri" {
		t.Errorf("an address that is not in the document: %s", a.url)
	}
}

// A document that is gone, or says something else, before the sign-in is over ends it with words about that.
func TestADocumentThatChangesDuringASignIn(t *testing.T) {
	t.Parallel()
	d := newDescribed(t, "")
	b := d.browser()
	a := d.begin(b)
	d.changePolicies(d.acme, func(p *org.Policies) { p.ClientIDMetadataDocuments = org.ClientDocumentsClosed })
	if a = b.submit(a, "consent-form", "decision", "allow"); a.text("error-code") != "invalid_client" || d.kept() != nil {
		t.Errorf("%d\n%s", a.status, a.body)
	}
	d.changePolicies(d.acme, func(p *org.Policies) { p.ClientIDMetadataDocuments = org.ClientDocumentsOpen })
	a = b.submit(d.begin(b), "consent-form", "decision", "allow")
	d.changePolicies(d.acme, func(p *org.Policies) { p.ClientIDMetadataDocumentHosts = []string{"other.example"} })
	if status, body := d.redeem(a); status != http.StatusBadRequest || body["error"] != "invalid_client" {
		t.Errorf("between authorization and token: %d %v", status, body)
	}
	d.mu.Lock()
	d.members = nil
	d.mu.Unlock()
	gone := strings.Replace(d.clientID, "client.json", "gone.json", 1)
	d.changePolicies(d.acme, func(p *org.Policies) { p.ClientIDMetadataDocumentHosts = nil })
	if a := b.get(d.address("client_id", gone)); a.text("error-code") != "invalid_client" || !strings.Contains(a.text("error-detail"), "status 404") {
		t.Errorf("§5.1: %d\n%s", a.status, a.body)
	}
}
