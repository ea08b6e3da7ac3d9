package admin_test

import (
	"context"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/store"
)

// What a document says of a client only the document changes; administrators decide about the rest.
func TestClientsThatADocumentDescribes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace, rival := s.administrator(s.acme), s.administrator(s.rival)
	const clientID = "https://editor.example/oauth/client.json"
	s.InTx(t, func(ctx context.Context, tx *store.Tx) error {
		_, _, err := s.Clients.Create(ctx, tx, oidctest.Actor(), client.Client{OrgID: s.acme.ID, ClientID: clientID, Name: "Editor", AuthenticationMethod: client.None,
			RedirectURIs: []string{"https://editor.example/callback"}, Origin: client.MetadataDocument, RequireConsent: true, DocumentReadAt: s.Clock.Now()}, "")
		return err
	})
	found := grace.get("/orgs/acme/clients?q=https://editor").must(200)
	at := "/orgs/acme/clients/" + found.text("items.0.id")
	read := grace.get(at).must(200)
	if read.text("origin") != "metadata_document" || read.text("client_id") != clientID {
		t.Fatalf("%s", read.body)
	}
	for _, change := range []fields{{"client_name": "Mine"}, {"redirect_uris": []string{"https://thief.example/"}}, {"scopes": []string{"openid"}}, {"token_endpoint_auth_method": "client_secret_basic"}} {
		grace.do("PATCH", at, change, "If-Match", read.etag()).refuses(409, "client_described_by_document")
	}
	if got := grace.do("PATCH", at, fields{"require_consent": false}, "If-Match", read.etag()); got.status != 422 {
		t.Errorf("people are always asked: %d %s", got.status, got.body)
	}
	changed := grace.do("PATCH", at, fields{"status": "disabled", "access_token_lifetime_seconds": 60}, "If-Match", read.etag()).must(200)
	if changed.text("client.status") != "disabled" || changed.at("client.access_token_lifetime_seconds") != 60.0 {
		t.Errorf("%s", changed.body)
	}
	rival.get("/orgs/rival/clients/"+found.text("items.0.id")).refuses(404, "client_not_found")
	grace.do("DELETE", at, nil, "If-Match", changed.etag()).must(204)
}

func TestThePolicyOfDocuments(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	before := grace.get("/orgs/acme").must(200)
	if before.text("policies.client_id_metadata_documents") != "closed" {
		t.Errorf("%s", before.body)
	}
	open := fields{"client_id_metadata_documents": "open", "client_id_metadata_document_hosts": []string{"client.example", "*.editor.example"}}
	after := grace.do("PATCH", "/orgs/acme", fields{"policies": open}, "If-Match", before.etag()).must(200)
	if after.text("policies.client_id_metadata_documents") != "open" || after.text("policies.client_id_metadata_document_hosts.1") != "*.editor.example" {
		t.Errorf("%s", after.body)
	}
	for _, wrong := range []fields{{"client_id_metadata_documents": "everybody"}, {"client_id_metadata_document_hosts": []string{"https://client.example"}},
		{"client_id_metadata_document_hosts": []string{"Client.example"}}} {
		if got := grace.do("PATCH", "/orgs/acme", fields{"policies": wrong}, "If-Match", after.etag()); got.status != 422 {
			t.Errorf("%v: %d %s", wrong, got.status, got.body)
		}
	}
}
