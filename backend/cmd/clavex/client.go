package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/server"
	"github.com/clavex/clavex/backend/internal/store"
)

func (p *program) clients() *cobra.Command {
	return p.group("client", "The applications of an organization", "Registers, lists and deletes applications (OAuth clients, OpenID Connect relying parties).",
		p.createClient(), p.listClients(), p.showClient(), p.rotateClientSecret(), p.deleteClient(), p.initialAccessTokens())
}

// clientResult is a client as the Admin API writes it: lifetimes in seconds, the secret only when new.
type clientResult struct {
	*client.Client
	Secret                      string `json:"client_secret,omitempty"`
	AccessTokenLifetimeSeconds  int64  `json:"access_token_lifetime_seconds,omitempty"`
	RefreshTokenLifetimeSeconds int64  `json:"refresh_token_lifetime_seconds,omitempty"`
	// These hide the embedded fields, which would be nanoseconds.
	AccessTokenLifetime  *struct{} `json:"access_token_lifetime,omitempty"`
	RefreshTokenLifetime *struct{} `json:"refresh_token_lifetime,omitempty"`
}

func describeClient(c *client.Client, secret string) clientResult {
	return clientResult{Client: c, Secret: secret, AccessTokenLifetimeSeconds: int64(c.AccessTokenLifetime.Seconds()), RefreshTokenLifetimeSeconds: int64(c.RefreshTokenLifetime.Seconds())}
}

func (r clientResult) text(w io.Writer) {
	consent := "no"
	if r.RequireConsent {
		consent = "yes"
	}
	details(w, "Client id", r.ClientID, "Name", r.Name, "Status", string(r.Status), "Type", string(r.ApplicationType), "Authentication", string(r.AuthenticationMethod),
		"Redirect URIs", strings.Join(r.RedirectURIs, " "), "After sign-out", strings.Join(r.PostLogoutRedirectURIs, " "), "Grant types", strings.Join(r.GrantTypes, " "),
		"Response types", strings.Join(r.ResponseTypes, ", "), "Profile", string(r.Profile), "Keys at", r.Metadata.JWKSURI, "Second factor", string(r.Metadata.SecondFactor),
		"Scopes", strings.Join(r.Scopes, " "), "ID token", r.IDTokenSignedResponseAlg, "Asks consent", consent, "Registered by", string(r.Origin), "Id", r.ID.String(), "Created", moment(r.CreatedAt))
	if r.Secret != "" {
		fmt.Fprintf(w, "\nThe secret, shown only now:\n\n  %s\n\n", r.Secret)
	}
}

