package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/server"
	"github.com/clavex/clavex/backend/internal/store"
)

func (p *program) organizations() *cobra.Command {
	return p.group("org", "Organizations (tenants)", "Creates, lists, changes, suspends, restores and deletes organizations. Each is an OpenID Provider of its own.",
		p.createOrganization(), p.listOrganizations(), p.showOrganization(), p.updateOrganization(),
		p.changeOrganization("suspend", org.Suspended, "Stop serving an organization; everything is kept",
			"Stops serving an organization at once, for everybody: sign-in, tokens, administration.\nEverything is kept; restore undoes it.",
			"Nobody will be able to sign in to this organization."),
		p.changeOrganization("restore", org.Active, "Serve a suspended organization again", "Serves a suspended organization again, as it was.", ""),
		p.changeOrganization("delete", org.Deleting, "Delete an organization with everything in it",
			"Deletes an organization with its people, clients, keys and sessions. It stops serving at once; a background job of the\nservers removes its data in batches, its audit log included. There is no way back.",
			"This deletes the organization with all its people, clients and keys, for ever."))
}

// organizationResult is an organization with its issuer.
type organizationResult struct {
	*org.Organization
	Issuer string `json:"issuer"`
}

func describeOrganization(app *server.App, o *org.Organization) organizationResult {
	return organizationResult{o, app.Issuers.URL(o)}
}

func (r organizationResult) text(w io.Writer) {
	details(w, "Name", r.Slug, "Display name", r.DisplayName, "Status", string(r.Status), "Issuer", r.Issuer, "Brand colour", r.Branding.BrandColor,
		"Registration", string(r.Policies.RegistrationPolicy()), "Sign-up", string(r.Policies.SignUpPolicy()), "Forgotten passwords", string(r.Policies.RecoveryPolicy()), "Passkeys", string(r.Policies.PasskeyPolicy()), "Profile", string(r.Policies.ProfileName()), "Language", r.Policies.DefaultLocale,
		"Sessions end", fmt.Sprintf("unused for %s, in any case after %s", r.Policies.SessionIdle(), r.Policies.SessionAbsolute()),
		"Tokens live", fmt.Sprintf("access %s, refresh %s", r.Policies.AccessTokenLifetime(), r.Policies.RefreshTokenLifetime()),
		"Access tokens", string(r.Policies.TokenPolicy.Format()), "Refresh tokens", refreshing(r.Policies.TokenPolicy), "Id", r.ID.String(), "Created", moment(r.CreatedAt))
}

func refreshing(policy org.TokenPolicy) string {
	if policy.Rotation() == org.KeepRefreshTokens {
		return "stay when they are used"
	}
	return fmt.Sprintf("are replaced at each use, with %s of grace", policy.Grace())
}

func (p *program) createOrganization() *cobra.Command {
	wanted := org.NewOrganization{}
	var registration string
	command := &cobra.Command{
		Use: "create NAME", Args: cobra.ExactArgs(1), Short: "Create an organization",
		Long:    "Creates an organization. NAME stands in its addresses (<public URL>/NAME) and cannot be changed.",
		Example: "  clavex org create acme --display-name \"Acme S.p.A.\" --brand-color \"#0f766e\"",
	}
	command.Flags().StringVar(&wanted.DisplayName, "display-name", "", "what people read (default NAME)")
	command.Flags().StringVar(&wanted.Branding.BrandColor, "brand-color", "", "colour of its pages, as #rrggbb")
	command.Flags().StringVar(&wanted.Policies.DefaultLocale, "default-locale", "", "language of its pages for people who ask for none of ours, such as it")
	command.Flags().StringVar(&registration, "registration", "closed", "who may register clients without an administrator: closed, loopback, open or initial_access_token")
	return p.operates(command, func(ctx context.Context, app *server.App, arguments []string) error {
		wanted.Slug, wanted.Policies.Registration = arguments[0], org.Registration(registration)
		if wanted.DisplayName == "" {
			wanted.DisplayName = wanted.Slug
		}
		var made *org.Organization
		err := app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			made, err = app.Organizations.Create(ctx, tx, operator(), wanted)
			return err
		})
		if err != nil {
			return err
		}
		result := describeOrganization(app, made)
		return p.print(result, result.text)
	})
}

