package admin_test

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/customdomain"
	"github.com/clavex/clavex/backend/internal/identityprovider"
	"github.com/clavex/clavex/backend/internal/mailserver"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/resource"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/terms"
	"github.com/clavex/clavex/backend/internal/trust"
	"github.com/clavex/clavex/backend/internal/user"
)

type operation struct {
	name     string
	method   string
	path     string // $org, $user, $client, $event, $session, $token, $resource, $issuer, $identity, $request, $passkey, $invited are filled in
	body     any
	ifMatch  bool
	platform bool // for platform administrators only
	status   int
}

func (o operation) reads() bool { return o.method == http.MethodGet }

func (o operation) tenant() bool { return strings.HasPrefix(o.path, "/orgs/$org") }

type fields map[string]any

// operations are all but getMe, which anybody may call. Those that remove come last.

var operations = []operation{
	{"listOrganizations", "GET", "/orgs", nil, false, true, 200},
	{"createOrganization", "POST", "/orgs", fields{"slug": "fresh", "name": "Fresh"}, false, true, 201},
	{"getOrganization", "GET", "/orgs/$org", nil, false, false, 200},
	{"updateOrganization", "PATCH", "/orgs/$org", fields{"name": "Another"}, true, false, 200},
	{"suspendOrganization", "POST", "/orgs/$org/suspend", nil, false, true, 200},
	{"restoreOrganization", "POST", "/orgs/$org/restore", nil, false, true, 200},
	{"getOverview", "GET", "/orgs/$org/overview", nil, false, false, 200},
	{"getAuthenticatorMetadata", "GET", "/orgs/$org/authenticator-metadata", nil, false, false, 200},
	{"listAuthenticatorModels", "GET", "/orgs/$org/authenticator-models", nil, false, false, 200},
	{"previewAttestation", "POST", "/orgs/$org/attestation-preview", fields{"denied_models": []string{"2fc0579f-8113-47ea-b116-bb5a8db9202a"}}, false, false, 200},
	{"getMailServer", "GET", "/orgs/$org/mail-server", nil, false, false, 200},
	{"setMailServer", "PUT", "/orgs/$org/mail-server", fields{"host": "127.0.0.1", "port": 1, "from": "a@b.test"}, true, false, 200},
	{"testMailServer", "POST", "/orgs/$org/mail-server/test", nil, false, false, 200},
	{"removeMailServer", "DELETE", "/orgs/$org/mail-server", nil, true, false, 204},
	{"listUsers", "GET", "/orgs/$org/users", nil, false, false, 200},
	{"createUser", "POST", "/orgs/$org/users", fields{"username": "fresh"}, false, false, 201},
	{"importUsers", "POST", "/orgs/$org/users/import", fields{"users": []any{fields{"username": "imported"}}}, false, false, 200},
	{"getUser", "GET", "/orgs/$org/users/$user", nil, false, false, 200},
	{"endUserSession", "DELETE", "/orgs/$org/users/$user/sessions/$session", nil, false, false, 204},
	{"listUserPasskeys", "GET", "/orgs/$org/users/$user/passkeys", nil, false, false, 200},
	{"deleteUserPasskey", "DELETE", "/orgs/$org/users/$user/passkeys/$passkey", nil, false, false, 204},
	{"updateUser", "PATCH", "/orgs/$org/users/$user", fields{"username": "renamed"}, true, false, 200},
	{"setUserPassword", "PUT", "/orgs/$org/users/$user/password", fields{"password": "Difference-Engine-2"}, false, false, 204},
	{"getUserRoles", "GET", "/orgs/$org/users/$user/roles", nil, false, false, 200},
	{"getUserSecondFactor", "GET", "/orgs/$org/users/$user/second-factor", nil, false, false, 200},
	{"resetUserSecondFactor", "DELETE", "/orgs/$org/users/$user/second-factor", nil, false, false, 204},
	{"setUserRoles", "PUT", "/orgs/$org/users/$user/roles", fields{"roles": []string{"organization-auditor"}}, true, false, 200},
	{"sendInvitation", "POST", "/orgs/$org/users/$invited/invitation", nil, false, false, 200},
	{"revokeInvitation", "DELETE", "/orgs/$org/users/$invited/invitation", nil, false, false, 204},
	{"createOneTimeLink", "POST", "/orgs/$org/users/$user/one-time-link", fields{}, false, false, 201},
	{"listUserSessions", "GET", "/orgs/$org/users/$user/sessions", nil, false, false, 200},
	{"endUserSessions", "DELETE", "/orgs/$org/users/$user/sessions", nil, false, false, 204},
	{"listUserConsents", "GET", "/orgs/$org/users/$user/consents", nil, false, false, 200},
	{"withdrawUserConsent", "DELETE", "/orgs/$org/users/$user/consents/$client", nil, false, false, 204},
	{"listClients", "GET", "/orgs/$org/clients", nil, false, false, 200},
	{"createClient", "POST", "/orgs/$org/clients", fields{"client_name": "Fresh", "redirect_uris": []string{"https://fresh.example.test/cb"}}, false, false, 201},
	{"getClient", "GET", "/orgs/$org/clients/$client", nil, false, false, 200},
	{"updateClient", "PATCH", "/orgs/$org/clients/$client", fields{"client_name": "Renamed"}, true, false, 200},
	{"rotateClientSecret", "POST", "/orgs/$org/clients/$client/secret", nil, false, false, 201},
	{"listProfiles", "GET", "/orgs/$org/profiles", nil, false, false, 200},
	{"listInitialAccessTokens", "GET", "/orgs/$org/initial-access-tokens", nil, false, false, 200},
	{"createInitialAccessToken", "POST", "/orgs/$org/initial-access-tokens", fields{"name": "Fresh", "expires_at": time.Now().AddDate(0, 1, 0).UTC().Format(time.RFC3339)}, false, false, 201},
	{"getInitialAccessToken", "GET", "/orgs/$org/initial-access-tokens/$token", nil, false, false, 200},
	{"revokeInitialAccessToken", "DELETE", "/orgs/$org/initial-access-tokens/$token", nil, false, false, 204},
	{"listResources", "GET", "/orgs/$org/resources", nil, false, false, 200},
	{"createResource", "POST", "/orgs/$org/resources", fields{"identifier": "https://fresh.example.test/", "name": "Fresh"}, false, false, 201},
	{"getResource", "GET", "/orgs/$org/resources/$resource", nil, false, false, 200},
	{"updateResource", "PATCH", "/orgs/$org/resources/$resource", fields{"name": "Renamed"}, true, false, 200},
	{"deleteResource", "DELETE", "/orgs/$org/resources/$resource", nil, true, false, 204},
	{"listDomains", "GET", "/orgs/$org/domains", nil, false, false, 200},
	{"createDomain", "POST", "/orgs/$org/domains", fields{"host": "fresh.example.test"}, false, false, 201},
	{"getDomain", "GET", "/orgs/$org/domains/$domain", nil, false, false, 200},
	{"verifyDomain", "POST", "/orgs/$org/domains/$domain/verification", nil, false, false, 200},
	{"deleteDomain", "DELETE", "/orgs/$org/domains/$domain", nil, false, false, 204},
	{"listIdentityProviders", "GET", "/orgs/$org/identity-providers", nil, false, false, 200},
	{"createIdentityProvider", "POST", "/orgs/$org/identity-providers", fields{"alias": "fresh", "issuer": "https://fresh.example.test", "name": "Fresh", "client_id": "x", "client_authentication": "none"}, false, false, 201},
	{"testIdentityProvider", "POST", "/orgs/$org/identity-providers/test", fields{"issuer": "https://127.0.0.1:1"}, false, false, 200},
	{"getIdentityProvider", "GET", "/orgs/$org/identity-providers/$provider", nil, false, false, 200},
	{"updateIdentityProvider", "PATCH", "/orgs/$org/identity-providers/$provider", fields{"name": "Renamed"}, true, false, 200},
	{"listUserIdentities", "GET", "/orgs/$org/users/$user/identities", nil, false, false, 200},
	{"deleteUserIdentity", "DELETE", "/orgs/$org/users/$user/identities/$upstream", nil, false, false, 204},
	{"listTerms", "GET", "/orgs/$org/terms", nil, false, false, 200},
	{"publishTerms", "POST", "/orgs/$org/terms", fields{"texts": fields{"en": fields{"title": "Terms", "url": "https://example.test/terms"}}}, false, false, 201},
	{"withdrawTerms", "DELETE", "/orgs/$org/terms/$terms", nil, false, false, 204},
	{"listUserTerms", "GET", "/orgs/$org/users/$user/terms", nil, false, false, 200},
	{"deleteIdentityProvider", "DELETE", "/orgs/$org/identity-providers/$provider", nil, true, false, 204},
	{"listTrustedIssuers", "GET", "/orgs/$org/trusted-issuers", nil, false, false, 200},
	{"createTrustedIssuer", "POST", "/orgs/$org/trusted-issuers", fields{"issuer": "https://fresh.example.test/", "name": "Fresh", "jwks_uri": "https://fresh.example.test/jwks"}, false, false, 201},
	{"getTrustedIssuer", "GET", "/orgs/$org/trusted-issuers/$issuer", nil, false, false, 200},
	{"updateTrustedIssuer", "PATCH", "/orgs/$org/trusted-issuers/$issuer", fields{"name": "Renamed"}, true, false, 200},
	{"listLinkedIdentities", "GET", "/orgs/$org/trusted-issuers/$issuer/identities", nil, false, false, 200},
	{"createLinkedIdentity", "POST", "/orgs/$org/trusted-issuers/$issuer/identities", fields{"subject": "fresh", "user_id": "$user"}, false, false, 201},
	{"deleteLinkedIdentity", "DELETE", "/orgs/$org/trusted-issuers/$issuer/identities/$identity", nil, false, false, 204},
	{"deleteTrustedIssuer", "DELETE", "/orgs/$org/trusted-issuers/$issuer", nil, true, false, 204},
	{"listBackchannelRequests", "GET", "/orgs/$org/backchannel-requests", nil, false, false, 200},
	{"decideBackchannelRequest", "POST", "/orgs/$org/backchannel-requests/$request/decision", fields{"decision": "deny"}, false, false, 204},
	{"listLogoutDeliveries", "GET", "/orgs/$org/logout-deliveries", nil, false, false, 200},
	{"listAuditEvents", "GET", "/orgs/$org/audit-events", nil, false, false, 200},
	{"getAuditEvent", "GET", "/orgs/$org/audit-events/$event", nil, false, false, 200},
	{"deleteClient", "DELETE", "/orgs/$org/clients/$client", nil, true, false, 204},
	{"deleteUser", "DELETE", "/orgs/$org/users/$user", nil, true, false, 204},
	{"moveOrganization", "PUT", "/orgs/$org/address", fields{"domain": "$host", "unchecked": true}, true, false, 200},
	{"leaveFormerAddress", "DELETE", "/orgs/$org/address/former", nil, true, false, 204}, // and with it what was made there, tokens too
	{"deleteOrganization", "DELETE", "/orgs/$org", nil, true, true, 202},
}

