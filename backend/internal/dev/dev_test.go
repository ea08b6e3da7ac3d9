package dev_test

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"testing"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/config"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/dev"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/passwordhash"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/seal"
	"github.com/clavex/clavex/backend/internal/server"
	"github.com/clavex/clavex/backend/internal/user"
)

func openApp(t *testing.T) *server.App {
	t.Helper()
	cfg, err := config.Read(config.Source{Presets: map[string]string{"database_url": dbtest.URL(t), "public_url": "http://localhost:8080",
		"key_encryption_key": seal.GenerateKey(rand.Reader).Encode()}})
	if err != nil {
		t.Fatal(err)
	}
	app, err := server.Open(t.Context(), cfg, slog.New(slog.DiscardHandler), server.Options{Hashing: passwordhash.Parameters{Memory: 64, Passes: 1, Parallelism: 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(app.Close)
	return app
}

func organizationOf(t *testing.T, app *server.App, slug string) *org.Organization {
	t.Helper()
	found, err := app.Organizations.Serving(t.Context(), slug)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestEveryLoginAndClientWorks(t *testing.T) {
	t.Parallel()
	app := openApp(t)
	if err := dev.Seed(t.Context(), app); err != nil {
		t.Fatal(err)
	}
	if len(dev.Logins()) != 3 || len(dev.Applications()) != 4 {
		t.Fatalf("there are three logins and four clients, not %d and %d", len(dev.Logins()), len(dev.Applications()))
	}
	for _, login := range dev.Logins() {
		organization := organizationOf(t, app, login.Organization)
		proof, err := app.Passwords.Verify(t.Context(), credential.Attempt{OrgID: organization.ID, Identifier: login.Username, Password: login.Password})
		if err != nil {
			t.Fatalf("%s: %v", login.Username, err)
		}
		roles, err := role.Of(t.Context(), app.Store, organization.ID, proof.Person.ID)
		if err != nil || !slices.Equal(roles, login.Roles) {
			t.Errorf("%s has the roles %v (%v), expected %v", login.Username, roles, err, login.Roles)
		}
	}
	for _, application := range dev.Applications() {
		found, err := app.Clients.ByClientID(t.Context(), organizationOf(t, app, application.Organization).ID, application.ClientID)
		if err != nil {
			t.Fatalf("%s: %v", application.ClientID, err)
		}
		if found.Public() != (application.Secret == "") || application.Secret != "" && !found.SecretMatches(application.Secret) {
			t.Errorf("%s does not have the secret that is printed", application.ClientID)
		}
		if found.IDTokenSignedResponseAlg != "ES256" {
			t.Errorf("%s signs with %s", application.ClientID, found.IDTokenSignedResponseAlg)
		}
	}
}

// The values of contract.md, written out: they must not change with the seeds.
func TestContract(t *testing.T) {
	t.Parallel()
	app := openApp(t)
	if err := dev.Seed(t.Context(), app); err != nil {
		t.Fatal(err)
	}
	demo := organizationOf(t, app, "demo")
	if app.Issuers.URL(demo) != "http://localhost:8080/demo" || demo.Policies.RegistrationPolicy() != org.RegistrationLoopback || demo.Branding.BrandColor == "" {
		t.Errorf("demo is %s %+v", app.Issuers.URL(demo), demo)
	}
	for _, wanted := range []struct{ slug, username, password string }{
		{"demo", "ada@demo.test", "Engine-No-1843"}, {"demo", "grace@demo.test", "Compiler-No-1952"}, {"system", "admin@clavex.test", "Console-No-1843"},
	} {
		if !slices.ContainsFunc(dev.Logins(), func(l dev.Login) bool {
			return l.Organization == wanted.slug && l.Username == wanted.username && l.Password == wanted.password
		}) {
			t.Errorf("%s is missing", wanted.username)
		}
	}
	for id, redirect := range map[string]string{"demo-web": "http://localhost:3000/api/auth/callback", "demo-spa": "http://localhost:5173/callback"} {
		found, err := app.Clients.ByClientID(t.Context(), demo.ID, id)
		if err != nil || !found.MatchRedirectURI(redirect) || !found.MayUse(client.RefreshToken) || !slices.Contains(found.Scopes, "offline_access") {
			t.Errorf("%s: %+v %v", id, found, err)
		}
	}
	service, err := app.Clients.ByClientID(t.Context(), demo.ID, "demo-service")
	if err != nil || !service.MayUse(client.ClientCredentials) || !service.SecretMatches("demo-service-secret-0123456789abcdef") {
		t.Errorf("demo-service: %+v %v", service, err)
	}
}

// OpenID Connect Core 1.0 §5.1
func TestAdaHasEveryStandardClaim(t *testing.T) {
	t.Parallel()
	app := openApp(t)
	if err := dev.Seed(t.Context(), app); err != nil {
		t.Fatal(err)
	}
	ada, _, err := app.Users.ByIdentifier(t.Context(), app.Store, organizationOf(t, app, "demo").ID, "ada@demo.test")
	if err != nil {
		t.Fatal(err)
	}
	p := ada.Profile
	if p.Address == nil || *p.Address == (user.Address{}) {
		t.Fatal("no address")
	}
	for claim, value := range map[string]string{
		"name": p.Name, "given_name": p.GivenName, "family_name": p.FamilyName, "middle_name": p.MiddleName, "nickname": p.Nickname,
		"preferred_username": p.PreferredUsername, "profile": p.Profile, "picture": p.Picture, "website": p.Website, "email": ada.Email, "gender": p.Gender,
		"birthdate": p.Birthdate, "zoneinfo": p.Zoneinfo, "locale": p.Locale, "phone_number": ada.PhoneNumber, "formatted": p.Address.Formatted,
		"street_address": p.Address.StreetAddress, "locality": p.Address.Locality, "region": p.Address.Region, "postal_code": p.Address.PostalCode, "country": p.Address.Country,
	} {
		if value == "" {
			t.Errorf("%s is empty", claim)
		}
	}
	if !ada.EmailVerified || !ada.PhoneNumberVerified || ada.UpdatedAt.IsZero() {
		t.Errorf("not verified: %+v", ada)
	}
}

func TestSeedingAgainKeepsChangesAndBringsBackWhatIsMissing(t *testing.T) {
	t.Parallel()
	app := openApp(t)
	ctx := t.Context()
	if err := dev.Seed(ctx, app); err != nil {
		t.Fatal(err)
	}
	demo := organizationOf(t, app, "demo")
	tester := audit.Actor{Kind: audit.System, Name: "test"}
	grace, _, err := app.Users.ByIdentifier(ctx, app.Store, demo.ID, "grace@demo.test")
	if err != nil {
		t.Fatal(err)
	}
	ada, _, err := app.Users.ByIdentifier(ctx, app.Store, demo.ID, "ada@demo.test")
	if err != nil {
		t.Fatal(err)
	}
	inTx(t, app, func(tx storeTx) error {
		changed := *ada
		changed.Profile.Nickname = "Countess"
		if _, err := app.Users.Update(ctx, tx, tester, changed); err != nil {
			return err
		}
		return app.Users.Delete(ctx, tx, tester, demo.ID, grace.ID, grace.Version)
	})
	before := events(t, app, demo)
	if err := dev.Seed(ctx, app); err != nil {
		t.Fatal(err)
	}
	if found, _, err := app.Users.ByIdentifier(ctx, app.Store, demo.ID, "ada@demo.test"); err != nil || found.Profile.Nickname != "Countess" {
		t.Errorf("ada was changed: %+v %v", found, err)
	}
	if back, _, err := app.Users.ByIdentifier(ctx, app.Store, demo.ID, "grace@demo.test"); err != nil || back.ID == grace.ID {
		t.Errorf("grace is missing: %+v %v", back, err)
	}
	between := events(t, app, demo)
	if err := dev.Seed(ctx, app); err != nil {
		t.Fatal(err)
	}
	if after := events(t, app, demo); between <= before || after != between {
		t.Errorf("%d, %d, %d audit events: seeding a complete database must change nothing", before, between, after)
	}
}

func TestSuspendedDemoIsLeftAlone(t *testing.T) {
	t.Parallel()
	app := openApp(t)
	if err := dev.Seed(t.Context(), app); err != nil {
		t.Fatal(err)
	}
	demo := organizationOf(t, app, "demo")
	inTx(t, app, func(tx storeTx) error {
		_, err := app.Organizations.SetStatus(t.Context(), tx, audit.Actor{Kind: audit.System, Name: "test"}, demo.ID, org.Suspended, demo.Version)
		return err
	})
	app.Organizations.Forget(demo)
	if err := dev.Seed(t.Context(), app); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Organizations.Serving(t.Context(), "demo"); !errors.Is(err, org.ErrSuspended) {
		t.Errorf("expected the organization to stay suspended, got %v", err)
	}
}
