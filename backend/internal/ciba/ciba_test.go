package ciba_test

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/resource"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

const notificationToken = "8d67dc78-7faa-4d41-aabd-67707b374255"

// scene is an organization with a person who is signed in and a bank, which asks for them.
type scene struct {
	*oidctest.Provider
	organization *org.Organization
	ada          *user.User
	session      session.Session
	bank         *oidctest.Party
}

func newScene(t *testing.T) *scene {
	t.Helper()
	p := oidctest.NewProvider(t)
	s := &scene{Provider: p, organization: p.Organization(t, "acme", org.Policies{})}
	s.ada = p.Person(t, s.organization, "ada")
	s.session = p.SignIn(t, s.organization, s.ada)
	s.bank = p.Party(t, s.organization, asks("bank", client.Poll, client.Metadata{}))
	return s
}

// asks is a client that asks through the back channel.
func asks(clientID string, mode client.DeliveryMode, metadata client.Metadata) client.Client {
	metadata.BackchannelTokenDeliveryMode = mode
	return client.Client{ClientID: clientID, Name: "Bank", AuthenticationMethod: client.ClientSecretBasic, GrantTypes: []string{client.CIBA, client.RefreshToken}, ResponseTypes: []string{},
		Metadata: metadata}
}

func (s *scene) begin(t *testing.T, by *oidctest.Party, namesAndValues ...string) oidctest.Answer {
	t.Helper()
	if !slices.Contains(namesAndValues, "scope") {
		namesAndValues = append(namesAndValues, "scope", "openid")
	}
	answer := by.Post("bc-authorize", append(namesAndValues, "login_hint", s.ada.Username)...)
	if answer.Status != 200 {
		t.Fatalf("backchannel authentication: %d %s", answer.Status, answer.Body)
	}
	return answer
}

func (s *scene) poll(by *oidctest.Party, begun oidctest.Answer, namesAndValues ...string) oidctest.Answer {
	return by.Post("token", append([]string{"grant_type", client.CIBA, "auth_req_id", begun.Text("auth_req_id")}, namesAndValues...)...)
}

// pending is the newest request that waits for ada.
func (s *scene) pending(t *testing.T) grant.BackchannelRequest {
	t.Helper()
	found, err := s.Grants.PendingBackchannel(t.Context(), s.organization.ID, s.ada.ID, uuid.Max, 10)
	if err != nil || len(found) == 0 {
		t.Fatalf("%d requests wait, %v", len(found), err)
	}
	return found[0]
}

// decide is what the page, or a program of the operator, does when ada has decided about the newest request.
func (s *scene) decide(t *testing.T, allow bool) error {
	t.Helper()
	found := s.pending(t)
	return s.Store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		if !allow {
			return s.Backchannel.DenyFor(ctx, tx, oidctest.Actor(), s.organization, &found)
		}
		return s.Backchannel.ApproveFor(ctx, tx, oidctest.Actor(), s.organization, &found, s.ada)
	})
}

func (s *scene) allow(t *testing.T) {
	t.Helper()
	if err := s.decide(t, true); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, answer oidctest.Answer, status int, code string) {
	t.Helper()
	if answer.Status != status || answer.ErrorCode() != code {
		t.Fatalf("answered %d %s, want %d %q", answer.Status, answer.Body, status, code)
	}
	if got := answer.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control is %q", got)
	}
}

func TestBackchannelAuthenticationResponse(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	begun := s.begin(t, s.bank)
	if id := begun.Text("auth_req_id"); len(id) != 43 || begun.JSON["expires_in"] != 300.0 || begun.JSON["interval"] != 5.0 {
		t.Errorf("CIBA Core 1.0 §7.3: %s", begun.Body)
	}
	var found int
	row := s.Store.QueryRow(t.Context(), "SELECT count(*) FROM backchannel_requests b WHERE b::text LIKE '%' || $1 || '%'", begun.Text("auth_req_id"))
	if err := row.Scan(&found); err != nil || found != 0 {
		t.Errorf("the auth_req_id is stored as it is: %d, %v", found, err)
	}
	for asked, want := range map[string]float64{"120": 120, "1": 10, "86400": 600} {
		if got := s.begin(t, s.bank, "requested_expiry", asked).JSON["expires_in"]; got != want {
			t.Errorf("CIBA Core 1.0 §7.1: requested_expiry %s gives %v", asked, got)
		}
	}
}

func TestPeopleAreToldOnceOfWhatWaits(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.begin(t, s.bank)
	s.begin(t, s.bank)
	told := s.Notified()
	if len(told) != 1 || told[0].Person.ID != s.ada.ID || told[0].Client.ClientID != "bank" {
		t.Fatalf("told %v", told)
	}
	s.Clock.Advance(6 * time.Minute)
	if s.begin(t, s.bank); len(s.Notified()) != 1 {
		t.Error("not told of a request that came after all others had expired")
	}
}

func TestTheClientGetsItsTokensOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	begun := s.begin(t, s.bank, "scope", "openid profile offline_access admin:write unknown")
	expect(t, s.poll(s.bank, begun), 400, "authorization_pending")
	s.allow(t)
	s.Clock.Advance(5 * time.Second)
	tokens := s.poll(s.bank, begun)
	expect(t, tokens, 200, "")
	if tokens.Text("scope") != "openid profile offline_access" || tokens.Text("refresh_token") == "" {
		t.Errorf("tokens: %s", tokens.Body)
	}
	claims := s.Claims(t, s.organization, tokens.Text("id_token"), "JWT")
	if claims["sub"] != s.ada.ID.String() || claims["aud"] != "bank" || claims["amr"] != nil || claims["urn:openid:params:jwt:claim:auth_req_id"] != nil {
		t.Errorf("ID token: %v", claims)
	}
	refreshed := s.bank.Refresh(tokens.Text("refresh_token"))
	expect(t, refreshed, 200, "")
	expect(t, s.poll(s.bank, begun), 400, "invalid_grant")
	expect(t, s.bank.Refresh(refreshed.Text("refresh_token")), 400, "invalid_grant")
	if got := s.bank.Userinfo(refreshed.Text("access_token")); got.Status != 401 {
		t.Errorf("userinfo after the auth_req_id was used again: %d", got.Status)
	}
}

func TestOfSeveralPollsOneGetsTokens(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	begun := s.begin(t, s.bank)
	s.allow(t)
	var good, refused int
	var counted sync.Mutex
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			answer := s.poll(s.bank, begun)
			counted.Lock()
			defer counted.Unlock()
			switch {
			case answer.Status == 200:
				good++
			case answer.ErrorCode() == "invalid_grant":
				refused++
			}
		})
	}
	if all.Wait(); good != 1 || refused != 3 {
		t.Errorf("%d got tokens, %d were refused", good, refused)
	}
}

func TestPollsThatAreRefused(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	rival := s.Party(t, s.organization, asks("rival", client.Poll, client.Metadata{}))
	other := s.Organization(t, "other", org.Policies{})
	elsewhere := s.Party(t, other, asks("bank", client.Poll, client.Metadata{}))
	begun := s.begin(t, s.bank)
	expect(t, s.poll(rival, begun), 400, "invalid_grant")
	expect(t, s.poll(elsewhere, begun), 400, "invalid_grant")
	expect(t, s.bank.Post("token", "grant_type", client.CIBA), 400, "invalid_request")
	expect(t, s.bank.Post("token", "grant_type", client.CIBA, "auth_req_id", "wrong"), 400, "invalid_grant")
	expect(t, s.bank.Post("token", "grant_type", client.DeviceCode, "device_code", begun.Text("auth_req_id")), 400, "unauthorized_client")
	t.Run("too fast", func(t *testing.T) {
		expect(t, s.poll(s.bank, begun), 400, "authorization_pending")
		expect(t, s.poll(s.bank, begun), 400, "slow_down")
		s.Clock.Advance(6 * time.Second) // now it is ten
		expect(t, s.poll(s.bank, begun), 400, "slow_down")
		s.Clock.Advance(16 * time.Second)
		expect(t, s.poll(s.bank, begun), 400, "authorization_pending")
	})
	t.Run("refused", func(t *testing.T) {
		if err := s.decide(t, false); err != nil {
			t.Fatal(err)
		}
		expect(t, s.poll(s.bank, begun), 400, "access_denied")
	})
	t.Run("expired", func(t *testing.T) {
		late := s.begin(t, s.bank, "requested_expiry", "10")
		found := s.pending(t)
		s.Clock.Advance(10 * time.Second)
		expect(t, s.poll(s.bank, late), 400, "expired_token")
		err := s.Store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			return s.Backchannel.ApproveFor(ctx, tx, oidctest.Actor(), s.organization, &found, s.ada)
		})
		if err == nil {
			t.Error("an expired request was approved")
		}
		s.Clock.Advance(2 * time.Hour)
		if _, err := s.Grants.DeleteExpired(t.Context(), 100); err != nil {
			t.Fatal(err)
		}
		expect(t, s.poll(s.bank, late), 400, "invalid_grant")
	})
	t.Run("decided twice", func(t *testing.T) {
		s.begin(t, s.bank)
		found := s.pending(t)
		s.allow(t)
		err := s.Store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			return s.Backchannel.DenyFor(ctx, tx, oidctest.Actor(), s.organization, &found)
		})
		if err == nil {
			t.Error("an approved request was denied")
		}
	})
	t.Run("after the session ended", func(t *testing.T) {
		begun := s.begin(t, s.bank)
		s.allow(t)
		s.InTx(t, func(ctx context.Context, tx *store.Tx) error {
			return s.Sessions.EndAll(ctx, tx, oidctest.Actor(), s.organization.ID, s.ada.ID, uuid.Nil, "test")
		})
		expect(t, s.poll(s.bank, begun), 400, "invalid_grant")
	})
}

