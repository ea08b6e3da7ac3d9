package dev

import (
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/resource"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/user"
)

// organizations are the seeds. Scripts, starters and tests rely on these values; names under .test
// (RFC 2606) and the telephone numbers (reserved for fiction) belong to nobody.
func organizations() []organization {
	return []organization{
		{slug: org.SystemSlug, people: []person{platformAdministrator()}},
		{
			slug: DemoSlug, displayName: "Demo", branding: org.Branding{BrandColor: "#0f766e"},
			// Open for redirect URIs on the developer's own machine: create-clavex-app needs no set-up. Whoever signs up gets
			// the mail at MailPath.
			policies: org.Policies{Registration: org.RegistrationLoopback, SignUp: org.SignUpOpen, MagicLinks: org.MagicLinksOn, ClientIDMetadataDocuments: org.ClientDocumentsOpen,
				RegistrationRules: org.RegistrationRules{Scopes: append(personScopes(), notesScopes()...)}, Scopes: notesScopeDefinitions()},
			people:    []person{ada(), grace()},
			clients:   []application{demoWeb(), demoSPA(), demoDevice(), demoService()},
			resources: []resource.Resource{demoMCP()},
		},
	}
}

// demoMCP is the resource server that the starter mcp-server is, at the port where it listens.
func demoMCP() resource.Resource {
	return resource.Resource{Identifier: "http://localhost:3001/mcp", Name: "Notes (MCP server)", Scopes: notesScopes(), Published: true}
}

func notesScopes() []string { return []string{"notes:read", "notes:write"} }

func notesScopeDefinitions() []org.ScopeDefinition {
	return []org.ScopeDefinition{
		{Name: "notes:read", Description: map[string]string{"en": "Read your notes", "de": "Ihre Notizen lesen", "it": "Leggere le tue note",
			"fr": "Lire vos notes", "es": "Leer sus notas", "nl": "Uw notities lezen"}},
		{Name: "notes:write", Description: map[string]string{"en": "Write and change your notes", "de": "Ihre Notizen schreiben und ändern", "it": "Scrivere e modificare le tue note",
			"fr": "Écrire et modifier vos notes", "es": "Escribir y cambiar sus notas", "nl": "Uw notities schrijven en wijzigen"}},
	}
}

func platformAdministrator() person {
	return person{
		User: user.User{Username: "admin@clavex.test", Email: "admin@clavex.test", EmailVerified: true,
			Profile: user.Profile{Name: "Platform administrator", PreferredUsername: "admin"}},
		password: "Console-No-1843", roles: []role.Role{role.PlatformAdministrator},
	}
}

// ada has every standard claim of OpenID Connect Core 1.0 §5.1 (updated_at comes from the row).
func ada() person {
	return person{
		User: user.User{
			Username: "ada@demo.test", Email: "ada@demo.test", EmailVerified: true, PhoneNumber: "+44 20 7946 0018", PhoneNumberVerified: true,
			Profile: user.Profile{
				Name: "Ada King Lovelace", GivenName: "Ada", FamilyName: "Lovelace", MiddleName: "King", Nickname: "Ada", PreferredUsername: "ada",
				Profile: "https://demo.test/people/ada", Picture: "https://demo.test/people/ada.png", Website: "https://ada.demo.test/",
				Gender: "female", Birthdate: "1815-12-10", Zoneinfo: "Europe/London", Locale: "en-GB",
				Address: &user.Address{Formatted: "12 St James's Square\nLondon SW1Y 4JH\nUnited Kingdom", StreetAddress: "12 St James's Square",
					Locality: "London", Region: "Greater London", PostalCode: "SW1Y 4JH", Country: "United Kingdom"},
			},
		},
		password: "Engine-No-1843",
	}
}

func grace() person {
	return person{
		User: user.User{Username: "grace@demo.test", Email: "grace@demo.test", EmailVerified: true,
			Profile: user.Profile{Name: "Grace Hopper", GivenName: "Grace", FamilyName: "Hopper", PreferredUsername: "grace", Locale: "en-US"}},
		password: "Compiler-No-1952", roles: []role.Role{role.OrganizationAdministrator},
	}
}

func personScopes() []string {
	return []string{"openid", "profile", "email", "address", "phone", "offline_access"}
}

// ID tokens are signed with ES256, as for every new client; who wants the protocol's default RS256
// registers it.
func demoWeb() application {
	return application{
		Client: client.Client{ClientID: "demo-web", Name: "Demo web application", ApplicationType: client.Web, AuthenticationMethod: client.ClientSecretBasic,
			RedirectURIs: []string{"http://localhost:3000/api/auth/callback"}, PostLogoutRedirectURIs: []string{"http://localhost:3000/"},
			GrantTypes: []string{client.AuthorizationCode, client.RefreshToken}, ResponseTypes: []string{client.CodeResponse}, Scopes: personScopes(),
			IDTokenSignedResponseAlg: "ES256", RequireConsent: true},
		secret: "demo-web-secret-0123456789abcdef",
	}
}

func demoSPA() application {
	return application{
		Client: client.Client{ClientID: "demo-spa", Name: "Demo single-page application", ApplicationType: client.Web, AuthenticationMethod: client.None,
			RedirectURIs: []string{"http://localhost:5173/callback"}, PostLogoutRedirectURIs: []string{"http://localhost:5173/"},
			GrantTypes: []string{client.AuthorizationCode, client.RefreshToken}, ResponseTypes: []string{client.CodeResponse}, Scopes: personScopes(),
			IDTokenSignedResponseAlg: "ES256", RequireConsent: true},
	}
}

// demoDevice has no browser: curl can play it.
func demoDevice() application {
	return application{
		Client: client.Client{ClientID: "demo-device", Name: "Demo device", ApplicationType: client.Native, AuthenticationMethod: client.None,
			GrantTypes: []string{client.DeviceCode, client.RefreshToken}, ResponseTypes: []string{}, Scopes: personScopes(), IDTokenSignedResponseAlg: "ES256", RequireConsent: true},
	}
}

func demoService() application {
	return application{
		Client: client.Client{ClientID: "demo-service", Name: "Demo service", ApplicationType: client.Web, AuthenticationMethod: client.ClientSecretBasic,
			GrantTypes: []string{client.ClientCredentials}, Scopes: []string{"demo:read", "demo:write"}, IDTokenSignedResponseAlg: "ES256"},
		secret: "demo-service-secret-0123456789abcdef",
	}
}
