package registration_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
)

// manage sends a request to the client configuration endpoint of what was registered.
func manage(p *oidctest.Provider, method string, registered oidctest.Answer, body string) oidctest.Answer {
	return manageWith(p, method, registered, registered.Text("registration_access_token"), body)
}

func manageWith(p *oidctest.Provider, method string, registered oidctest.Answer, token, body string) oidctest.Answer {
	address, _ := url.Parse(registered.Text("registration_client_uri"))
	header := []string{"Content-Type", jsonType}
	if token != "" {
		header = append(header, "Authorization", "Bearer "+token)
	}
	return p.Send(method, address.EscapedPath(), body, header...)
}

func TestManagement(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	open := p.Organization(t, "open", org.Policies{Registration: org.RegistrationOpen})
	registered := p.PostBody(open, "register", jsonType, everything)
	id := registered.Text("client_id")
	t.Run("read (RFC 7592 §2.1, §3)", func(t *testing.T) {
		got := manage(p, http.MethodGet, registered, "")
		if got.Status != 200 || got.Header.Get("Cache-Control") != "no-store" || got.Text("client_id") != id || got.JSON["client_secret"] != nil ||
			got.JSON["client_secret_expires_at"] != 0.0 || got.JSON["client_id_issued_at"] != registered.JSON["client_id_issued_at"] ||
			got.Text("registration_client_uri") != registered.Text("registration_client_uri") ||
			got.Text("registration_access_token") != registered.Text("registration_access_token") {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	})
	t.Run("update replaces; what is left out gets its default (RFC 7592 §2.2)", func(t *testing.T) {
		got := manage(p, http.MethodPut, registered, `{"client_id":"`+id+`","client_secret":"`+registered.Text("client_secret")+`","redirect_uris":["https://new.example.test/"]}`)
		if got.Status != 200 || got.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
		for _, gone := range []string{"client_uri", "client_name#it", "logo_uri", "contacts", "jwks", "default_max_age", "initiate_login_uri", "backchannel_logout_uri",
			"frontchannel_logout_uri", "post_logout_redirect_uris", "software_id", "request_uris", "userinfo_signed_response_alg", "client_secret"} {
			if got.JSON[gone] != nil {
				t.Errorf("%s is still %v", gone, got.JSON[gone])
			}
		}
		if got.Text("client_name") != id || got.Text("subject_type") != "public" || got.Text("token_endpoint_auth_method") != "client_secret_basic" ||
			got.Text("id_token_signed_response_alg") != "RS256" || got.JSON["require_auth_time"] != false ||
			got.Text("registration_access_token") != registered.Text("registration_access_token") {
			t.Errorf("%s", got.Body)
		}
		after, err := p.Clients.ByClientID(t.Context(), open.ID, id)
		if err != nil || !after.SecretMatches(registered.Text("client_secret")) || !after.RequireConsent || after.Origin != client.Dynamic {
			t.Errorf("%v %+v", err, after)
		}
	})
	t.Run("a client that becomes public loses its secret, and gets another when it is confidential again", func(t *testing.T) {
		body := `{"client_id":"` + id + `","redirect_uris":["https://new.example.test/"],"token_endpoint_auth_method":"`
		got := manage(p, http.MethodPut, registered, body+`none"}`)
		if got.Status != 200 || got.JSON["client_secret"] != nil || got.JSON["client_secret_expires_at"] != nil {
			t.Errorf("%d %s", got.Status, got.Body)
		}
		got = manage(p, http.MethodPut, registered, body+`client_secret_basic"}`)
		if got.Status != 200 || len(got.Text("client_secret")) != 43 || got.Text("client_secret") == registered.Text("client_secret") || got.JSON["client_secret_expires_at"] != 0.0 {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	})
	t.Run("is audited in the client's name", func(t *testing.T) {
		var count int
		if err := p.Store.QueryRow(t.Context(), "SELECT count(*) FROM audit_events WHERE org_id = $1 AND action = 'client.updated' AND actor_kind = 'client'", open.ID).Scan(&count); err != nil || count != 3 {
			t.Errorf("%v %d", err, count)
		}
	})
}

func TestManagementRefusesUpdates(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	open := p.Organization(t, "open", org.Policies{Registration: org.RegistrationOpen})
	const uris = `"redirect_uris":["https://app.example.test/"]`
	registered := p.PostBody(open, "register", jsonType, `{`+uris+`}`)
	id := `"client_id":"` + registered.Text("client_id") + `",`
	for name, test := range map[string]struct{ body, code string }{
		"no client_id":                 {`{` + uris + `}`, "invalid_client_metadata"},
		"another client_id":            {`{"client_id":"clavex-console",` + uris + `}`, "invalid_client_metadata"},
		"client_id that is a number":   {`{"client_id":1,` + uris + `}`, "invalid_client_metadata"},
		"a secret of one's own":        {`{` + id + `"client_secret":"chosen",` + uris + `}`, "invalid_client_metadata"},
		"an empty secret":              {`{` + id + `"client_secret":"",` + uris + `}`, "invalid_client_metadata"},
		"registration_access_token":    {`{` + id + `"registration_access_token":"` + registered.Text("registration_access_token") + `",` + uris + `}`, "invalid_client_metadata"},
		"registration_client_uri":      {`{` + id + `"registration_client_uri":"` + registered.Text("registration_client_uri") + `",` + uris + `}`, "invalid_client_metadata"},
		"client_secret_expires_at":     {`{` + id + `"client_secret_expires_at":0,` + uris + `}`, "invalid_client_metadata"},
		"client_id_issued_at":          {`{` + id + `"client_id_issued_at":0,` + uris + `}`, "invalid_client_metadata"},
		"client_credentials":           {`{` + id + uris + `,"grant_types":["authorization_code","client_credentials"]}`, "invalid_client_metadata"},
		"scope of the Admin API":       {`{` + id + uris + `,"scope":"openid admin:write"}`, "invalid_client_metadata"},
		"implicit under OAuth 2.1":     {`{` + id + uris + `,"grant_types":["implicit"],"response_types":["id_token"]}`, "invalid_client_metadata"},
		"redirect URI with a fragment": {`{` + id + `"redirect_uris":["https://app.example.test/#x"]}`, "invalid_redirect_uri"},
		"no redirect URI":              {`{` + id + `"redirect_uris":[]}`, "invalid_redirect_uri"},
		"not JSON":                     {`{`, "invalid_client_metadata"},
		"a member twice":               {`{` + id + id + uris + `}`, "invalid_client_metadata"},
		"http initiate_login_uri":      {`{` + id + uris + `,"initiate_login_uri":"http://localhost/"}`, "invalid_client_metadata"},
	} {
		p.ForgetRates(t)
		if got := manage(p, http.MethodPut, registered, test.body); got.Status != 400 || got.ErrorCode() != test.code {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	if got := manage(p, http.MethodPut, registered, `{"x":"`+strings.Repeat("x", 70<<10)+`"}`); got.Status != 413 {
		t.Errorf("oversized: %d", got.Status)
	}
	t.Run("what the client says of consent, profile or status has no effect", func(t *testing.T) {
		got := manage(p, http.MethodPut, registered, `{`+id+uris+`,"require_consent":false,"profile":"oidc-legacy","status":"disabled","origin":"administrator"}`)
		after, err := p.Clients.ByClientID(t.Context(), open.ID, registered.Text("client_id"))
		if got.Status != 200 || err != nil || !after.RequireConsent || after.Profile != "" || after.Status != client.Active || after.Origin != client.Dynamic {
			t.Errorf("%d %s %v %+v", got.Status, got.Body, err, after)
		}
	})
	t.Run("what an administrator gave it may keep, and a disabled one may do nothing (RFC 7592 §2.1)", func(t *testing.T) {
		current, err := p.Clients.ByClientID(t.Context(), open.ID, registered.Text("client_id"))
		if err != nil {
			t.Fatal(err)
		}
		changed := *current
		changed.Scopes, changed.Profile = []string{"openid", "orders"}, org.ProfileOIDCLegacy
		changed = *p.Change(t, changed)
		got := manage(p, http.MethodPut, registered, `{`+id+uris+`,"scope":"openid orders"}`)
		after, err := p.Clients.ByClientID(t.Context(), open.ID, registered.Text("client_id"))
		if got.Status != 200 || got.Text("scope") != "openid orders" || err != nil || after.Profile != org.ProfileOIDCLegacy {
			t.Errorf("%d %s %v", got.Status, got.Body, err)
		}
		changed = *after
		changed.Status = client.Disabled
		p.Change(t, changed)
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
			if got := manage(p, method, registered, `{`+id+uris+`}`); got.Status != 403 || got.ErrorCode() != "access_denied" {
				t.Errorf("%s: %d %s", method, got.Status, got.Body)
			}
		}
	})
}

// RFC 7592 §2: every way not to be the client gets the same answer.
func TestManagementRefusesStrangers(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	open, other := p.Organization(t, "open", org.Policies{Registration: org.RegistrationOpen}), p.Organization(t, "other", org.Policies{Registration: org.RegistrationOpen})
	const body = `{"redirect_uris":["https://app.example.test/"]}`
	first, second, elsewhere := p.PostBody(open, "register", jsonType, body), p.PostBody(open, "register", jsonType, body), p.PostBody(other, "register", jsonType, body)
	token := first.Text("registration_access_token")
	byAdministrator, _ := p.Application(t, open, client.Client{})
	deleted := p.PostBody(open, "register", jsonType, body)
	if got := manage(p, http.MethodDelete, deleted, ""); got.Status != 204 {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	var answers []string
	for name, test := range map[string]struct{ path, token string }{
		"another client":             {"/open/register/" + second.Text("client_id"), token},
		"another organization":       {"/other/register/" + first.Text("client_id"), token},
		"client of another":          {"/open/register/" + elsewhere.Text("client_id"), elsewhere.Text("registration_access_token")},
		"no such client":             {"/open/register/nobody", token},
		"a deleted client":           {"/open/register/" + deleted.Text("client_id"), deleted.Text("registration_access_token")},
		"of an administrator":        {"/open/register/" + byAdministrator.ClientID, token},
		"the console":                {"/open/register/clavex-console", token},
		"a wrong token":              {"/open/register/" + first.Text("client_id"), token + "x"},
		"its secret":                 {"/open/register/" + first.Text("client_id"), first.Text("client_secret")},
		"its client_id":              {"/open/register/" + first.Text("client_id"), first.Text("client_id")},
		"a client that is no client": {"/open/register/%00", token},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
			got := p.Send(method, test.path, `{}`, "Content-Type", jsonType, "Authorization", "Bearer "+test.token)
			if got.Status != 401 || got.ErrorCode() != "invalid_token" || !strings.HasPrefix(got.Header.Get("WWW-Authenticate"), "Bearer ") || got.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s, %s: %d %s %v", name, method, got.Status, got.Body, got.Header)
			}
			answers = append(answers, string(got.Body))
		}
	}
	for _, answer := range answers {
		if answer != answers[0] {
			t.Errorf("answers differ: %s, %s", answer, answers[0])
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
		if got := manageWith(p, method, first, "", body); got.Status != 401 || got.Header.Get("WWW-Authenticate") != `Bearer realm="clavex"` || len(got.Body) != 0 {
			t.Errorf("no token, %s: %d %s %v", method, got.Status, got.Body, got.Header)
		}
		path := "/open/register/" + first.Text("client_id")
		if got := p.Send(method, path, body, "Content-Type", jsonType, "Authorization", oidctest.Basic(first.Text("client_id"), first.Text("client_secret"))); got.Status != 401 {
			t.Errorf("the client's own authentication, %s: %d", method, got.Status)
		}
		if got := p.Send(method, path+"?access_token="+token, body, "Content-Type", jsonType); got.Status != 400 {
			t.Errorf("token in the address, %s: %d", method, got.Status)
		}
	}
	if got := p.Send(http.MethodPost, "/open/register/"+first.Text("client_id"), body, "Authorization", "Bearer "+token); got.Status != 405 {
		t.Errorf("POST: %d", got.Status)
	}
	if got := manage(p, http.MethodGet, first, ""); got.Status != 200 {
		t.Errorf("it works for the client itself: %d %s", got.Status, got.Body)
	}
}

// RFC 7592 §2.3.
func TestDeletedClientIsGoneWithItsTokens(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	open := p.Organization(t, "open", org.Policies{Registration: org.RegistrationOpen})
	registered := p.PostBody(open, "register", jsonType, `{"redirect_uris":["https://app.example.test/callback"],"grant_types":["authorization_code","refresh_token"]}`)
	stored, err := p.Clients.ByClientID(t.Context(), open.ID, registered.Text("client_id"))
	if err != nil {
		t.Fatal(err)
	}
	party := &oidctest.Party{Provider: p, Organization: open, Client: stored, Secret: registered.Text("client_secret")}
	tokens := party.Redeem(p.Code(t, stored, p.SignIn(t, open, p.Person(t, open, "ada")), "openid", "offline_access"))
	if tokens.Status != 200 || party.Userinfo(tokens.Text("access_token")).Status != 200 {
		t.Fatalf("%d %s", tokens.Status, tokens.Body)
	}
	got := manage(p, http.MethodDelete, registered, "")
	if got.Status != 204 || len(got.Body) != 0 || got.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s %v", got.Status, got.Body, got.Header)
	}
	if got := party.Userinfo(tokens.Text("access_token")); got.Status != 401 {
		t.Errorf("access token: %d", got.Status)
	}
	if got := party.Refresh(tokens.Text("refresh_token")); got.Status != 401 {
		t.Errorf("refresh token: %d", got.Status)
	}
	if got := manage(p, http.MethodDelete, registered, ""); got.Status != 401 {
		t.Errorf("again: %d", got.Status)
	}
}

func TestManagementOfTwoAtOnce(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	open := p.Organization(t, "open", org.Policies{Registration: org.RegistrationOpen})
	at := func(method string, registered oidctest.Answer, body string) (statuses [2]int) {
		var both sync.WaitGroup
		for i := range statuses {
			both.Go(func() { statuses[i] = manage(p, method, registered, body).Status })
		}
		both.Wait()
		return statuses
	}
	registered := p.PostBody(open, "register", jsonType, `{"redirect_uris":["https://app.example.test/"]}`)
	if got := at(http.MethodPut, registered, `{"client_id":"`+registered.Text("client_id")+`","redirect_uris":["https://app.example.test/"]}`); got != [2]int{200, 200} {
		t.Errorf("update: %v", got)
	}
	if got := at(http.MethodDelete, registered, ""); got != [2]int{204, 401} && got != [2]int{401, 204} {
		t.Errorf("delete: %v", got)
	}
}

// A client that registered while that was allowed can be read and deleted, and cannot move.
func TestManagementAfterThePolicyChanged(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	organization := p.Organization(t, "changing", org.Policies{Registration: org.RegistrationOpen})
	registered := p.PostBody(organization, "register", jsonType, `{"redirect_uris":["https://app.example.test/"]}`)
	update := `{"client_id":"` + registered.Text("client_id") + `","redirect_uris":["https://app.example.test/"]}`
	p.SetPolicies(t, organization, org.Policies{Registration: org.RegistrationLoopback})
	if got := manage(p, http.MethodPut, registered, update); got.Status != 400 || got.ErrorCode() != "invalid_redirect_uri" {
		t.Errorf("loopback: %d %s", got.Status, got.Body)
	}
	organization, err := p.Organizations.BySlug(t.Context(), "changing")
	if err != nil {
		t.Fatal(err)
	}
	p.SetPolicies(t, organization, org.Policies{})
	if got := manage(p, http.MethodPut, registered, update); got.Status != 403 || got.ErrorCode() != "access_denied" {
		t.Errorf("closed: %d %s", got.Status, got.Body)
	}
	if got := manage(p, http.MethodGet, registered, ""); got.Status != 200 {
		t.Errorf("closed, read: %d %s", got.Status, got.Body)
	}
	if got := manage(p, http.MethodDelete, registered, ""); got.Status != 204 {
		t.Errorf("closed, delete: %d %s", got.Status, got.Body)
	}
}
