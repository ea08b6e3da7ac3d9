package server

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/identityprovider"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/store"
)

func TestSigningInElsewhere(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	// Nobody is known by that account, whatever address it tells: the account here is proved first.
	if _, err := p.app.Store.Exec(t.Context(), "UPDATE users SET email = 'ada@corp.test', email_verified = true WHERE id = $1", p.ada.ID); err != nil {
		t.Fatal(err)
	}
	b, there := p.elsewhere()
	a := b.get(p.there(there))
	if a.url.Path != "/acme/login" || !strings.Contains(a.text("linking"), "ada@corp.test") || p.identities() != 0 {
		t.Fatalf("%d at %s:\n%s", a.status, a.url, a.body)
	}
	a = b.submit(a, "login-form", "username", p.ada.Username, "password", password)
	if a.url.Path != "/acme/action/link-account" || p.identities() != 0 {
		t.Fatalf("%d at %s", a.status, a.url)
	}
	if none := b.submit(a, "link-identity-form"); none.status != http.StatusUnprocessableEntity || p.identities() != 0 {
		t.Errorf("no button: %d", none.status)
	}
	thief := b.copied()
	if a := thief.get("/acme/account"); !strings.Contains(a.body, p.ada.Username) {
		t.Fatalf("the copy is worth nothing before: %d at %s", a.status, a.url)
	}
	if a = b.allowed(b.submit(a, "link-identity-form", "decision", "link")); a.url.Query().Get("code") == "" || p.identities() != 1 {
		t.Fatalf("%d at %s", a.status, a.url)
	}
	if a := thief.get("/acme/account"); a.element("login-form") == nil {
		t.Errorf("a copied cookie survives that: %d at %s", a.status, a.url)
	}
	if told := p.mail("ada@corp.test"); !strings.Contains(told.Text, "Corp") {
		t.Errorf("%+v", told)
	}
	// From now on that account is enough.
	b, there = p.elsewhere()
	a = b.get(p.there(there))
	if a.element("consent-form") != nil {
		a = b.allowed(a)
	}
	if a.url.Query().Get("code") == "" {
		t.Fatalf("%d at %s", a.status, a.url)
	}
	idToken, _ := p.exchange(a)
	if idToken["sub"] != p.ada.ID.String() || idToken["amr"] != nil {
		t.Errorf("%v", idToken)
	}
	if again := b.get(p.there(there)); again.status != http.StatusGone {
		t.Errorf("the same answer twice: %d at %s", again.status, again.url)
	}
}

func TestNotLinkingGoesOnWithout(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	b, there := p.elsewhere()
	a := b.submit(b.get(p.there(there)), "login-form", "username", p.ada.Username, "password", password)
	if a = b.allowed(b.submit(a, "link-identity-form", "decision", "skip")); a.url.Query().Get("code") == "" || p.identities() != 0 {
		t.Fatalf("%d at %s", a.status, a.url)
	}
}