// things are what an operation is tried on.

type things struct {
	org, user, client, event, session, token, resource, issuer, identity, request, passkey, invited, provider, upstream, domain, host, terms string
}

func (s *site) things(organization *org.Organization) things {
	s.t.Helper()
	person := s.Person(s.t, organization, "target-"+uuid.NewString())
	registered, _ := s.Application(s.t, organization, client.Client{Name: "Target", Scopes: []string{"openid"}})
	s.InTx(s.t, func(ctx context.Context, tx *store.Tx) error {
		_, err := s.mailServers.Set(ctx, tx, oidctest.Actor(), mailserver.Server{OrgID: organization.ID, Host: "127.0.0.1", Port: 1, From: "target@mail.test"}, nil)
		return errors.Join(err, s.addFactor(ctx, tx, person), s.Grants.Consent(ctx, tx, oidctest.Actor(), organization.ID, person.ID, registered.ID, []string{"openid"}))
	})
	records, err := s.AuditLog.List(s.t.Context(), s.Store, organization.ID, auditLast)
	check(s.t, err)
	issuer, identity := s.trustedIssuer(organization, person)
	provider, upstream := s.identityProvider(organization, person)
	return things{organization.Slug, person.ID.String(), registered.ID.String(), records[0].ID.String(), s.SignIn(s.t, organization, person).ID.String(),
		s.initialAccessToken(organization).ID.String(), s.resource(organization).ID.String(), issuer.ID.String(), identity.ID.String(),
		s.BackchannelRequest(s.t, organization, registered, person).String(), s.passkey(person, "Target").ID.String(), s.invited(organization), provider.ID.String(), upstream.ID.String(), s.domain(organization).ID.String(), s.domain(organization).Host, s.published(organization)}
}

