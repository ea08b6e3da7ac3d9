package webauthn_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/fido"
	"github.com/clavex/clavex/backend/internal/fidotest"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// signedIn is somebody who signed in with a passkey and let an application have something.
type signedIn struct {
	of      *fixture
	org     *org.Organization
	client  uuid.UUID
	passkey credential.Passkey
	made    *response
	session session.Session
	token   string
	grant   uuid.UUID // with offline access
	refresh string
	code    string // not redeemed, without offline access
}

func (f *fixture) signedIn(organization *org.Organization, client uuid.UUID, person *user.User, model *fidotest.Model) *signedIn {
	f.T.Helper()
	return f.signedInBy(organization, client, person, model, false)
}

// signedInBy is signedIn with a passkey that proves its model, or does not.
func (f *fixture) signedInBy(organization *org.Organization, client uuid.UUID, person *user.User, model *fidotest.Model, attested bool) *signedIn {
	f.T.Helper()
	s := &signedIn{of: f, org: organization, client: client}
	f.InTx(func(ctx context.Context, tx *store.Tx) (err error) {
		handle, err := f.passkeys.Handle(ctx, tx, person.OrgID, person.ID)
		if err != nil {
			return err
		}
		s.made = newResponse(newID(32), handle, newKey(virtualwebauthn.KeyTypeEC2), "webauthn.get", "{}")
		s.passkey, err = f.passkeys.Register(ctx, tx, domaintest.Operator, credential.Passkey{OrgID: person.OrgID, UserID: person.ID, CredentialID: s.made.id, PublicKey: s.made.key.AttestationData(),
			RPID: rpID, AAGUID: model.AAGUID, Name: "Key", UserVerified: true, Attestation: credential.Attestation{Format: "none"}, Attested: attested})
		if err != nil {
			return err
		}
		s.session, s.token, err = f.Sessions.Begin(ctx, tx, session.Authenticated{Organization: organization, User: person, BrowserHash: []byte("browser"), Methods: []string{"hwk"},
			At: f.Clock.Now(), PasskeyID: s.passkey.ID, AAGUID: model.AAGUID})
		return err
	})
	issue := func(scopes ...string) string {
		_, code, err := f.Grants.Issue(f.T.Context(), s.authorization(scopes...))
		if err != nil {
			f.T.Fatal(err)
		}
		return code
	}
	redeemed, refresh, err := f.Grants.RedeemCode(f.T.Context(), s.redemption(issue("openid", "offline_access")))
	if err != nil {
		f.T.Fatal(err)
	}
	s.grant, s.refresh, s.code = redeemed.ID, refresh, issue("openid")
	return s
}

func (s *signedIn) authorization(scopes ...string) grant.Authorization {
	return grant.Authorization{OrgID: s.org.ID, ClientID: s.client, Session: s.session, Scopes: scopes, RedirectURI: "https://app.example.test/callback", CodeChallenge: "c",
		IdleUntil: s.of.Clock.Now().Add(time.Hour)}
}

func (s *signedIn) redemption(code string) grant.Redemption {
	return grant.Redemption{OrgID: s.org.ID, ClientID: s.client, Code: code, RedirectURI: "https://app.example.test/callback", CodeChallenge: "c", WithRefreshToken: true,
		RefreshTokenLifetime: time.Hour, AccessTokenLifetime: time.Minute}
}

// uses are all ways in which what began with a passkey is used, with whether each works.
func (s *signedIn) uses() map[string]bool {
	f, ctx := s.of, s.of.T.Context()
	must := func(err error) {
		f.T.Helper()
		if err != nil {
			f.T.Fatal(err)
		}
	}
	browser, err := f.Sessions.InBrowser(ctx, s.org, []string{s.token}, uuid.Nil)
	must(err)
	listed, err := f.Sessions.OfUser(ctx, s.org.ID, s.session.UserID, uuid.Max, 10)
	must(err)
	live := f.DB.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		return f.Sessions.StillLive(ctx, tx, s.org.ID, s.session.ID)
	})
	holds := f.passkeys.StillHolds(ctx, f.DB, s.org.ID, s.session.UserID, s.passkey.ID)
	usable, err := f.passkeys.Usable(ctx, f.DB, s.org.ID, s.session.UserID, rpID, time.Time{})
	must(err)
	state, err := f.Grants.State(ctx, s.org.ID, s.grant, "token")
	must(err)
	refreshable, err := f.Grants.RefreshTokenState(ctx, s.org.ID, s.refresh)
	must(err)
	ofRefresh, err := f.Grants.SubjectOfRefreshToken(ctx, s.org.ID, s.client, s.refresh, nil)
	must(err)
	ofIDToken, err := f.Grants.SubjectOfIDToken(ctx, s.org.ID, s.client, s.session.ID, s.session.UserID)
	must(err)
	_, _, issued := f.Grants.Issue(ctx, s.authorization("openid"))
	return map[string]bool{"session": len(browser) == 1, "list of sessions": len(listed) > 0, "live": live == nil, "proof that waits": holds == nil, "second factor": usable, "access token": state.Alive,
		"introspected refresh token": refreshable.Alive, "exchanged refresh token": ofRefresh != nil, "exchanged ID token": ofIDToken != nil, "authorization": issued == nil}
}