func TestRequestsThatAreRefused(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	web := s.Party(t, s.organization, client.Client{ClientID: "web"})
	ping := s.Party(t, s.organization, asks("ping", client.Ping, client.Metadata{BackchannelClientNotificationEndpoint: "https://bank.example.test/told"}))
	s.Disable(t, s.Person(t, s.organization, "gone"))
	stranger := s.Person(t, s.Organization(t, "other", org.Policies{}), "stranger")
	hint := s.Party(t, s.organization, client.Client{ClientID: "elsewhere"})
	foreign := hint.Redeem(s.Code(t, hint.Client, s.session, "openid")).Text("id_token")
	expect(t, web.Post("bc-authorize", "scope", "openid", "login_hint", "ada"), 400, "unauthorized_client")
	expect(t, s.Post(s.organization, "bc-authorize", url.Values{"client_id": {"bank"}, "scope": {"openid"}, "login_hint": {"ada"}}), 401, "invalid_client")
	expect(t, s.PostBody(s.organization, "bc-authorize", "application/json", "{}"), 400, "invalid_request")
	for _, refused := range []struct {
		code           string
		namesAndValues []string
	}{
		{"invalid_scope", []string{"login_hint", "ada"}},
		{"invalid_scope", []string{"login_hint", "ada", "scope", "profile"}},
		{"invalid_request", []string{"scope", "openid"}}, // CIBA Core 1.0 §7.1: exactly one hint
		{"invalid_request", []string{"scope", "openid", "login_hint", "ada", "id_token_hint", foreign}},
		{"invalid_request", []string{"scope", "openid", "login_hint", "ada", "login_hint_token", "x"}},
		{"invalid_request", []string{"scope", "openid", "login_hint_token", "x"}},
		{"invalid_request", []string{"scope", "openid", "id_token_hint", "x"}},
		{"invalid_request", []string{"scope", "openid", "id_token_hint", foreign}}, // issued to another client
		{"unknown_user_id", []string{"scope", "openid", "login_hint", "nobody"}},
		{"unknown_user_id", []string{"scope", "openid", "login_hint", "gone"}},
		{"unknown_user_id", []string{"scope", "openid", "login_hint", stranger.Username}},
		{"unknown_user_id", []string{"scope", "openid", "login_hint", strings.Repeat("a", 300)}},
		{"invalid_binding_message", []string{"scope", "openid", "login_hint", "ada", "binding_message", strings.Repeat("a", 101)}},
		{"invalid_binding_message", []string{"scope", "openid", "login_hint", "ada", "binding_message", "two\nlines"}},
		{"invalid_binding_message", []string{"scope", "openid", "login_hint", "ada", "binding_message", "<b>pay</b>"}},
		{"invalid_binding_message", []string{"scope", "openid", "login_hint", "ada", "binding_message", "turned \u202e round"}},
		{"invalid_binding_message", []string{"scope", "openid", "login_hint", "ada", "binding_message", "a ship 🚢"}},
		{"invalid_request", []string{"scope", "openid", "login_hint", "ada", "requested_expiry", "0"}},
		{"invalid_request", []string{"scope", "openid", "login_hint", "ada", "requested_expiry", "-5"}},
		{"invalid_request", []string{"scope", "openid", "login_hint", "ada", "requested_expiry", "soon"}},
		{"invalid_request", []string{"scope", "openid", "login_hint", "ada", "requested_expiry", "99999999999999"}},
		{"invalid_request", []string{"scope", "openid", "login_hint", "ada", "acr_values", strings.Repeat("a", 1025)}},
		{"invalid_request", []string{"scope", "openid", "login_hint", "ada", "request", "x"}}, // it registered no algorithm
		{"invalid_target", []string{"scope", "openid", "login_hint", "ada", "resource", "https://unknown.example.test/"}},
		{"invalid_authorization_details", []string{"scope", "openid", "login_hint", "ada", "authorization_details", `[{"type":"payment"}]`}},
	} {
		answer := s.bank.Post("bc-authorize", refused.namesAndValues...)
		if answer.Status != 400 || answer.ErrorCode() != refused.code {
			t.Errorf("%v: %d %s", refused.namesAndValues, answer.Status, answer.Body)
		}
	}
	for _, token := range []string{"", "short", strings.Repeat("a", 1025), "with a space in the middle", "ümlaut-ümlaut-ümlaut-ümlaut"} {
		expect(t, ping.Post("bc-authorize", "scope", "openid", "login_hint", "ada", "client_notification_token", token), 400, "invalid_request")
	}
	expect(t, ping.Post("bc-authorize", "scope", "openid", "login_hint", "ada", "client_notification_token", notificationToken), 200, "")
	t.Run("too often for one person", func(t *testing.T) {
		for range 30 {
			s.bank.Post("bc-authorize", "scope", "openid", "login_hint", "ada")
		}
		refused := s.bank.Post("bc-authorize", "scope", "openid", "login_hint", "ada")
		if expect(t, refused, 429, "temporarily_unavailable"); refused.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	})
}