// What a provider says is believed only when all of it is right, and only in the browser that was sent there.
func TestAnswersOfAProviderThatAreNotBelieved(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.linked(p.ada)
	now := time.Now().Unix()
	for name, claims := range map[string][]any{
		"another issuer":           {"iss", "https://evil.example.test"},
		"another audience":         {"aud", "somebody else"},
		"another party":            {"azp", "somebody else"},
		"several audiences":        {"aud", []string{"acme at corp", "somebody else"}},
		"another nonce":            {"nonce", "of another sign-in"},
		"no nonce":                 {"nonce", nil},
		"no subject":               {"sub", nil},
		"a subject of many lines":  {"sub", "countess\nof"},
		"a subject that is long":   {"sub", strings.Repeat("x", 256)},
		"expired":                  {"exp", now - 120},
		"without an end":           {"exp", nil},
		"from the future":          {"iat", now + 600},
		"of long ago":              {"iat", now - 3600},
		"without a time":           {"iat", nil},
		"an address of other kind": {"email", 7},
	} {
		p.says(claims...)
		b, there := p.elsewhere()
		if a := b.get(p.there(there)); a.status != http.StatusBadGateway || a.element("login-form") == nil || a.text("notice") == "" {
			t.Errorf("%s: %d at %s", name, a.status, a.url)
		}
		if a := b.get(p.authorizeURL("prompt", "none")); a.url.Query().Get("error") != "login_required" {
			t.Errorf("%s: somebody is signed in: %s", name, a.url)
		}
	}
	p.says()
	trusted := p.signer
	other, err := jose.GenerateSigner(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	b, there := p.elsewhere()
	back := p.there(there)
	p.mu.Lock()
	p.signer = other // published, too: but the site has the keys of before until it asks anew
	p.mu.Unlock()
	if a := b.get(back); a.url.Path == "" || a.status >= http.StatusInternalServerError {
		t.Errorf("keys that were rotated: %d at %s", a.status, a.url)
	}
	p.mu.Lock()
	p.signer = trusted
	p.mu.Unlock()
	b, there = p.elsewhere()
	back = p.there(there)
	for name, change := range map[string]func(url.Values){
		"another state":      func(q url.Values) { q.Set("state", q.Get("state")+"x") },
		"no state":           func(q url.Values) { q.Del("state") },
		"the state of a bet": func(q url.Values) { q.Set("state", strings.SplitN(q.Get("state"), ".", 2)[0]) },
	} {
		parsed, _ := url.Parse(back)
		query := parsed.Query()
		change(query)
		if a := b.get("/acme/idp/corp/callback?" + query.Encode()); a.status == http.StatusOK || a.url.Query().Get("code") != "" && a.url.Host == "app.example.test" {
			t.Errorf("%s: %d at %s", name, a.status, a.url)
		}
	}
	if a := p.browser().get(back); a.status != http.StatusGone {
		t.Errorf("in another browser: %d at %s", a.status, a.url)
	}
	if a := b.get(strings.Replace(back, "/idp/corp/", "/idp/other/", 1)); a.status == http.StatusOK {
		t.Errorf("at the address of another provider: %d at %s", a.status, a.url)
	}
	if a := b.get(back + "&iss=" + url.QueryEscape("https://evil.example.test")); a.status != http.StatusBadRequest {
		t.Errorf("mixed up (RFC 9207): %d at %s", a.status, a.url)
	}
}

func TestAProviderThatDeclines(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	for code, redeemed := range map[string]int{"access_denied": 0, "server_error": 0} {
		b, there := p.elsewhere()
		a := b.get("/acme/idp/corp/callback?" + url.Values{"error": {code}, "state": {there.url.Query().Get("state")}}.Encode())
		if a.status != http.StatusUnprocessableEntity || a.element("login-form") == nil || a.text("notice") == "" || p.redeemed != redeemed {
			t.Errorf("%s: %d at %s", code, a.status, a.url)
		}
		// The person signs in here instead.
		if a = b.submit(a, "login-form", "username", p.ada.Username, "password", password); a.element("consent-form") == nil {
			t.Errorf("%d at %s", a.status, a.url)
		}
	}
	b, there := p.elsewhere()
	parsed, _ := url.Parse(p.there(there))
	query := parsed.Query()
	query.Set("code", "never issued")
	if a := b.get("/acme/idp/corp/callback?" + query.Encode()); a.status != http.StatusBadGateway || a.element("login-form") == nil {
		t.Errorf("a code that nobody issued: %d at %s", a.status, a.url)
	}
}

// Whoever is not let in is told of in the audit log, and going to a provider counts as often as beginning a sign-in.
func TestRefusalsAfterAProviderAreToldAndLimited(t *testing.T) {
	t.Parallel()
	p := newPeer(t, "sign_ins_per_network", "4")
	b, there := p.elsewhere()
	a := b.get("/acme/idp/corp/callback?" + url.Values{"error": {"access_denied"}, "state": {there.url.Query().Get("state")}}.Encode())
	p.says("nonce", "another")
	a = b.get(attribute(a.element("idp-corp"), "href"))
	a = b.get(p.there(a))
	var reasons []string
	rows, err := p.app.Store.Query(t.Context(), `SELECT details ->> 'reason' FROM audit_events WHERE org_id = $1 AND action = 'sign_in.failed' AND outcome = 'failure'
		AND details ->> 'method' = 'identity_provider' AND details ->> 'issuer' = $2 ORDER BY id`, p.acme.ID, p.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var reason string
		if err := rows.Scan(&reason); err != nil {
			t.Fatal(err)
		}
		reasons = append(reasons, reason)
	}
	if len(reasons) != 2 || reasons[0] != "identity_provider_declined" {
		t.Errorf("%q", reasons)
	}
	link := attribute(a.element("idp-corp"), "href")
	if a = b.get(link); a.url.Path != "/authorize" {
		t.Errorf("the third time: %d at %s", a.status, a.url)
	}
	if a = b.get(link); a.status != http.StatusTooManyRequests {
		t.Errorf("too often: %d at %s", a.status, a.url)
	}
}

func TestAnAnswerOfAProviderThatIsTooLong(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.linked(p.ada)
	p.padding = 70 << 10
	b, there := p.elsewhere()
	if a := b.get(p.there(there)); a.status != http.StatusBadGateway || a.element("login-form") == nil {
		t.Errorf("%d at %s", a.status, a.url)
	}
	p.padding = 0
	b, there = p.elsewhere()
	if a := b.get(p.there(there)); a.element("consent-form") == nil {
		t.Errorf("afterwards: %d at %s", a.status, a.url)
	}
	large := newPeer(t)
	large.metadata = map[string]any{"padding": strings.Repeat("x", 260<<10)}
	b = large.browser()
	if a := b.get(attribute(b.get(large.authorizeURL()).element("idp-corp"), "href")); a.status < 500 {
		t.Errorf("metadata: %d at %s", a.status, a.url)
	}
}

// What signs nobody in is no way in: here a provider that is switched off.
func TestTheLastWayInIsCountedByWhatWorks(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	other := p.provide(p.acme, identityprovider.Provider{Alias: "old", Name: "Old", Issuer: "https://old.example.test", ClientID: "acme", Status: identityprovider.Disabled}, peerSecret)
	p.linked(p.ada)
	p.inTx(func(ctx context.Context, tx *store.Tx) error {
		_, err := p.app.Providers.Link(ctx, tx, operator, identityprovider.Identity{OrgID: p.acme.ID, ProviderID: other.ID, Subject: "countess", UserID: p.ada.ID})
		return err
	})
	b, page := p.atAccount(p.ada, "account/identities")
	if _, err := p.app.Store.Exec(t.Context(), "DELETE FROM credentials WHERE user_id = $1", p.ada.ID); err != nil {
		t.Fatal(err)
	}
	_, fields := page.form("identities-form")
	linked, err := p.app.Providers.OfUser(t.Context(), p.app.Store, p.acme.ID, p.ada.ID)
	if err != nil || len(linked) != 2 {
		t.Fatal(err)
	}
	for _, one := range linked {
		fields.Set("unlink", one.ID.String())
		a := b.post("/acme/account/identities", fields)
		if works := one.ProviderID == p.provider.ID; works != (a.status == http.StatusConflict) {
			t.Errorf("works: %v, %d at %s", works, a.status, a.url)
		}
	}
	invited := p.app.Store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		_, _, err := p.app.Invitations.Create(ctx, tx, operator, p.acme, p.ada)
		return err
	})
	if faultOf(invited) == nil || faultOf(invited).Code != credential.ErrNotInvited.Code {
		t.Errorf("somebody who signs in elsewhere is invited: %v", invited)
	}
}

