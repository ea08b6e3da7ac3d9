package device_test

import (
	"context"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/device"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/resource"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// scene is an organization with a person who is signed in and a television, which is a public client.
type scene struct {
	*oidctest.Provider
	organization *org.Organization
	ada          *user.User
	session      session.Session
	tv           *oidctest.Party
}

var television = client.Client{ClientID: "tv", Name: "Television", AuthenticationMethod: client.None, ApplicationType: client.Native,
	GrantTypes: []string{client.DeviceCode, client.RefreshToken}, ResponseTypes: []string{}}

func newScene(t *testing.T) *scene {
	t.Helper()
	p := oidctest.NewProvider(t)
	s := &scene{Provider: p, organization: p.Organization(t, "acme", org.Policies{})}
	s.ada = p.Person(t, s.organization, "ada")
	s.session = p.SignIn(t, s.organization, s.ada)
	s.tv = p.Party(t, s.organization, television)
	return s
}

func (s *scene) begin(t *testing.T, scope string) oidctest.Answer {
	t.Helper()
	answer := s.tv.Post("device_authorization", "scope", scope)
	if answer.Status != 200 {
		t.Fatalf("device authorization: %d %s", answer.Status, answer.Body)
	}
	return answer
}

func (s *scene) poll(by *oidctest.Party, begun oidctest.Answer) oidctest.Answer {
	return by.Post("token", "grant_type", client.DeviceCode, "device_code", begun.Text("device_code"))
}

// approve is what the page does when ada allows it.
func (s *scene) approve(t *testing.T, begun oidctest.Answer) error {
	t.Helper()
	found, err := s.Grants.DeviceByUserCode(t.Context(), s.organization.ID, begun.Text("user_code"))
	if err != nil {
		return err
	}
	return s.Grants.ApproveDevice(t.Context(), oidctest.Actor(), s.organization.ID, found.ID, s.session, s.session.IdleExpiresAt, "1", false)
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

func TestDeviceAuthorizationResponse(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	begun := s.begin(t, "openid")
	verification := s.Issuers.URL(s.organization) + "/device"
	for name, want := range map[string]any{"verification_uri": verification, "verification_uri_complete": verification + "?user_code=" + begun.Text("user_code"),
		"expires_in": 600.0, "interval": 5.0} {
		if begun.JSON[name] != want {
			t.Errorf("RFC 8628 §3.2: %s is %v, want %v", name, begun.JSON[name], want)
		}
	}
	if !regexp.MustCompile(`^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$`).MatchString(begun.Text("user_code")) || len(begun.Text("device_code")) != 43 {
		t.Errorf("RFC 8628 §6.1: codes %q and %q", begun.Text("user_code"), begun.Text("device_code"))
	}
	other := s.begin(t, "openid")
	if other.Text("user_code") == begun.Text("user_code") || other.Text("device_code") == begun.Text("device_code") {
		t.Error("two requests have a code in common")
	}
	var metadata map[string]any
	if err := json.Unmarshal(s.Get("/acme/.well-known/openid-configuration").Body, &metadata); err != nil {
		t.Fatal(err)
	}
	if metadata["device_authorization_endpoint"] != s.Issuers.URL(s.organization)+"/device_authorization" {
		t.Errorf("RFC 8628 §4: %v", metadata["device_authorization_endpoint"])
	}
	var found int
	row := s.Store.QueryRow(t.Context(), "SELECT count(*) FROM device_requests d WHERE d::text LIKE '%' || $1 || '%' OR d::text LIKE '%' || $2 || '%'",
		begun.Text("device_code"), strings.ReplaceAll(begun.Text("user_code"), "-", ""))
	if err := row.Scan(&found); err != nil || found != 0 {
		t.Errorf("a code is stored as it is: %d, %v", found, err)
	}
}

func TestDeviceAuthorizationRequestsThatAreRefused(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	web := s.Party(t, s.organization, client.Client{ClientID: "web"})
	box := s.Party(t, s.organization, client.Client{ClientID: "box", GrantTypes: []string{client.DeviceCode}, ResponseTypes: []string{}})
	other := s.Organization(t, "other", org.Policies{})
	expect(t, web.Post("device_authorization"), 400, "unauthorized_client")
	expect(t, box.Post("device_authorization", "scope", "open\"id"), 400, "invalid_scope")
	expect(t, box.Post("device_authorization"), 200, "")
	expect(t, s.Post(s.organization, "device_authorization", url.Values{"client_id": {"box"}}), 401, "invalid_client")
	expect(t, s.Post(s.organization, "device_authorization", url.Values{"client_id": {"nobody"}}), 401, "invalid_client")
	expect(t, s.Post(other, "device_authorization", url.Values{"client_id": {"tv"}}), 401, "invalid_client")
	expect(t, s.PostBody(s.organization, "device_authorization", "application/json", "{}"), 400, "invalid_request")
	if got := s.Get("/acme/device_authorization"); got.Status != 405 {
		t.Errorf("GET: %d", got.Status)
	}
}

func TestDevicesThatDoNotAuthenticateAreLimited(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	box := s.Party(t, s.organization, client.Client{ClientID: "box", GrantTypes: []string{client.DeviceCode}, ResponseTypes: []string{}})
	for range oidctest.DeviceLimit {
		expect(t, s.tv.Post("device_authorization"), 200, "")
	}
	refused := s.tv.Post("device_authorization")
	expect(t, refused, 429, "temporarily_unavailable")
	if refused.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	expect(t, box.Post("device_authorization"), 200, "")
}

func TestADeviceGetsItsTokensOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	begun := s.begin(t, "openid profile offline_access admin:write unknown")
	expect(t, s.poll(s.tv, begun), 400, "authorization_pending")
	if err := s.approve(t, begun); err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(5 * time.Second)
	tokens := s.poll(s.tv, begun)
	expect(t, tokens, 200, "")
	if tokens.Text("scope") != "openid profile offline_access" || tokens.Text("refresh_token") == "" {
		t.Errorf("tokens: %s", tokens.Body)
	}
	claims := s.Claims(t, s.organization, tokens.Text("id_token"), "JWT")
	if claims["sub"] != s.ada.ID.String() || claims["aud"] != "tv" || claims["nonce"] != nil || claims["auth_time"] != float64(s.session.AuthenticatedAt.Unix()) {
		t.Errorf("ID token: %v", claims)
	}
	refreshed := s.tv.Refresh(tokens.Text("refresh_token"))
	expect(t, refreshed, 200, "")
	if got := s.tv.Userinfo(refreshed.Text("access_token")); got.Status != 200 {
		t.Errorf("userinfo: %d", got.Status)
	}
	// As of an authorization code, a second use ends what the first one made (RFC 6749 §4.1.2).
	expect(t, s.poll(s.tv, begun), 400, "invalid_grant")
	expect(t, s.tv.Refresh(refreshed.Text("refresh_token")), 400, "invalid_grant")
	if got := s.tv.Userinfo(refreshed.Text("access_token")); got.Status != 401 {
		t.Errorf("userinfo after the code was used again: %d", got.Status)
	}
}

func TestOfTwoDevicesWithOneCodeOneGetsTokens(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	begun := s.begin(t, "openid")
	if err := s.approve(t, begun); err != nil {
		t.Fatal(err)
	}
	var good, refused int
	var counted sync.Mutex
	var both sync.WaitGroup
	for range 4 {
		both.Go(func() {
			answer := s.poll(s.tv, begun)
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
	if both.Wait(); good != 1 || refused != 3 {
		t.Errorf("%d got tokens, %d were refused", good, refused)
	}
}

func TestADeviceThatAsksTooOftenSlowsDown(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	begun, patient := s.begin(t, "openid"), s.begin(t, "openid")
	expect(t, s.poll(s.tv, begun), 400, "authorization_pending")
	expect(t, s.poll(s.tv, begun), 400, "slow_down") // now 10 seconds
	s.Clock.Advance(6 * time.Second)
	expect(t, s.poll(s.tv, begun), 400, "slow_down") // now 15
	expect(t, s.poll(s.tv, patient), 400, "authorization_pending")
	s.Clock.Advance(15 * time.Second)
	expect(t, s.poll(s.tv, begun), 400, "authorization_pending")
	expect(t, s.poll(s.tv, patient), 400, "authorization_pending")
	if err := s.approve(t, begun); err != nil {
		t.Fatal(err)
	}
	expect(t, s.poll(s.tv, begun), 200, "") // nothing is pending any more
}

func TestDeviceCodesThatAreRefused(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	begun := s.begin(t, "openid")
	second := s.Party(t, s.organization, client.Client{ClientID: "second", AuthenticationMethod: client.None, GrantTypes: []string{client.DeviceCode}, ResponseTypes: []string{}})
	web := s.Party(t, s.organization, client.Client{ClientID: "web"})
	elsewhere := s.Organization(t, "other", org.Policies{})
	foreign := s.Party(t, elsewhere, television)
	if err := s.approve(t, begun); err != nil {
		t.Fatal(err)
	}
	expect(t, s.poll(second, begun), 400, "invalid_grant")
	expect(t, s.poll(foreign, begun), 400, "invalid_grant")
	expect(t, s.poll(web, begun), 400, "unauthorized_client")
	expect(t, s.tv.Post("token", "grant_type", client.DeviceCode), 400, "invalid_request")
	expect(t, s.tv.Post("token", "grant_type", client.DeviceCode, "device_code", "guessed"), 400, "invalid_grant")
	expect(t, s.tv.Post("token", "grant_type", client.DeviceCode, "device_code", strings.Repeat("A", 43)), 400, "invalid_grant")
	expect(t, s.tv.Post("token", "grant_type", client.DeviceCode, "device_code", begun.Text("user_code")), 400, "invalid_grant")
	expect(t, s.poll(s.tv, begun), 200, "")

	t.Run("a device code is no authorization code", func(t *testing.T) {
		both := s.Party(t, s.organization, client.Client{ClientID: "both", Profile: org.ProfileOIDCLegacy,
			GrantTypes: []string{client.AuthorizationCode, client.DeviceCode}})
		begun := both.Post("device_authorization", "scope", "openid")
		if err := s.approve(t, begun); err != nil {
			t.Fatal(err)
		}
		for _, more := range [][]string{nil, {"code_verifier", "device_code"}, {"code_verifier", strings.Repeat("a", 43)}, {"redirect_uri", ""}} {
			expect(t, both.Post("token", append([]string{"grant_type", client.AuthorizationCode, "code", begun.Text("device_code")}, more...)...), 400, "invalid_grant")
		}
		expect(t, s.poll(both, begun), 200, "")
	})
	t.Run("the session ended before the device asked", func(t *testing.T) {
		begun := s.begin(t, "openid offline_access")
		if err := s.approve(t, begun); err != nil {
			t.Fatal(err)
		}
		s.EndSession(t, s.session)
		expect(t, s.poll(s.tv, begun), 400, "invalid_grant")
	})
}

func TestDeviceRequestsEnd(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	denied, late, last := s.begin(t, "openid"), s.begin(t, "openid"), s.begin(t, "openid")
	found, err := s.Grants.DeviceByUserCode(t.Context(), s.organization.ID, denied.Text("user_code"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Grants.DenyDevice(t.Context(), oidctest.Actor(), s.organization.ID, found.ID); err != nil {
		t.Fatal(err)
	}
	expect(t, s.poll(s.tv, denied), 400, "access_denied")
	if err := s.approve(t, denied); err != grant.ErrUserCodeUnknown {
		t.Errorf("a denied request was approved: %v", err)
	}
	s.Clock.Advance(grant.DeviceLifetime - time.Second)
	if err := s.approve(t, last); err != nil {
		t.Errorf("in the last second: %v", err)
	}
	s.Clock.Advance(2 * time.Second)
	expect(t, s.poll(s.tv, last), 200, "") // allowed in time, asked for after it
	expect(t, s.poll(s.tv, late), 400, "expired_token")
	if err := s.approve(t, late); err != grant.ErrUserCodeUnknown {
		t.Errorf("an expired request was approved: %v", err)
	}
	s.Clock.Advance(2 * time.Hour)
	if removed, err := s.Grants.DeleteExpired(t.Context(), 100); err != nil || removed != 3 {
		t.Errorf("clean-up removed %d, %v", removed, err)
	}
	expect(t, s.poll(s.tv, late), 400, "invalid_grant")
}

func TestOfTwoPeopleWhoDecideOneDoes(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	begun := s.begin(t, "openid")
	found, err := s.Grants.DeviceByUserCode(t.Context(), s.organization.ID, strings.ToLower(strings.ReplaceAll(begun.Text("user_code"), "-", " - ")))
	if err != nil {
		t.Fatal(err)
	}
	results := make(chan error, 2)
	var both sync.WaitGroup
	both.Go(func() {
		results <- s.Grants.ApproveDevice(t.Context(), oidctest.Actor(), s.organization.ID, found.ID, s.session, s.session.IdleExpiresAt, "1", false)
	})
	both.Go(func() { results <- s.Grants.DenyDevice(t.Context(), oidctest.Actor(), s.organization.ID, found.ID) })
	both.Wait()
	first, second := <-results, <-results
	if (first == nil) == (second == nil) {
		t.Errorf("decisions: %v and %v", first, second)
	}
}

func TestUserCodesAreReadAsPeopleTypeThem(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{"WDJB-MJHT": "WDJBMJHT", "wdjbmjht": "WDJBMJHT", " wdjb mjht ": "WDJBMJHT", "WDJB–MJHT": "WDJBMJHT",
		"": "", "WDJB": "", "WDJB-MJHTT": "", "ADJB-MJHT": "", "WDJB-MJH1": "", "WDJB-MJH\x00": "", strings.Repeat("-", 5000) + "WDJBMJHT": ""} {
		if got := grant.NormalUserCode(typed); got != want {
			t.Errorf("%q is read as %q, want %q (RFC 8628 §6.1)", typed, got, want)
		}
	}
}

func TestDevicesNameResources(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	const films, music = "https://films.acme.test/", "https://music.acme.test/"
	s.InTx(t, func(ctx context.Context, tx *store.Tx) error {
		for _, identifier := range []string{films, music} {
			if _, err := s.Resources.Create(ctx, tx, oidctest.Actor(), resource.Resource{OrgID: s.organization.ID, Identifier: identifier, Name: identifier}); err != nil {
				return err
			}
		}
		return nil
	})
	s.Resources.Forget(s.organization.ID)
	expect(t, s.tv.Post("device_authorization", "scope", "openid", "resource", "https://elsewhere.test/"), 400, "invalid_target")
	begun := s.tv.Post("device_authorization", "scope", "openid", "resource", films)
	expect(t, begun, 200, "")
	required, err := s.Devices.Required(t.Context(), s.organization, begun.Text("user_code"), device.Guess{Browser: "a browser"})
	if err != nil || !slices.Contains(required.Requirement.Consent.Scopes, grant.ConsentFor(films)) {
		t.Fatalf("the person is not asked for the resource: %+v, %v", required.Requirement.Consent, err)
	}
	if err := s.approve(t, begun); err != nil {
		t.Fatal(err)
	}
	ask := func(resource string) oidctest.Answer {
		return s.tv.Post("token", "grant_type", client.DeviceCode, "device_code", begun.Text("device_code"), "resource", resource)
	}
	expect(t, ask(music), 400, "invalid_target") // and that does not cost the code
	tokens := ask(films)
	expect(t, tokens, 200, "")
	if aud := s.Claims(t, s.organization, tokens.Text("access_token"), "at+jwt")["aud"]; aud != films {
		t.Errorf("RFC 8707 §2.2: aud is %v", aud)
	}
}