func TestHints(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	begun := s.begin(t, s.bank)
	s.allow(t)
	hint := s.poll(s.bank, begun).Text("id_token")
	expect(t, s.bank.Post("bc-authorize", "scope", "openid", "id_token_hint", hint), 200, "")
	s.Clock.Advance(48 * time.Hour) // an expired one says who is meant, too
	expect(t, s.bank.Post("bc-authorize", "scope", "openid", "id_token_hint", hint), 200, "")
	expect(t, s.bank.Post("bc-authorize", "scope", "openid", "login_hint", s.ada.Email), 200, "")
	s.Disable(t, s.ada)
	expect(t, s.bank.Post("bc-authorize", "scope", "openid", "id_token_hint", hint), 400, "unknown_user_id")
}

func TestResourcesAndDetailsOfARequest(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.SetPolicies(t, s.organization, org.Policies{AuthorizationDetailTypes: []org.AuthorizationDetailType{{Type: "payment", Consent: map[string]string{"en": "Pay {amount}"},
		Fields: []org.AuthorizationDetailField{{Name: "amount", Kind: org.DetailText, Required: true}}}}})
	s.InTx(t, func(ctx context.Context, tx *store.Tx) error {
		_, err := s.Resources.Create(ctx, tx, oidctest.Actor(), resource.Resource{OrgID: s.organization.ID, Name: "Payments", Identifier: "https://api.example.test/"})
		return err
	})
	party := s.Party(t, s.organization, asks("details", client.Poll, client.Metadata{AuthorizationDetailsTypes: []string{"payment"}}))
	begun := s.begin(t, party, "resource", "https://api.example.test/", "authorization_details", `[{"type":"payment","amount":"5"}]`)
	s.allow(t)
	expect(t, s.poll(party, begun, "resource", "https://other.example.test/"), 400, "invalid_target")
	expect(t, s.poll(party, begun, "authorization_details", `[{"type":"payment","amount":"6"}]`), 400, "invalid_authorization_details")
	tokens := s.poll(party, begun)
	expect(t, tokens, 200, "")
	if got, _ := json.Marshal(tokens.JSON["authorization_details"]); string(got) != `[{"amount":"5","type":"payment"}]` {
		t.Errorf("RFC 9396 §7: %s", got)
	}
}

func TestRequestsWithContextAreDecidedBySigningInOnly(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.begin(t, s.bank, "acr_values", "urn:example:unknown "+session.ACRPassword)
	found := s.pending(t)
	if len(found.ACRValues) != 1 || found.ACRValues[0] != session.ACRPassword {
		t.Errorf("acr_values %v", found.ACRValues)
	}
	if err := s.decide(t, true); err == nil {
		t.Error("approved by a program although the request demands to know how the person signs in")
	}
	required, err := s.Backchannel.Required(t.Context(), s.organization, found.ID, s.ada.ID)
	if err != nil || required.Requirement.UserID != s.ada.ID || len(required.Requirement.ACRValues) != 1 || required.Requirement.Consent.Elsewhere == nil {
		t.Errorf("%+v, %v", required.Requirement, err)
	}
	eve := s.Person(t, s.organization, "eve")
	if _, err := s.Backchannel.Required(t.Context(), s.organization, found.ID, eve.ID); err == nil {
		t.Error("another person may decide")
	}
	if _, err := s.Backchannel.Required(t.Context(), s.Organization(t, "other", org.Policies{}), found.ID, s.ada.ID); err == nil {
		t.Error("another organization knows the request")
	}
}

func TestTokensAreBoundToWhoAsksForThem(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	party := s.Party(t, s.organization, asks("bound", client.Poll, client.Metadata{DPoPBoundAccessTokens: true}))
	begun := s.begin(t, party)
	s.allow(t)
	expect(t, s.poll(party, begun), 400, "invalid_dpop_proof")
	prover := s.NewProver(t)
	tokens := s.poll(party.With("DPoP", prover.Proof(t, "POST", s.Issuers.Endpoint(s.organization, "token"), nil)), begun)
	if expect(t, tokens, 200, ""); tokens.Text("token_type") != "DPoP" {
		t.Errorf("%s", tokens.Body)
	}
}
