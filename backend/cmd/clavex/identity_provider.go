package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/clavex/clavex/backend/internal/identityprovider"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/server"
	"github.com/clavex/clavex/backend/internal/store"
)

func (p *program) identityProviders() *cobra.Command {
	return p.group("identity-provider", "OpenID providers elsewhere at which people sign in", "Lists, adds and removes the OpenID providers at which people of an organization may sign in.",
		p.listIdentityProviders(), p.addIdentityProvider(), p.removeIdentityProvider())
}

// identityProviderResult is what commands say about a provider.
type identityProviderResult struct {
	*identityprovider.Provider
	RedirectURI string `json:"redirect_uri"`
}

func ofProvider(app *server.App, of *org.Organization, provider *identityprovider.Provider) identityProviderResult {
	return identityProviderResult{provider, app.Issuers.Endpoint(of, "idp/"+provider.Alias+"/callback")}
}

func (p *program) listIdentityProviders() *cobra.Command {
	var slug string
	command := &cobra.Command{Use: "list", Args: cobra.NoArgs, Short: "List identity providers", Long: "Lists the identity providers of an organization by name.",
		Example: "  clavex identity-provider list --org acme"}
	needsOrganization(command, &slug)
	return p.operates(command, func(ctx context.Context, app *server.App, _ []string) error {
		of, err := organization(ctx, app, slug)
		if err != nil {
			return err
		}
		found, err := app.Providers.List(ctx, app.Store, of.ID)
		if err != nil {
			return err
		}
		results := make([]identityProviderResult, len(found))
		for n, one := range found {
			results[n] = ofProvider(app, of, one)
		}
		return p.print(map[string]any{"items": results}, func(w io.Writer) {
			if len(results) == 0 {
				fmt.Fprintln(w, "None. Add one by clavex identity-provider add.")
				return
			}
			table(w, "ALIAS NAME STATUS ISSUER", func(line func(columns ...string)) {
				for _, one := range results {
					line(one.Alias, one.Name, string(one.Status), one.Issuer)
				}
			})
		})
	})
}

func (p *program) addIdentityProvider() *cobra.Command {
	var slug, secretFile string
	var wanted identityprovider.Provider
	command := &cobra.Command{Use: "add", Args: cobra.NoArgs, Short: "Let people sign in at an OpenID provider",
		Long: `Lets people of an organization sign in at an OpenID provider elsewhere, and link their account there by proving both.
Register Clavex at the provider first, with the redirect URI <issuer of the organization>/idp/<alias>/callback.`,
		Example: `  clavex identity-provider add --org acme --alias corp --name "Example Corp" --issuer https://login.example.org \
      --client-id clavex --client-secret-file -`}
	needsOrganization(command, &slug)
	flags := command.Flags()
	flags.StringVar(&wanted.Alias, "alias", "", "its name in addresses, such as corp (required)")
	flags.StringVar(&wanted.Name, "name", "", "what people read on the sign-in page (required)")
	flags.StringVar(&wanted.Issuer, "issuer", "", "its issuer identifier, character by character (required)")
	flags.StringVar(&wanted.ClientID, "client-id", "", "what the provider knows Clavex by (required)")
	flags.StringVar(&secretFile, "client-secret-file", "", "file with what the provider gave to Clavex; - for standard input")
	flags.StringVar(&wanted.ClientAuthentication, "client-authentication", "", "client_secret_basic, client_secret_post, or none (PKCE alone)")
	flags.StringArrayVar(&wanted.Scopes, "scope", nil, "what is asked for, openid among it; may be repeated")
	for _, required := range []string{"alias", "name", "issuer", "client-id"} {
		_ = command.MarkFlagRequired(required) // the flag exists
	}
	return p.operates(command, func(ctx context.Context, app *server.App, _ []string) error {
		of, err := organization(ctx, app, slug)
		if err != nil {
			return err
		}
		secret := ""
		if secretFile != "" {
			content, err := p.file(secretFile)
			if err != nil {
				return err
			}
			secret = strings.TrimRight(string(content), "\r\n")
		}
		if wanted.OrgID = of.ID; app.Issuers.Means(of, wanted.Issuer, app.Now()) {
			return fmt.Errorf("%s is no identity provider of its own", of.Slug)
		}
		var added *identityprovider.Provider
		err = app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			added, err = app.Providers.Create(ctx, tx, operator(), wanted, secret)
			return err
		})
		if err != nil {
			return err
		}
		result := ofProvider(app, of, added)
		return p.print(result, func(w io.Writer) {
			details(w, "Alias", added.Alias, "Name", added.Name, "Issuer", added.Issuer, "Client", added.ClientID, "Redirect URI to register there", result.RedirectURI)
		})
	})
}

func (p *program) removeIdentityProvider() *cobra.Command {
	var slug string
	var yes bool
	command := &cobra.Command{Use: "remove ALIAS", Args: cobra.ExactArgs(1), Short: "Let nobody sign in at an identity provider any more",
		Long:    "Removes an identity provider with the accounts there that people have linked. Sessions that were begun there go on.",
		Example: "  clavex identity-provider remove corp --org acme --yes"}
	needsOrganization(command, &slug)
	command.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return p.operates(command, func(ctx context.Context, app *server.App, arguments []string) error {
		of, err := organization(ctx, app, slug)
		if err != nil {
			return err
		}
		found, err := app.Providers.List(ctx, app.Store, of.ID)
		if err != nil {
			return err
		}
		n := slices.IndexFunc(found, func(one *identityprovider.Provider) bool { return one.Alias == arguments[0] })
		if n < 0 {
			return identityprovider.ErrNotFound
		}
		if err := p.confirm(ctx, yes, "This removes "+found[n].Name+" from "+of.Slug+" with every account that is linked there.", found[n].Alias); err != nil {
			return err
		}
		err = app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			return app.Providers.Delete(ctx, tx, operator(), of.ID, found[n].ID, found[n].Version)
		})
		if err != nil {
			return err
		}
		return p.print(map[string]any{"alias": found[n].Alias, "removed": true}, func(w io.Writer) { fmt.Fprintf(w, "%s is removed.\n", found[n].Name) })
	})
}
