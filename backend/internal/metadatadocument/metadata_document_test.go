package metadatadocument_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fetch"
	"github.com/clavex/clavex/backend/internal/metadatadocument"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
)

// site is a provider with an organization that accepts documents, and a web server that has them.
type site struct {
	*oidctest.Provider
	acme      *org.Organization
	documents *metadatadocument.Documents
}

const signIns = 200 // so that a network may have 20 documents fetched

func newSite(t *testing.T, policies org.Policies) *site {
	t.Helper()
	p := oidctest.NewProvider(t)
	if policies.ClientIDMetadataDocuments == "" {
		policies.ClientIDMetadataDocuments = org.ClientDocumentsOpen
	}
	s := &site{Provider: p, acme: p.Organization(t, "acme", policies)}
	s.documents = s.replica(p.Fetch)
	return s
}

// replica has nothing in memory.
func (s *site) replica(from *fetch.Client) *metadatadocument.Documents {
	return metadatadocument.New(metadatadocument.Dependencies{Fetch: from, Store: s.Store, Clients: s.Clients, Organizations: s.Organizations, Grants: s.Grants,
		Keys: s.Keys, State: s.State, Now: s.Clock.Now, SignIns: signIns})
}

type members map[string]any

// publish serves a document that names its own address; change alters its members, and nil leaves one out.
func (s *site) publish(t *testing.T, path string, change members) string {
	t.Helper()
	object := members{"client_id": s.Web.URL + path, "client_name": "Editor", "redirect_uris": []string{s.Web.URL + "/callback"}, "token_endpoint_auth_method": "none",
		"grant_types": []string{"authorization_code", "refresh_token"}, "response_types": []string{"code"}}
	for name, value := range change {
		if object[name] = value; value == nil {
			delete(object, name)
		}
	}
	encoded, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return s.Web.Document(path, "application/json", string(encoded))
}

func (s *site) find(t *testing.T, clientID string) (*client.Client, error) {
	t.Helper()
	kept, err := s.Clients.ByClientID(t.Context(), s.acme.ID, clientID)
	if err != nil {
		kept = nil
	}
	return s.documents.Client(t.Context(), s.acme, clientID, kept)
}