func (p *program) createClient() *cobra.Command {
	var slug, method, kind, profile, keysFile, secondFactor string
	var public, withoutConsent bool
	wanted := client.Client{}
	command := &cobra.Command{
		Use: "create", Args: cobra.NoArgs, Short: "Register an application and print its secret",
		Long: `Registers an application. A confidential one gets a secret, which is printed now and never again; a public
one (single-page, native) has none and is protected by PKCE.`,
		Example: `  clavex client create --org acme --name Payroll --redirect-uri https://payroll.acme.example/callback
  clavex client create --org acme --name "Acme app" --public --redirect-uri https://app.acme.example/callback --scope openid --scope profile
  clavex client create --org acme --name Billing --auth-method private_key_jwt --jwks-file billing.jwks.json \
    --redirect-uri https://billing.acme.example/callback
  clavex client create --org acme --name Importer --grant-type client_credentials --scope import:write`,
	}
	flags := command.Flags()
	needsOrganization(command, &slug)
	flags.StringVar(&wanted.Name, "name", "", "what people read on the consent page (required)")
	flags.StringVar(&wanted.ClientID, "client-id", "", "its client_id (default: made)")
	flags.StringArrayVar(&wanted.RedirectURIs, "redirect-uri", nil, "where people come back after signing in, compared character by character; may be repeated")
	flags.StringArrayVar(&wanted.PostLogoutRedirectURIs, "post-logout-redirect-uri", nil, "where people come back after signing out; may be repeated")
	flags.BoolVar(&public, "public", false, "it cannot keep a secret")
	flags.StringVar(&method, "auth-method", "", "token_endpoint_auth_method: "+methods()+" (default client_secret_basic)")
	flags.StringVar(&keysFile, "jwks-file", "", "file with the application's public keys, a JWK set; - for standard input")
	flags.StringVar(&wanted.Metadata.JWKSURI, "jwks-uri", "", "https address of the application's public keys, instead of --jwks-file")
	flags.StringVar(&profile, "profile", "", "its own profile: "+org.ProfileNames()+" (default the organization's)")
	flags.StringArrayVar(&wanted.ResponseTypes, "response-type", nil, "such as \"code id_token\", where the profile allows it; may be repeated (default code)")
	flags.StringVar(&secondFactor, "second-factor", "", "what its sign-ins demand beside the organization: optional or required")
	flags.StringVar(&kind, "type", string(client.Web), "application_type: web or native")
	flags.StringArrayVar(&wanted.GrantTypes, "grant-type", nil, "authorization_code, implicit, refresh_token, client_credentials or urn:ietf:params:oauth:grant-type:device_code; may be repeated (default authorization_code and refresh_token, or what the response types need)")
	flags.StringArrayVar(&wanted.Scopes, "scope", nil, "scope it may ask for; may be repeated (default those of a person)")
	flags.StringVar(&wanted.IDTokenSignedResponseAlg, "id-token-alg", "ES256", "signature of ID tokens, and of answers that travel as a JWT: HS256, or "+algorithms())
	flags.BoolVar(&withoutConsent, "without-consent", false, "it is the organization's own: people are not asked whether it may know them")
	_ = command.MarkFlagRequired("name") // the flag exists
	command.MarkFlagsMutuallyExclusive("public", "auth-method")
	command.MarkFlagsMutuallyExclusive("jwks-file", "jwks-uri")
	return p.operates(command, func(ctx context.Context, app *server.App, _ []string) error {
		in, err := organization(ctx, app, slug)
		if err != nil {
			return err
		}
		wanted.OrgID, wanted.Origin, wanted.RequireConsent, wanted.ApplicationType = in.ID, client.Administrator, !withoutConsent, client.ApplicationType(kind)
		switch {
		case public:
			wanted.AuthenticationMethod = client.None
		case method != "":
			wanted.AuthenticationMethod = client.AuthenticationMethod(method)
		default:
			wanted.AuthenticationMethod = client.ClientSecretBasic
		}
		wanted.Metadata.SecondFactor = org.SecondFactor(secondFactor)
		wanted.Profile, wanted.Metadata.AuthorizationSignedResponseAlg = org.Profile(profile), wanted.IDTokenSignedResponseAlg
		if wanted.Metadata.JWKS, err = p.keySet(keysFile); err != nil {
			return err
		}
		if wanted.GrantTypes == nil && wanted.ResponseTypes == nil {
			wanted.GrantTypes = []string{client.AuthorizationCode, client.RefreshToken}
		}
		if wanted.Scopes == nil && wanted.GrantTypes != nil && !wanted.MayUse(client.AuthorizationCode) && !wanted.MayUse(client.Implicit) {
			wanted.Scopes = []string{} // scopes that speak of a person are never a client's own
		}
		var result clientResult
		var made *client.Client
		if err := wanted.Complete(); err != nil {
			return err
		}
		err = app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			if err := oauth.HoldProfile(ctx, tx, app.Organizations, &wanted); err != nil {
				return err
			}
			created, secret, err := app.Clients.Create(ctx, tx, operator(), wanted, "")
			if err == nil {
				made, result = created, describeClient(created, secret)
			}
			return err
		})
		if err != nil {
			return err
		}
		_ = app.Keys.Ensure(ctx, made.OrgID, made.SignsBy()...)
		return p.print(result, result.text)
	})
}

// methods lists how applications can authenticate.
func methods() string {
	var names []string
	for _, method := range client.AuthenticationMethods() {
		names = append(names, string(method))
	}
	return strings.Join(names, ", ")
}

// maximumFile is how much of a file that a flag names is read, in bytes; what is in it may be less.
const maximumFile = 1 << 20

// keySet reads a file with a JWK set; nil when none is named. What the set may hold, package client judges.
func (p *program) keySet(name string) (json.RawMessage, error) {
	if name == "" {
		return nil, nil
	}
	content, err := p.file(name)
	if err == nil && !json.Valid(content) {
		err = usagef("--jwks-file: %s is not JSON", name)
	}
	return content, err
}

// file reads a file that a flag names; - is standard input.
func (p *program) file(name string) ([]byte, error) {
	from := p.stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		from = file
	}
	return io.ReadAll(io.LimitReader(from, maximumFile))
}

