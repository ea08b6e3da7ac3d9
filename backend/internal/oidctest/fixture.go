package oidctest

import (
	"context"
	"crypto/rand"
	"slices"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/oauth/token"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/resource"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// Organization makes an organization with its keys.
func (p *Provider) Organization(t testing.TB, slug string, policies org.Policies) *org.Organization {
	t.Helper()
	var made *org.Organization
	p.InTx(t, func(ctx context.Context, tx *store.Tx) (err error) {
		made, err = p.Organizations.Create(ctx, tx, Actor(), org.NewOrganization{Slug: slug, DisplayName: slug, Policies: policies})
		return err
	})
	p.Organizations.Forget(made)
	if _, err := p.Keys.Document(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	return made
}

// SetPolicies changes an organization's policies.
func (p *Provider) SetPolicies(t testing.TB, organization *org.Organization, policies org.Policies) {
	t.Helper()
	changed := *organization
	changed.Policies = policies
	p.InTx(t, func(ctx context.Context, tx *store.Tx) error {
		_, err := p.Organizations.Update(ctx, tx, Actor(), changed)
		return err
	})
	p.Organizations.Forget(organization)
}

// Person makes a person with every standard claim.
func (p *Provider) Person(t testing.TB, organization *org.Organization, username string) *user.User {
	t.Helper()
	var made *user.User
	p.InTx(t, func(ctx context.Context, tx *store.Tx) (err error) {
		made, err = p.Users.Create(ctx, tx, Actor(), user.User{OrgID: organization.ID, Username: username, Email: username + "@example.test", EmailVerified: true,
			PhoneNumber: "+39 06 1234567", Profile: user.Profile{Name: "Ada Lovelace", GivenName: "Ada", FamilyName: "Lovelace", MiddleName: "King", Nickname: "Ada",
				PreferredUsername: username, Profile: "https://example.test/ada", Picture: "https://example.test/ada.png", Website: "https://example.test",
				Gender: "female", Birthdate: "1815-12-10", Zoneinfo: "Europe/London", Locale: "en-GB",
				Address: &user.Address{Formatted: "12 St James's Square\nLondon", StreetAddress: "12 St James's Square", Locality: "London", Country: "GB"}}})
		return err
	})
	return made
}

// BarePerson makes a person of whom nothing but the username is known.
func (p *Provider) BarePerson(t testing.TB, organization *org.Organization, username string) *user.User {
	t.Helper()
	var made *user.User
	p.InTx(t, func(ctx context.Context, tx *store.Tx) (err error) {
		made, err = p.Users.Create(ctx, tx, Actor(), user.User{OrgID: organization.ID, Username: username})
		return err
	})
	return made
}

// Application registers a client; what is left empty is filled in as for a confidential web application
// that may do everything. It returns the secret.
func (p *Provider) Application(t testing.TB, organization *org.Organization, wanted client.Client) (*client.Client, string) {
	t.Helper()
	wanted.OrgID = organization.ID
	if wanted.AuthenticationMethod == "" {
		wanted.AuthenticationMethod = client.ClientSecretBasic
	}
	if wanted.Origin == "" {
		wanted.Origin = client.Administrator
	}
	if wanted.GrantTypes == nil {
		wanted.GrantTypes = []string{client.AuthorizationCode, client.RefreshToken}
	}
	if wanted.RedirectURIs == nil && slices.Contains(wanted.GrantTypes, client.AuthorizationCode) {
		wanted.RedirectURIs = []string{"https://rp.example.test/callback"}
	}
	var made *client.Client
	var plain string
	p.InTx(t, func(ctx context.Context, tx *store.Tx) (err error) {
		made, plain, err = p.Clients.Create(ctx, tx, Actor(), wanted, "")
		return err
	})
	p.Clients.Forget(made)
	return made, plain
}

// SignIn begins a session.
func (p *Provider) SignIn(t testing.TB, organization *org.Organization, person *user.User) session.Session {
	t.Helper()
	var begun session.Session
	p.InTx(t, func(ctx context.Context, tx *store.Tx) (err error) {
		begun, _, err = p.Sessions.Begin(ctx, tx, session.Authenticated{Organization: organization, User: person, BrowserHash: secret.Hash(secret.New(rand.Reader)),
			Methods: []string{"pwd"}, At: p.Clock.Now()})
		return err
	})
	return begun
}

// Code is an authorization code with what redeems it.
type Code struct {
	Code, Verifier, RedirectURI, Nonce string
}

// Code issues an authorization code in a session, as the authorization endpoint does.
func (p *Provider) Code(t testing.TB, c *client.Client, in session.Session, scopes ...string) Code {
	t.Helper()
	return p.code(t, c, in, "nonce-"+secret.New(rand.Reader), "", scopes)
}

// BoundCode is Code for a request with dpop_jkt (RFC 9449 §10).
func (p *Provider) BoundCode(t testing.TB, c *client.Client, in session.Session, thumbprint string, scopes ...string) Code {
	t.Helper()
	return p.code(t, c, in, "nonce-"+secret.New(rand.Reader), oauth.HolderOfKey(thumbprint), scopes)
}

// CodeWithoutNonce is Code for a request that had no nonce.
func (p *Provider) CodeWithoutNonce(t testing.TB, c *client.Client, in session.Session, scopes ...string) Code {
	t.Helper()
	return p.code(t, c, in, "", "", scopes)
}

func (p *Provider) code(t testing.TB, c *client.Client, in session.Session, nonce, holder string, scopes []string) Code {
	t.Helper()
	code := Code{Verifier: secret.New(rand.Reader), RedirectURI: c.RedirectURIs[0], Nonce: nonce}
	var err error
	_, code.Code, err = p.Grants.Issue(t.Context(), grant.Authorization{OrgID: c.OrgID, ClientID: c.ID, Session: in, IdleUntil: in.IdleExpiresAt, Scopes: scopes,
		Nonce: code.Nonce, RedirectURI: code.RedirectURI, CodeChallenge: token.CodeChallenge(code.Verifier), TellOfEnd: c.WantsToHearOfSessionEnd(), BoundTo: holder})
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// Change writes a changed client.
func (p *Provider) Change(t testing.TB, changed client.Client) *client.Client {
	t.Helper()
	var after *client.Client
	p.InTx(t, func(ctx context.Context, tx *store.Tx) (err error) {
		after, _, err = p.Clients.Update(ctx, tx, Actor(), changed)
		return err
	})
	p.Clients.Forget(after)
	return after
}

// RotateSecret gives a client another secret and returns it.
func (p *Provider) RotateSecret(t testing.TB, c *client.Client) string {
	t.Helper()
	var plain string
	p.InTx(t, func(ctx context.Context, tx *store.Tx) (err error) {
		_, plain, err = p.Clients.RotateSecret(ctx, tx, Actor(), c.OrgID, c.ID, c.Version)
		return err
	})
	p.Clients.Forget(c)
	return plain
}

// Disable keeps a person from signing in. Their sessions and grants stay, to show that they are worth nothing.
func (p *Provider) Disable(t testing.TB, person *user.User) {
	t.Helper()
	changed := *person
	changed.Status = user.Disabled
	p.InTx(t, func(ctx context.Context, tx *store.Tx) error {
		_, err := p.Users.Update(ctx, tx, Actor(), changed)
		return err
	})
}

// EndSession ends a session.
func (p *Provider) EndSession(t testing.TB, ending session.Session) {
	t.Helper()
	p.InTx(t, func(ctx context.Context, tx *store.Tx) error {
		return p.Sessions.End(ctx, tx, Actor(), ending.OrgID, ending.ID, "test")
	})
}

// ForgetRates empties the short-lived state, counters included.
func (p *Provider) ForgetRates(t testing.TB) {
	t.Helper()
	if _, err := p.Store.Exec(t.Context(), "DELETE FROM kv_entries"); err != nil {
		t.Fatal(err)
	}
}

// InTx runs do in a transaction and fails the test with its error.
func (p *Provider) InTx(t testing.TB, do func(ctx context.Context, tx *store.Tx) error) {
	t.Helper()
	if err := p.Store.InTx(context.WithoutCancel(t.Context()), do); err != nil {
		t.Fatal(err)
	}
}

// RegisterResource registers a resource server.
func (p *Provider) RegisterResource(t testing.TB, wanted resource.Resource) {
	t.Helper()
	p.InTx(t, func(ctx context.Context, tx *store.Tx) error {
		_, err := p.Resources.Create(ctx, tx, Actor(), wanted)
		return err
	})
	p.Resources.Forget(wanted.OrgID)
}