func TestADescriptionOfAProviderThatIsNotBelieved(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]map[string]any{
		"another issuer":                    {"issuer": "https://evil.example.test"},
		"no endpoint":                       {"authorization_endpoint": nil},
		"an endpoint without TLS":           {"authorization_endpoint": "http://corp.example.test/authorize"},
		"a script":                          {"authorization_endpoint": "javascript:alert(1)"},
		"no algorithm that proves anything": {"id_token_signing_alg_values_supported": []string{"HS256", "none"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPeer(t)
			p.metadata = change
			b, there := p.elsewhere()
			if strings.Contains(name, "algorithm") {
				there = b.get(p.there(there))
			}
			if there.status < 500 {
				t.Errorf("%d at %s", there.status, there.url)
			}
		})
	}
}

// One account elsewhere is one person here; and nobody links it without proof of both, in one browser, a moment ago.
func TestWhoLinksAnAccountElsewhere(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	bob := p.person(p.acme, "bob@acme.test")
	p.linked(p.ada)
	b, page := p.atAccount(bob, "account/identities")
	a := b.get(p.there(b.open2(b.submit(page, "identities-form", "link", "corp"))))
	if a = b.submit(a, "link-identity-form", "decision", "link"); a.status != http.StatusConflict || p.identities() != 1 {
		t.Errorf("linked to two people: %d at %s", a.status, a.url)
	}
	p.says("sub", "bob there")
	b, page = p.atAccount(bob, "account/identities")
	a = b.get(p.there(b.open2(b.submit(page, "identities-form", "link", "corp"))))
	p.longAgo(bob)
	if late := b.submit(a, "link-identity-form", "decision", "link"); late.url.Path != "/acme/login" || p.identities() != 1 {
		t.Errorf("without a fresh proof: %d at %s", late.status, late.url)
	}
	b, page = p.atAccount(bob, "account/identities")
	back := p.there(b.open2(b.submit(page, "identities-form", "link", "corp")))
	if elsewhere := p.browser().get(back); elsewhere.status != http.StatusGone || p.identities() != 1 {
		t.Errorf("in another browser: %d", elsewhere.status)
	}
	a = b.get(back)
	_, fields := a.form("link-identity-form")
	fields.Set("decision", "link")
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() { b.post("/acme/action/link-account", fields) })
	}
	group.Wait()
	if p.identities() != 2 {
		t.Errorf("%d identities after linking at the same time", p.identities())
	}
}