func (s *signedIn) expect(t *testing.T, what string, works bool) {
	t.Helper()
	for use, got := range s.uses() {
		if got != works {
			t.Errorf("%s: %s: %v", what, use, got)
		}
	}
	_, _, redeemed := s.of.Grants.RedeemCode(t.Context(), s.redemption(s.code))
	_, _, successor, rotated := s.of.Grants.Rotate(t.Context(), grant.Refresh{OrgID: s.org.ID, ClientID: s.client, Token: s.refresh, Lifetime: time.Hour, SessionIdle: time.Hour, Grace: time.Minute})
	if (redeemed == nil) != works || (rotated == nil) != works {
		t.Errorf("%s: code: %v, refresh token: %v", what, redeemed, rotated)
	}
	if rotated == nil {
		s.refresh = successor
	}
	if redeemed == nil {
		_, s.code, _ = s.of.Grants.Issue(t.Context(), s.authorization("openid"))
	}
}

// signIn uses the passkey.
func (s *signedIn) signIn() string {
	f := s.of
	f.forgive()
	about := f.about("s")
	about.OrgID = s.org.ID
	options, err := f.ceremonies.Request(about)
	if err != nil {
		f.T.Fatal(err)
	}
	answer := newResponse(s.made.id, s.made.handle, s.made.key, "webauthn.get", options)
	_, err = f.ceremonies.Requested(context.Background(), about, []byte("browser"), answer.asserted())
	return code(err)
}

// end works on what refused models began until nothing is left, and returns in how many steps and who was told.
func (f *fixture) end(organization *org.Organization) (steps int, told []string) {
	f.T.Helper()
	index, err := f.Models.Fresh(f.T.Context())
	if err != nil {
		f.T.Fatal(err)
	}
	now, err := f.Organizations.ByID(f.T.Context(), f.DB, organization.ID)
	if err != nil {
		f.T.Fatal(err)
	}
	for done := false; !done; steps++ {
		done, err = f.passkeys.EndRefused(f.T.Context(), organization.ID, fido.NewRules(now.Policies.Attestation, index),
			func(_ context.Context, _ *store.Tx, userID uuid.UUID, name string) error {
				told = append(told, name)
				return nil
			})
		if err != nil || steps > 50 {
			f.T.Fatal(steps, err)
		}
	}
	return steps, told
}

func count(events []string, action string) (n int) {
	for _, event := range events {
		if event == action {
			n++
		}
	}
	return n
}

// A model that the metadata flags is refused at the very next use, before anything was cleaned up.
func TestAFlaggedModelStopsAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	bad, good := fidotest.NewModel("Bad"), fidotest.NewModel("Good")
	calm, flagged := []fidotest.Entry{{Model: bad}, {Model: good}}, []fidotest.Entry{{Model: bad, Statuses: []fidotest.Status{{Status: "REVOKED"}}}, {Model: good}}
	f.load(1, calm...)
	rival, client := f.Organization("rival"), f.Client(f.acme, "App").ID
	f.SetPolicies(rival, func(p *org.Policies) { p.Attestation.RefusedStatuses = &[]string{} })
	hers, his := f.signedIn(f.acme, client, f.ada, bad), f.signedIn(f.acme, client, f.User(f.acme, "bob@acme.test"), good)
	elsewhere := f.signedIn(rival, f.Client(rival, "App").ID, f.User(rival, "ada@acme.test"), bad)
	everybody := map[string]*signedIn{"on the model": hers, "on another": his, "of another organization": elsewhere}
	signIn := func(step, want string) {
		t.Helper()
		for name, who := range everybody {
			expected := ""
			if who == hers {
				expected = want
			}
			if got := who.signIn(); got != expected {
				t.Errorf("%s, %s: signing in: %q, want %q", step, name, got, expected)
			}
			who.expect(t, step+", "+name, expected == "")
		}
	}
	signIn("before", "")
	f.load(2, flagged...)
	signIn("flagged", "passkey_model_unsafe")
	// A flag that is lifted before anything was ended: what is not cleaned up works again.
	f.load(3, calm...)
	signIn("lifted", "")
	f.load(4, flagged...)
	if err := f.DB.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error { // interrupted
		_, err := f.Sessions.EndOfModels(ctx, tx, audit.Actor{Kind: audit.System}, f.acme.ID, []uuid.UUID{bad.AAGUID}, "x", 500)
		return errors.Join(err, errors.New("interrupted"))
	}); err == nil {
		t.Fatal("it was not interrupted")
	}
	signIn("half done", "passkey_model_unsafe")
	if _, told := f.end(f.acme); !slices.Equal(told, []string{"Key"}) {
		t.Errorf("told: %v", told)
	}
	if _, told := f.end(rival); len(told) != 0 {
		t.Errorf("a rival was told: %v", told)
	}
	signIn("cleaned up", "passkey_model_unsafe")
	events := f.Events(f.acme.ID)
	for action, want := range map[string]int{"session.ended": 1, "credential.passkey_model_suspended": 1} {
		if got := count(events, action); got != want {
			t.Errorf("%s: %d events", action, got)
		}
	}
	if steps, told := f.end(f.acme); steps != 1 || len(told) != 0 || len(f.Events(f.acme.ID)) != len(events) {
		t.Errorf("doing it again: %d steps, %v, %d events after %d", steps, told, len(f.Events(f.acme.ID)), len(events))
	}
	// Afterwards a flag that is lifted changes nothing for what ended: what became known may have been used.
	f.load(5, calm...)
	signIn("lifted too late", "passkey_model_unsafe")
	if passkeys, err := f.passkeys.OfUser(t.Context(), f.DB, f.acme.ID, f.ada.ID); err != nil || len(passkeys) != 1 || passkeys[0].Suspension != credential.SuspendedModel {
		t.Errorf("%+v %v", passkeys, err)
	}
}