func (p *program) listOrganizations() *cobra.Command {
	var list listing
	command := &cobra.Command{Use: "list", Args: cobra.NoArgs, Short: "List organizations", Long: "Lists organizations by display name.",
		Example: "  clavex org list\n  clavex org list --status suspended --json"}
	list.flags(command, "display name or name")
	return p.operates(command, func(ctx context.Context, app *server.App, _ []string) error {
		if err := oneOf("--status", list.status, "", string(org.Active), string(org.Suspended), string(org.Deleting)); err != nil {
			return err
		}
		rows, more, err := collect(list.limit, func(after *org.Listed, limit int32) ([]org.Listed, error) {
			wanted := org.Filter{Search: list.search, Status: org.Status(list.status), Limit: limit}
			if after != nil {
				wanted.After = &after.Position
			}
			return app.Organizations.List(ctx, app.Store, wanted)
		})
		if err != nil {
			return err
		}
		results := make([]organizationResult, len(rows))
		for i, row := range rows {
			results[i] = describeOrganization(app, row.Organization)
		}
		p.sayIfMore(more)
		return p.print(results, func(w io.Writer) {
			table(w, "NAME STATUS ISSUER CREATED DISPLAY-NAME", func(line func(...string)) {
				for _, r := range results {
					line(r.Slug, string(r.Status), r.Issuer, moment(r.CreatedAt), r.DisplayName)
				}
			})
		})
	})
}

func (p *program) showOrganization() *cobra.Command {
	command := &cobra.Command{Use: "show NAME", Args: cobra.ExactArgs(1), Short: "Show an organization", Long: "Shows an organization with its numbers. Each stops counting at 10001.",
		Example: "  clavex org show acme --json"}
	return p.operates(command, func(ctx context.Context, app *server.App, arguments []string) error {
		found, err := organization(ctx, app, arguments[0])
		if err != nil {
			return err
		}
		counts, err := app.Organizations.Count(ctx, found.ID)
		if err != nil {
			return err
		}
		result := struct {
			organizationResult
			Users    int64 `json:"users"`
			Clients  int64 `json:"clients"`
			Sessions int64 `json:"sessions"`
		}{describeOrganization(app, found), counts.Users, counts.Clients, counts.Sessions}
		return p.print(result, func(w io.Writer) {
			result.text(w)
			details(w, "Users", fmt.Sprint(result.Users), "Clients", fmt.Sprint(result.Clients), "Sessions", fmt.Sprint(result.Sessions))
		})
	})
}

// changeOrganization makes the command that changes an organization's status. One with a consequence asks.
func (p *program) changeOrganization(verb string, status org.Status, short, long, consequence string) *cobra.Command {
	var yes bool
	command := &cobra.Command{Use: verb + " NAME", Args: cobra.ExactArgs(1), Short: short, Long: long, Example: "  clavex org " + verb + " acme"}
	if consequence != "" {
		command.Flags().BoolVar(&yes, "yes", false, "do not ask")
		command.Example += "\n  clavex org " + verb + " acme --yes"
	}
	return p.operates(command, func(ctx context.Context, app *server.App, arguments []string) error {
		found, err := organization(ctx, app, arguments[0])
		if err != nil {
			return err
		}
		if consequence != "" {
			if err := p.confirm(ctx, yes, consequence, found.Slug); err != nil {
				return err
			}
		}
		var changed *org.Organization
		err = app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			// The version is the one that was asked about: a change meanwhile is refused.
			if changed, err = app.Organizations.SetStatus(ctx, tx, operator(), found.ID, status, found.Version); err != nil || status != org.Deleting {
				return err
			}
			return app.DeleteOrganizationLater(ctx, tx, found.ID)
		})
		if err != nil {
			return err
		}
		result := describeOrganization(app, changed)
		return p.print(result, func(w io.Writer) {
			switch status {
			case org.Deleting:
				fmt.Fprintf(w, "%s is being deleted. A server removes its data in the background.\n", found.Slug)
			default:
				fmt.Fprintf(w, "%s is %s.\n", changed.Slug, changed.Status)
			}
		})
	})
}