func TestRemovingAnAccountElsewhere(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	bob := p.person(p.acme, "bob@acme.test")
	p.linked(p.ada)
	b, page := p.atAccount(p.ada, "account/identities")
	_, fields := page.form("identities-form")
	fields.Set("unlink", attribute(page.element("unlink-1"), "value"))
	other, otherPage := p.atAccount(bob, "account/identities")
	_, others := otherPage.form("identities-form")
	others.Set("unlink", fields.Get("unlink"))
	if a := other.post("/acme/account/identities", others); a.status != http.StatusNotFound || p.identities() != 1 {
		t.Errorf("somebody else's: %d", a.status)
	}
	if _, err := p.app.Store.Exec(t.Context(), "DELETE FROM credentials WHERE user_id = $1", p.ada.ID); err != nil {
		t.Fatal(err)
	}
	if a := b.post("/acme/account/identities", fields); a.status != http.StatusConflict || p.identities() != 1 {
		t.Errorf("the only way in: %d", a.status)
	}
	p.setPassword(p.ada, password, false)
	b, page = p.atAccount(p.ada, "account/identities")
	_, fields = page.form("identities-form")
	fields.Set("unlink", attribute(page.element("unlink-1"), "value"))
	waiting, there := p.elsewhere("scope", "openid email", "prompt", "consent")
	held := waiting.get(p.there(there)) // signed in there, at the page of consent here: the session is begun
	if held.element("consent-form") == nil {
		t.Fatalf("%d at %s", held.status, held.url)
	}
	if a := b.post("/acme/account/identities", fields); a.status != http.StatusSeeOther && a.status != http.StatusOK || p.identities() != 0 {
		t.Errorf("%d at %s", a.status, a.url)
	}
	if a := waiting.get(p.authorizeURL("prompt", "none")); a.url.Query().Get("error") != "login_required" {
		t.Errorf("who came in by it stays: %s", a.url)
	}
	fresh, there := p.elsewhere()
	if a := fresh.get(p.there(there)); a.element("linking") == nil {
		t.Errorf("it lets in still: %d at %s", a.status, a.url)
	}
}

// A proof that waits at the second factor is worth nothing when the identity goes, or the provider is switched off.
func TestASecondFactorAfterASignInElsewhere(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.linked(p.ada)
	app := p.addApp(p.ada)
	b, there := p.elsewhere()
	page := b.get(p.there(there))
	if page.element("otp-form") == nil {
		t.Fatalf("%d at %s", page.status, page.url)
	}
	late, there := p.elsewhere()
	latePage := late.get(p.there(there))
	if a := b.allowed(b.submit(page, "otp-form", "code", app.code())); a.url.Query().Get("code") == "" {
		t.Errorf("%d at %s", a.status, a.url)
	}
	changed := *p.provider
	changed.Status = identityprovider.Disabled
	p.inTx(func(ctx context.Context, tx *store.Tx) (err error) {
		_, err = p.app.Providers.Update(ctx, tx, operator, changed, nil)
		return err
	})
	p.app.Providers.Forget(p.acme.ID)
	if a := late.submit(latePage, "otp-form", "recovery_code", app.codes[0]); a.element("login-form") == nil || a.element("idp-corp") != nil {
		t.Errorf("switched off meanwhile: %d at %s", a.status, a.url)
	}
}