func (o operation) at(x things) string {
	return strings.NewReplacer("$org", x.org, "$user", x.user, "$client", x.client, "$event", x.event, "$session", x.session, "$token", x.token, "$resource", x.resource, "$issuer", x.issuer, "$identity", x.identity, "$request", x.request, "$passkey", x.passkey, "$invited", x.invited,
		"$provider", x.provider, "$upstream", x.upstream, "$domain", x.domain, "$terms", x.terms).Replace(o.path)
}

// content is the body, with what it is tried on.
func (o operation) content(x things) any {
	named, ok := o.body.(fields)
	if !ok {
		return o.body
	}
	filled := maps.Clone(named)
	for name, value := range map[string]string{"user_id": x.user, "domain": x.host} {
		if named[name] != nil {
			filled[name] = value
		}
	}
	return filled
}

// domain is a host that an organization has; the system organization has none.
func (s *site) domain(organization *org.Organization) (made customdomain.Domain) {
	if organization.Slug == org.SystemSlug {
		return customdomain.Domain{ID: store.NewID(), Host: "system.example.test"}
	}
	s.InTx(s.t, func(ctx context.Context, tx *store.Tx) (err error) {
		if made, err = s.domains.Claim(ctx, tx, oidctest.Actor(), organization, uuid.NewString()+".example.test"); err == nil {
			made, err = s.domains.Verify(ctx, tx, oidctest.Actor(), organization.ID, made.ID, customdomain.ByOperator)
		}
		return err
	})
	return made
}