func (s *site) must(t *testing.T, clientID string) *client.Client {
	t.Helper()
	found, err := s.find(t, clientID)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

var ada = audit.Actor{Kind: audit.User, ID: "ada", Name: "ada"}

func (s *site) keep(t *testing.T, clientID string) *client.Client {
	t.Helper()
	kept, err := s.documents.Keep(t.Context(), s.acme, ada, s.must(t, clientID))
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

func refusal(t *testing.T, err error) string {
	t.Helper()
	var wire *oauth.Error
	if !errors.As(err, &wire) || wire.Code != oauth.CodeInvalidClient {
		t.Fatalf("%v", err)
	}
	return wire.Description
}

// §3: what may be the address of a document, as it is written.
func TestAddresses(t *testing.T) {
	t.Parallel()
	s := newSite(t, org.Policies{})
	host := strings.TrimPrefix(s.Web.URL, "https://")
	for name, address := range map[string]string{
		"plain http": "http://" + host + "/client", "no path": "https://" + host, "the root": "https://" + host + "/", "a fragment": "https://" + host + "/client#x",
		"an empty fragment": "https://" + host + "/client#", "a query": "https://" + host + "/client?a=b", "an empty query": "https://" + host + "/client?",
		"a user": "https://ada@" + host + "/client", "a user and a password": "https://ada:secret@" + host + "/client", "an empty user": "https://@" + host + "/client",
		"a dot": "https://" + host + "/./client", "two dots": "https://" + host + "/a/../client", "dots at the end": "https://" + host + "/client/..",
		"encoded dots": "https://" + host + "/a/%2e%2E/client", "a backslash": "https://" + host + `/a\client`, "an upper-case scheme": "HTTPS://" + host + "/client",
		"an upper-case host": "https://LOCALHOST/client", "an empty port": "https://localhost:/client", "no host": "https:///client", "opaque": "https:client",
		"too long": "https://" + host + "/" + strings.Repeat("x", 200),
	} {
		if _, err := s.documents.Client(t.Context(), s.acme, address, nil); !strings.HasPrefix(refusal(t, err), "The client_id is not the address of a document") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s.Fetch.Count(fetch.Failed)+s.Fetch.Count(fetch.Refused)+s.Fetch.Count(fetch.Succeeded) != 0 {
		t.Error("something was fetched")
	}
}

// §4: the client is what the document says, within what the organization lets such clients have.
func TestADocumentDescribesAClient(t *testing.T) {
	t.Parallel()
	s := newSite(t, org.Policies{RegistrationRules: org.RegistrationRules{Scopes: []string{"openid", "notes:read", "notes:write"}}})
	found := s.must(t, s.publish(t, "/client", members{"token_endpoint_auth_method": nil, "client_name#it": "Redattore", "scope": "notes:read admin:write other",
		"grant_types":    []string{"authorization_code", "client_credentials", "implicit", "urn:ietf:params:oauth:grant-type:device_code", "of_another_server"},
		"response_types": []string{"code", "code id_token"}, "software_statement": "not.verified.here", "of_another_server": true}))
	switch {
	case found.Name != "Editor" || found.Metadata.Localized["client_name#it"] != "Redattore" || !found.Public() || !found.RequireConsent || !oauth.IsNew(found):
		t.Errorf("%+v", found)
	case strings.Join(found.GrantTypes, " ") != "authorization_code" || strings.Join(found.ResponseTypes, " ") != "code" || strings.Join(found.Scopes, " ") != "notes:read":
		t.Errorf("what it cannot have here is left out: %v %v %v", found.GrantTypes, found.ResponseTypes, found.Scopes)
	case found.Metadata.SoftwareStatement != "" || found.ApplicationType != client.Web || found.Origin != client.MetadataDocument:
		t.Errorf("%+v", found)
	}
	native := s.must(t, s.publish(t, "/native", members{"redirect_uris": []string{"http://localhost/callback", "http://127.0.0.1/callback", "com.example.editor:/callback"}}))
	for uri, wanted := range map[string]bool{"http://localhost:4711/callback": true, "http://127.0.0.1:4711/callback": true, "http://localhost:4711/other": false,
		"http://localhost.example:4711/callback": false, "https://localhost:4711/callback": false, "com.example.editor:/callback": true} {
		if native.MatchRedirectURI(uri) != wanted {
			t.Errorf("RFC 8252 §7.3: %s: %t", uri, !wanted)
		}
	}
	if _, err := s.Clients.ByClientID(t.Context(), s.acme.ID, native.ClientID); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("nothing is stored for whoever only asks: %v", err)
	}
}

// §4, §4.1, §5, §8.1, §8.7: documents that cannot be used, and what their owners are told.
func TestUnusableDocuments(t *testing.T) {
	t.Parallel()
	s := newSite(t, org.Policies{RegistrationRules: org.RegistrationRules{GrantTypes: []string{"authorization_code", "refresh_token"}}})
	serve := func(path, contentType, content string) string { return s.Web.Document(path, contentType, content) }
	for name, c := range map[string]struct{ address, told string }{
		"none":                         {s.Web.URL + "/nothing", "status 404"},
		"a redirect":                   {s.Web.Handle("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/client", http.StatusFound) }), "redirect"},
		"an error":                     {s.Web.Handle("/error", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }), "status 502"},
		"HTML":                         {serve("/html", "text/html", "{}"), "Content-Type"},
		"no JSON":                      {serve("/text", "application/json", "client"), "not a JSON object"},
		"a repeated member":            {serve("/twice", "application/json", `{"client_id":"`+s.Web.URL+`/twice","client_id":"https://other.example/"}`), "not a JSON object"},
		"no client_id":                 {s.publish(t, "/anonymous", members{"client_id": nil}), "not the address"},
		"another client_id":            {s.publish(t, "/other", members{"client_id": s.Web.URL + "/client"}), "not the address"},
		"another spelling":             {s.publish(t, "/spelt", members{"client_id": strings.Replace(s.Web.URL, "https", "HTTPS", 1) + "/spelt"}), "not the address"},
		"a client_id of another type":  {s.publish(t, "/list", members{"client_id": []string{s.Web.URL + "/list"}}), "not the address"},
		"a secret":                     {s.publish(t, "/secret", members{"client_secret": "x"}), "client_secret"},
		"the end of a secret":          {s.publish(t, "/expiring", members{"client_secret_expires_at": 0}), "client_secret"},
		"client_secret_basic":          {s.publish(t, "/basic", members{"token_endpoint_auth_method": "client_secret_basic"}), "token_endpoint_auth_method"},
		"client_secret_jwt":            {s.publish(t, "/jwt", members{"token_endpoint_auth_method": "client_secret_jwt"}), "token_endpoint_auth_method"},
		"private_key_jwt without keys": {s.publish(t, "/keyless", members{"token_endpoint_auth_method": "private_key_jwt"}), "public keys"},
		"a private key": {s.publish(t, "/private", members{"token_endpoint_auth_method": "private_key_jwt", "jwks": json.RawMessage(
			`{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}]}`)}), "private"},
		"another host":               {s.publish(t, "/elsewhere", members{"redirect_uris": []string{"https://bank.example/callback"}}), "on the host of the document"},
		"another port":               {s.publish(t, "/port", members{"redirect_uris": []string{"https://other.example:8443/callback"}}), "on the host of the document"},
		"plain http":                 {s.publish(t, "/plain", members{"redirect_uris": []string{"http://app.example/callback"}}), "not encrypted"},
		"a scheme that runs":         {s.publish(t, "/script", members{"redirect_uris": []string{"javascript:alert(1)"}}), "use https"},
		"no redirect URI":            {s.publish(t, "/nowhere", members{"redirect_uris": nil}), "redirect URI"},
		"only what it cannot have":   {s.publish(t, "/robot", members{"grant_types": []string{"client_credentials"}, "response_types": []string{}}), "grant"},
		"a sector of others":         {s.publish(t, "/sector", members{"sector_identifier_uri": "https://bank.example/sector"}), "sector_identifier_uri"},
		"too large":                  {s.publish(t, "/large", members{"client_name": strings.Repeat("x", 5<<10)}), "larger than 5120"},
		"a name that turns the page": {s.publish(t, "/bidi", members{"client_name": "Editor\u202e"}), "client_name"},
	} {
		s.ForgetRates(t)
		_, err := s.find(t, c.address)
		if told := refusal(t, err); !strings.Contains(told, c.told) {
			t.Errorf("%s: %s", name, told)
		}
	}
	if found := s.must(t, s.publish(t, "/client", nil)); found.Name != "Editor" {
		t.Errorf("%+v", found)
	}
	if found := s.must(t, serve("/typed", "application/cimd+json; charset=utf-8", `{"client_id":"`+s.Web.URL+`/typed","redirect_uris":["`+s.Web.URL+`/"]}`)); found.Name != found.ClientID {
		t.Errorf("§4: %+v", found)
	}
}