// An application that wants a fresh proof gets one there, or none.
func TestAFreshProofElsewhere(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.linked(p.ada)
	b, there := p.elsewhere("prompt", "login")
	if there.url.Query().Get("max_age") == "" {
		t.Errorf("the provider is not told: %s", there.url)
	}
	p.says("auth_time", time.Now().Unix()-3600)
	if a := b.get(p.there(there)); a.status != http.StatusBadGateway || a.element("login-form") == nil {
		t.Errorf("of an hour ago: %d at %s", a.status, a.url)
	}
	p.says("auth_time", nil)
	b, there = p.elsewhere("max_age", "60")
	if a := b.get(p.there(there)); a.status == http.StatusBadGateway && there.url.Query().Get("max_age") == "" {
		t.Errorf("not demanded, and yet refused: %d at %s", a.status, a.url)
	}
	// What is said nothing of is no fresh proof, for sensitive pages either.
	b, there = p.elsewhere()
	if a := b.allowed(b.get(p.there(there))); a.url.Query().Get("code") == "" {
		t.Errorf("without auth_time: %d at %s", a.status, a.url)
	}
	if a := b.get("/acme/account/password"); a.element("login-form") == nil {
		t.Errorf("it opens a sensitive page: %d at %s", a.status, a.url)
	}
	p.says("auth_time", time.Now().Add(-8*24*time.Hour).Unix())
	b, there = p.elsewhere()
	if a := b.get(p.there(there)); a.status != http.StatusBadGateway || a.element("login-form") == nil {
		t.Errorf("older than any session: %d at %s", a.status, a.url)
	}
	p.says()
	b, there = p.elsewhere("prompt", "login")
	if a := b.allowed(b.get(p.there(there))); a.url.Query().Get("code") == "" {
		t.Errorf("%d at %s", a.status, a.url)
	}
}

// The same with a provider that is none of the test: another organization of this server, by its own pages.
func TestSigningInAtAnotherOrganization(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	rival := p.organization("rival")
	p.person(rival, "countess@rival.test")
	for _, method := range []client.AuthenticationMethod{client.ClientSecretBasic, client.ClientSecretPost, client.None} {
		made, secret := p.client(rival, client.Client{Name: "Acme", AuthenticationMethod: method, RedirectURIs: []string{p.site.server.URL + "/acme/idp/rival-" + strings.ReplaceAll(string(method), "_", "-") + "/callback"},
			GrantTypes: []string{client.AuthorizationCode}, RequireConsent: false})
		alias := "rival-" + strings.ReplaceAll(string(method), "_", "-")
		p.provide(p.acme, identityprovider.Provider{Alias: alias, Name: "Rival " + string(method), Issuer: p.site.server.URL + "/rival", ClientID: made.ClientID, ClientAuthentication: string(method)}, secret)
		b := p.browser()
		a := b.get(attribute(b.get(p.authorizeURL()).element("idp-"+alias), "href"))
		if a.url.Path != "/rival/login" {
			t.Fatalf("%s: %d at %s", method, a.status, a.url)
		}
		a = b.submit(a, "login-form", "username", "countess@rival.test", "password", password)
		if a.url.Path != "/acme/login" || !strings.Contains(a.text("linking"), "countess@rival.test") { // which our ID tokens do not say: the userinfo endpoint does
			t.Fatalf("%s: %d at %s:\n%s", method, a.status, a.url, a.body)
		}
		a = b.submit(a, "login-form", "username", p.ada.Username, "password", password)
		if a = b.submit(a, "link-identity-form", "decision", "link"); a.element("consent-form") == nil && a.url.Query().Get("code") == "" {
			t.Errorf("%s: %d at %s", method, a.status, a.url)
		}
	}
	if providers, err := p.app.Providers.Active(t.Context(), rival.ID); err != nil || len(providers) != 0 {
		t.Errorf("another organization has them, too: %v %v", providers, err)
	}
	if p.identities() != 3 {
		t.Errorf("%d identities", p.identities())
	}
}

func faultOf(err error) *fault.Error {
	if err == nil {
		return nil
	}
	return fault.From(err)
}