// published is the number of a version of the terms.
func (s *site) published(organization *org.Organization) string {
	var made *terms.Version
	s.InTx(s.t, func(ctx context.Context, tx *store.Tx) (err error) {
		made, err = s.terms.Publish(ctx, tx, oidctest.Actor(), organization.ID, map[string]terms.Text{"en": {Title: "Target", Text: "Be kind."}}, time.Time{})
		return err
	})
	return strconv.Itoa(made.Version)
}

// invited is the identifier of somebody who was invited.
func (s *site) invited(organization *org.Organization) string {
	var made *user.User
	s.InTx(s.t, func(ctx context.Context, tx *store.Tx) (err error) {
		name := "invited-" + uuid.NewString() + "@example.test"
		if made, err = s.Users.Create(ctx, tx, oidctest.Actor(), user.User{OrgID: organization.ID, Username: name, Email: name}); err == nil && organization.Slug != org.SystemSlug {
			_, _, err = credential.NewInvitations(s.AuditLog, s.Clock.Now, rand.Reader).Create(ctx, tx, oidctest.Actor(), organization, made)
		}
		return err
	})
	return made.ID.String()
}

func (s *site) initialAccessToken(organization *org.Organization) (made *client.InitialAccessToken) {
	s.InTx(s.t, func(ctx context.Context, tx *store.Tx) (err error) {
		made, _, err = s.Clients.CreateInitialAccessToken(ctx, tx, oidctest.Actor(), client.InitialAccessToken{OrgID: organization.ID, Name: "Target",
			ExpiresAt: s.Clock.Now().Add(30 * 24 * time.Hour)})
		return err
	})
	return made
}

func (s *site) resource(organization *org.Organization) (made *resource.Resource) {
	s.InTx(s.t, func(ctx context.Context, tx *store.Tx) (err error) {
		made, err = s.Resources.Create(ctx, tx, oidctest.Actor(), resource.Resource{OrgID: organization.ID, Name: "Target", Identifier: "https://" + uuid.NewString() + ".example.test/"})
		return err
	})
	return made
}

func (s *site) identityProvider(organization *org.Organization, person *user.User) (provider *identityprovider.Provider, identity *identityprovider.Identity) {
	s.InTx(s.t, func(ctx context.Context, tx *store.Tx) (err error) {
		if provider, err = s.providers.Create(ctx, tx, oidctest.Actor(), identityprovider.Provider{OrgID: organization.ID, Alias: "a" + uuid.NewString(), Name: "Target", Issuer: "https://target.example.test",
			ClientID: "x", ClientAuthentication: identityprovider.None}, ""); err != nil {
			return err
		}
		identity, err = s.providers.Link(ctx, tx, oidctest.Actor(), identityprovider.Identity{OrgID: organization.ID, ProviderID: provider.ID, Subject: "target", UserID: person.ID})
		return err
	})
	return provider, identity
}

func (s *site) trustedIssuer(organization *org.Organization, person *user.User) (issuer *trust.Issuer, identity *trust.Identity) {
	s.InTx(s.t, func(ctx context.Context, tx *store.Tx) (err error) {
		name := "https://" + uuid.NewString() + ".example.test/"
		if issuer, err = s.Trusted.Create(ctx, tx, oidctest.Actor(), trust.Issuer{OrgID: organization.ID, Name: "Target", Issuer: name, JWKSURI: name + "jwks"}); err != nil {
			return err
		}
		identity, err = s.Trusted.Link(ctx, tx, oidctest.Actor(), trust.Identity{OrgID: organization.ID, IssuerID: issuer.ID, Subject: "target", UserID: person.ID})
		return err
	})
	return issuer, identity
}

// try sends the operation's request; where it needs a version, reader reads it.

func (c *caller) try(o operation, x things, reader *caller) answer {
	c.t.Helper()
	var header []string
	if o.ifMatch {
		at := o.at(x)
		if i := strings.Index(at, "/address"); i > 0 {
			at = at[:i] // it is the organization that has a version
		}
		header = []string{"If-Match", reader.get(at).must(200).etag()}
	}
	return c.do(o.method, o.at(x), o.content(x), header...)
}