// §8.6: only public hosts have documents, also where the operator allows others for applications that are registered.
func TestDocumentsComeFromPublicHosts(t *testing.T) {
	t.Parallel()
	s := newSite(t, org.Policies{})
	address := s.publish(t, "/client", nil)
	s.documents = s.replica(s.Fetch.Restricted(func(netip.Prefix) bool { return false }))
	if _, err := s.find(t, address); !strings.Contains(refusal(t, err), "does not lead to public addresses") || s.Web.Requests("/client") != 0 {
		t.Errorf("%v", err)
	}
}

func TestOrganizationsDecideAboutDocuments(t *testing.T) {
	t.Parallel()
	s := newSite(t, org.Policies{ClientIDMetadataDocumentHosts: []string{"client.example", "127.0.0.1"}})
	address := s.publish(t, "/client", nil)
	kept := s.keep(t, address)
	rival := s.Organization(t, "rival", org.Policies{})
	if _, err := s.documents.Client(t.Context(), rival, address, nil); !strings.Contains(refusal(t, err), "does not accept clients that describe themselves") {
		t.Errorf("closed unless opened: %v", err)
	}
	s.SetPolicies(t, s.acme, org.Policies{ClientIDMetadataDocuments: org.ClientDocumentsOpen, ClientIDMetadataDocumentHosts: []string{"*.client.example"}})
	changed, err := s.Organizations.Serving(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.documents.Client(t.Context(), changed, address, kept); !strings.Contains(refusal(t, err), "documents of this host") {
		t.Errorf("a host that is not allowed any more: %v", err)
	}
}

// §8.4: what is kept follows the document, and whoever it is another client for is asked anew.
func TestAClientFollowsItsDocument(t *testing.T) {
	t.Parallel()
	s := newSite(t, org.Policies{})
	address := s.publish(t, "/client", nil)
	kept := s.keep(t, address)
	person := s.Person(t, s.acme, "ada")
	consent := func(asked int) {
		t.Helper()
		allowed, err := s.Grants.Consents(t.Context(), s.acme.ID, person.ID, store.NewID(), 10)
		if err != nil || len(allowed) != asked {
			t.Fatalf("%v %v", allowed, err)
		}
	}
	s.InTx(t, func(ctx context.Context, tx *store.Tx) error {
		return s.Grants.Consent(ctx, tx, ada, s.acme.ID, person.ID, kept.ID, []string{"openid"})
	})
	consent(1)
	s.publish(t, "/client", members{"policy_uri": "https://client.example/privacy"})
	if found := s.must(t, address); found.PolicyURI != "" {
		t.Error("a document is fresh for a while")
	}
	s.Clock.Advance(6 * time.Minute)
	if found := s.must(t, address); found.PolicyURI == "" || found.ID != kept.ID || found.Version != kept.Version+1 {
		t.Errorf("%+v", found)
	}
	consent(1)
	s.publish(t, "/client", members{"redirect_uris": []string{s.Web.URL + "/moved"}})
	s.Clock.Advance(6 * time.Minute)
	if found := s.must(t, address); !found.MatchRedirectURI(s.Web.URL+"/moved") || found.MatchRedirectURI(s.Web.URL+"/callback") {
		t.Errorf("%+v", found)
	}
	consent(0)
	t.Run("what an administrator decided stays", func(t *testing.T) {
		changed := *s.must(t, address)
		changed.AccessTokenLifetime, changed.Metadata.Resources = time.Minute, []string{"https://api.example/"}
		changed.Metadata.TokenPolicy.AccessTokenFormat = org.OpaqueAccessToken
		s.Change(t, changed)
		s.publish(t, "/client", members{"client_name": "Another"})
		s.Clock.Advance(6 * time.Minute)
		if found := s.must(t, address); found.Name != "Another" || found.AccessTokenLifetime != time.Minute || len(found.Metadata.Resources) != 1 ||
			found.Metadata.TokenPolicy.AccessTokenFormat != org.OpaqueAccessToken {
			t.Errorf("%+v", found)
		}
	})
	t.Run("grants end with the way in which a client proves itself", func(t *testing.T) {
		current := s.must(t, address)
		code := s.Code(t, current, s.SignIn(t, s.acme, person), "openid")
		set := `{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`
		s.publish(t, "/client", members{"token_endpoint_auth_method": "private_key_jwt", "jwks": json.RawMessage(set)})
		s.Clock.Advance(59 * time.Second) // within the life of the code
		s.documents = s.replica(s.Fetch)
		if found := s.must(t, address); found.Public() {
			t.Fatalf("%+v", found)
		}
		var alive int
		if err := s.Store.QueryRow(t.Context(), "SELECT count(*) FROM grants WHERE client_id = $1 AND revoked_at IS NULL", current.ID).Scan(&alive); err != nil || alive != 0 {
			t.Errorf("%d grants of %s are good: %v", alive, code.Code, err)
		}
	})
	var events int
	err := s.Store.QueryRow(t.Context(), "SELECT count(*) FROM audit_events WHERE org_id = $1 AND action = 'client.updated'", s.acme.ID).Scan(&events)
	if err != nil || events != 5 {
		t.Errorf("%d changes were recorded: %v", events, err)
	}
}

// A document that cannot be had for a while does not stop the clients that people use; one that is gone does.
func TestAHostThatIsOutOfReach(t *testing.T) {
	t.Parallel()
	s := newSite(t, org.Policies{})
	address := s.publish(t, "/client", nil)
	kept := s.keep(t, address)
	fresh := s.publish(t, "/new", nil)
	s.Clock.Advance(2 * time.Hour)
	hangUp := func(w http.ResponseWriter, _ *http.Request) {
		connection, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = connection.Close()
		}
	}
	s.Web.Handle("/client", hangUp)
	s.Web.Handle("/new", hangUp)
	if found := s.must(t, address); found.ID != kept.ID {
		t.Errorf("%+v", found)
	}
	if _, err := s.find(t, fresh); !strings.Contains(refusal(t, err), "could not be reached") {
		t.Errorf("nobody knows it: %v", err)
	}
	s.Clock.Advance(25 * time.Hour)
	if _, err := s.find(t, address); !strings.Contains(refusal(t, err), "could not be reached") {
		t.Errorf("for a day at most: %v", err)
	}
	s.publish(t, "/client", nil)
	s.Clock.Advance(2 * time.Minute) // failures are remembered for a minute at most
	if found := s.must(t, address); found.ID != kept.ID {
		t.Errorf("%+v", found)
	}
	s.Clock.Advance(6 * time.Minute)
	s.Web.Handle("/client", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) })
	if _, err := s.find(t, address); !strings.Contains(refusal(t, err), "status 410") {
		t.Errorf("gone: %v", err)
	}
}