// onClient makes a command that works on one client of an organization.
func (p *program) onClient(command *cobra.Command, work func(ctx context.Context, app *server.App, in *org.Organization, found *client.Client) error) *cobra.Command {
	var slug string
	needsOrganization(command, &slug)
	return p.operates(command, func(ctx context.Context, app *server.App, arguments []string) error {
		in, err := organization(ctx, app, slug)
		if err != nil {
			return err
		}
		found, err := app.Clients.ByClientID(ctx, in.ID, arguments[0])
		if err != nil {
			return err
		}
		return work(ctx, app, in, found)
	})
}

func (p *program) listClients() *cobra.Command {
	var list listing
	var slug string
	command := &cobra.Command{Use: "list", Args: cobra.NoArgs, Short: "List applications", Long: "Lists an organization's applications by name.",
		Example: "  clavex client list --org acme\n  clavex client list --org acme --search pay --json"}
	needsOrganization(command, &slug)
	list.flags(command, "name or client_id")
	return p.operates(command, func(ctx context.Context, app *server.App, _ []string) error {
		if err := oneOf("--status", list.status, "", string(client.Active), string(client.Disabled)); err != nil {
			return err
		}
		in, err := organization(ctx, app, slug)
		if err != nil {
			return err
		}
		rows, more, err := collect(list.limit, func(after *client.Listed, limit int32) ([]client.Listed, error) {
			wanted := client.Filter{Search: list.search, Status: client.Status(list.status), Limit: limit}
			if after != nil {
				wanted.After = &after.Position
			}
			return app.Clients.List(ctx, app.Store, in.ID, wanted)
		})
		if err != nil {
			return err
		}
		results := make([]clientResult, len(rows))
		for i, row := range rows {
			results[i] = describeClient(row.Client, "")
		}
		p.sayIfMore(more)
		return p.print(results, func(w io.Writer) {
			table(w, "CLIENT-ID STATUS AUTHENTICATION REGISTERED-BY CREATED NAME", func(line func(...string)) {
				for _, r := range results {
					line(r.ClientID, string(r.Status), string(r.AuthenticationMethod), string(r.Origin), moment(r.CreatedAt), r.Name)
				}
			})
		})
	})
}

func (p *program) showClient() *cobra.Command {
	command := &cobra.Command{Use: "show CLIENT-ID", Args: cobra.ExactArgs(1), Short: "Show an application", Long: "Shows an application. Its secret cannot be shown again; see rotate-secret.",
		Example: "  clavex client show payroll --org acme --json"}
	return p.onClient(command, func(_ context.Context, _ *server.App, _ *org.Organization, found *client.Client) error {
		result := describeClient(found, "")
		return p.print(result, result.text)
	})
}

func (p *program) rotateClientSecret() *cobra.Command {
	var yes bool
	command := &cobra.Command{Use: "rotate-secret CLIENT-ID", Args: cobra.ExactArgs(1), Short: "Replace an application's secret",
		Long:    "Replaces an application's secret and prints the new one, which nobody can read again. The old one stops working at once.",
		Example: "  clavex client rotate-secret payroll --org acme --yes"}
	command.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return p.onClient(command, func(ctx context.Context, app *server.App, in *org.Organization, found *client.Client) error {
		if err := p.confirm(ctx, yes, "The present secret of "+found.ClientID+" stops working at once.", found.ClientID); err != nil {
			return err
		}
		var result clientResult
		err := app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			changed, secret, err := app.Clients.RotateSecret(ctx, tx, operator(), in.ID, found.ID, found.Version)
			if err == nil {
				result = describeClient(changed, secret)
			}
			return err
		})
		if err != nil {
			return err
		}
		return p.print(result, result.text)
	})
}

func (p *program) deleteClient() *cobra.Command {
	var yes bool
	command := &cobra.Command{Use: "delete CLIENT-ID", Args: cobra.ExactArgs(1), Short: "Delete an application", Long: "Deletes an application with everything people allowed it, for ever.",
		Example: "  clavex client delete payroll --org acme --yes"}
	command.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return p.onClient(command, func(ctx context.Context, app *server.App, in *org.Organization, found *client.Client) error {
		if err := p.confirm(ctx, yes, "This deletes "+found.Name+" from "+in.Slug+" for ever; nobody can sign in with it any more.", found.ClientID); err != nil {
			return err
		}
		err := app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			return app.Clients.Delete(ctx, tx, operator(), in.ID, found.ID, found.Version)
		})
		if err != nil {
			return err
		}
		return p.print(map[string]any{"id": found.ID, "client_id": found.ClientID, "deleted": true}, func(w io.Writer) { fmt.Fprintf(w, "%s is deleted.\n", found.ClientID) })
	})
}