// Models that an organization denies are refused at once too, and work again when it thinks better of it.
func TestADeniedModelStopsAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	model, client := fidotest.NewModel("Key"), f.Client(f.acme, "App").ID
	hers := f.signedIn(f.acme, client, f.ada, model)
	f.attestation(org.Attestation{DeniedModels: []uuid.UUID{model.AAGUID}})
	if got := hers.signIn(); got != "passkey_model_refused" {
		t.Error(got)
	}
	hers.expect(t, "denied", false)
	f.end(f.acme)
	f.attestation(org.Attestation{})
	if got := hers.signIn(); got != "" {
		t.Error(got)
	}
	if uses := hers.uses(); uses["session"] || uses["access token"] || !uses["second factor"] {
		t.Errorf("what ended stays ended, the passkey works: %v", uses)
	}
}

// What a policy demands holds for passkeys that existed before where it says so: at the very next use, as a flagged model does,
// before anything was cleaned up.
func TestExistingPasskeysMeetWhatIsDemanded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	model, weak, client := fidotest.NewModel("Key"), fidotest.NewModel("Weak"), f.Client(f.acme, "App").ID
	f.load(1, fidotest.Entry{Model: model, Statuses: []fidotest.Status{{Status: "FIDO_CERTIFIED_L1"}}}, fidotest.Entry{Model: weak})
	rival := f.Organization("rival")
	person := func(name string) *user.User { return f.User(f.acme, name+"@acme.test") }
	unmet := map[string]*signedIn{"unproved": f.signedIn(f.acme, client, f.ada, model), "without a model": f.signedIn(f.acme, client, person("eve"), &fidotest.Model{}),
		"without a certification": f.signedInBy(f.acme, client, person("joe"), weak, true)}
	met := map[string]*signedIn{"proved": f.signedInBy(f.acme, client, person("bob"), model, true),
		"of another organization": f.signedIn(rival, f.Client(rival, "App").ID, f.User(rival, "ada@rival.test"), model)}
	expect := func(step string, works bool) {
		t.Helper()
		for name, who := range unmet {
			if got := who.signIn(); (got == "") != works {
				t.Errorf("%s, %s: signing in: %q", step, name, got)
			}
			who.expect(t, step+", "+name, works)
		}
		for name, who := range met {
			if got := who.signIn(); got != "" {
				t.Errorf("%s, %s: signing in: %q", step, name, got)
			}
			who.expect(t, step+", "+name, true)
		}
	}
	demanding := org.Attestation{Conveyance: org.ConveyDirect, MinimumCertification: "FIDO_CERTIFIED_L1"}
	f.attestation(demanding)
	f.end(f.acme)
	expect("only new ones", true)
	demanding.ExistingPasskeys = org.Refuse
	f.attestation(demanding)
	if got := unmet["unproved"].signIn(); got != "passkey_model_unproved" {
		t.Error(got)
	}
	expect("of all", false)
	// The organization thinks better of it before anything was ended: what is not cleaned up works again.
	f.attestation(org.Attestation{})
	expect("taken back", true)
	f.attestation(demanding)
	if _, told := f.end(f.acme); len(told) != 0 {
		t.Errorf("suspended: %v", told)
	}
	expect("cleaned up", false)
	events := f.Events(f.acme.ID)
	if ended, revoked := count(events, "session.ended"), count(events, "grant.revoked"); ended != len(unmet) || revoked < len(unmet) {
		t.Errorf("%d sessions, %d grants", ended, revoked)
	}
	if steps, _ := f.end(f.acme); steps != 1 || len(f.Events(f.acme.ID)) != len(events) {
		t.Errorf("doing it again: %d steps, %d events after %d", steps, len(f.Events(f.acme.ID)), len(events))
	}
	f.attestation(org.Attestation{})
	hers := unmet["unproved"]
	if uses := hers.uses(); uses["session"] || uses["access token"] || uses["introspected refresh token"] || !uses["second factor"] {
		t.Errorf("what ended stays ended, the passkey works: %v", uses)
	}
	f.attestation(demanding)
	if _, err := f.DB.Exec(t.Context(), "UPDATE passkeys SET attested = true"); err != nil {
		t.Fatal(err)
	}
	if got := hers.signIn(); got != "" {
		t.Error(got)
	}
}
