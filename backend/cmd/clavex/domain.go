package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/clavex/clavex/backend/internal/customdomain"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/server"
	"github.com/clavex/clavex/backend/internal/store"
)

func (p *program) domains() *cobra.Command {
	return p.group("domain", "Hosts of organizations of their own", "Claims and proves hosts for an organization, and moves it there: issuer, endpoints and passkeys.",
		p.listDomains(), p.addDomain(), p.verifyDomain(), p.removeDomain(), p.moveOrganization(), p.leaveFormerAddress())
}

func (p *program) listDomains() *cobra.Command {
	var slug string
	command := &cobra.Command{Use: "list", Args: cobra.NoArgs, Short: "List the domains of an organization", Long: "Lists the hosts that an organization says are its own, and says where it is.",
		Example: "  clavex domain list --org acme"}
	needsOrganization(command, &slug)
	return p.operates(command, func(ctx context.Context, app *server.App, _ []string) error {
		of, err := organization(ctx, app, slug)
		if err != nil {
			return err
		}
		found, err := app.Domains.Of(ctx, app.Store, of.ID)
		if err != nil {
			return err
		}
		result := map[string]any{"items": found, "issuer": app.Issuers.URL(of)}
		if of.ServesFormer(time.Now()) {
			result["former_issuer"], result["former_until"] = app.Issuers.URL(of.AtFormer()), of.Former.Until
		}
		return p.print(result, func(w io.Writer) {
			fmt.Fprintf(w, "%s is at %s\n", of.Slug, app.Issuers.URL(of))
			if of.ServesFormer(time.Now()) {
				fmt.Fprintf(w, "and until %s at %s\n", moment(of.Former.Until), app.Issuers.URL(of.AtFormer()))
			}
			if len(found) == 0 {
				fmt.Fprintln(w, "No domains. Claim one by clavex domain add.")
				return
			}
			table(w, "HOST PROVED RECORD", func(line func(columns ...string)) {
				for _, one := range found {
					proved := "no"
					if !one.VerifiedAt.IsZero() {
						proved = moment(one.VerifiedAt)
					}
					line(one.Host, proved, one.Record.Name+" TXT "+one.Record.Value)
				}
			})
		})
	})
}

func (p *program) addDomain() *cobra.Command {
	var slug string
	var trust bool
	command := &cobra.Command{Use: "add HOST", Args: cobra.ExactArgs(1), Short: "Claim a domain for an organization",
		Long: `Claims a host for an organization, and shows the TXT record that proves it. With --trust you answer for it
yourself, and no record is asked for.`,
		Example: "  clavex domain add login.example.org --org acme"}
	needsOrganization(command, &slug)
	command.Flags().BoolVar(&trust, "trust", false, "take the host as proved, without a TXT record")
	return p.operates(command, func(ctx context.Context, app *server.App, arguments []string) error {
		of, err := organization(ctx, app, slug)
		if err != nil {
			return err
		}
		var claimed customdomain.Domain
		err = app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			if claimed, err = app.Domains.Claim(ctx, tx, operator(), of, arguments[0]); err == nil && trust {
				claimed, err = app.Domains.Verify(ctx, tx, operator(), of.ID, claimed.ID, customdomain.ByOperator)
			}
			return err
		})
		if err != nil {
			return err
		}
		return p.print(claimed, func(w io.Writer) {
			if trust {
				fmt.Fprintf(w, "%s is of %s. Move it there by: clavex domain move %s --org %s\n", claimed.Host, of.Slug, claimed.Host, of.Slug)
				return
			}
			details(w, "Host", claimed.Host, "Record", claimed.Record.Name, "Type", "TXT", "Value", claimed.Record.Value)
			fmt.Fprintf(w, "When the record is there: clavex domain verify %s --org %s\n", claimed.Host, of.Slug)
		})
	})
}

// domainOf finds a domain of an organization by its host.
func domainOf(ctx context.Context, app *server.App, of *org.Organization, host string) (customdomain.Domain, error) {
	host, err := customdomain.Canonical(host)
	if err != nil {
		return customdomain.Domain{}, err
	}
	found, err := app.Domains.Of(ctx, app.Store, of.ID)
	for _, one := range found {
		if one.Host == host {
			return one, err
		}
	}
	if err == nil {
		err = customdomain.ErrNotFound
	}
	return customdomain.Domain{}, err
}

func (p *program) verifyDomain() *cobra.Command {
	var slug string
	var trust bool
	command := &cobra.Command{Use: "verify HOST", Args: cobra.ExactArgs(1), Short: "Prove a domain by its TXT record",
		Long:    "Asks the DNS for the TXT record of a domain that was claimed. With --trust you answer for it yourself.",
		Example: "  clavex domain verify login.example.org --org acme"}
	needsOrganization(command, &slug)
	command.Flags().BoolVar(&trust, "trust", false, "take the host as proved, without a TXT record")
	return p.operates(command, func(ctx context.Context, app *server.App, arguments []string) error {
		of, err := organization(ctx, app, slug)
		if err != nil {
			return err
		}
		domain, err := domainOf(ctx, app, of, arguments[0])
		if err != nil {
			return err
		}
		if domain.VerifiedAt.IsZero() {
			by := customdomain.ByOperator
			if !trust {
				by = customdomain.ByDNS
				if err := app.Domains.Proved(ctx, domain); err != nil {
					return err
				}
			}
			err = app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
				domain, err = app.Domains.Verify(ctx, tx, operator(), of.ID, domain.ID, by)
				return err
			})
			if err != nil {
				return err
			}
		}
		return p.print(domain, func(w io.Writer) {
			fmt.Fprintf(w, "%s is proved. Move there by: clavex domain move %s --org %s\n", domain.Host, domain.Host, of.Slug)
		})
	})
}

func (p *program) removeDomain() *cobra.Command {
	var slug string
	command := &cobra.Command{Use: "remove HOST", Args: cobra.ExactArgs(1), Short: "Give a domain up", Long: "Gives a domain up. Not while the organization is there, or is still served there.",
		Example: "  clavex domain remove login.example.org --org acme"}
	needsOrganization(command, &slug)
	return p.operates(command, func(ctx context.Context, app *server.App, arguments []string) error {
		of, err := organization(ctx, app, slug)
		if err != nil {
			return err
		}
		domain, err := domainOf(ctx, app, of, arguments[0])
		if err != nil {
			return err
		}
		if err := app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			return app.Domains.Remove(ctx, tx, operator(), of.ID, domain.ID)
		}); err != nil {
			return err
		}
		return p.print(map[string]any{"host": domain.Host, "removed": true}, func(w io.Writer) { fmt.Fprintf(w, "%s is given up.\n", domain.Host) })
	})
}

func (p *program) moveOrganization() *cobra.Command {
	var slug string
	var days int
	var back, yes, unchecked bool
	command := &cobra.Command{Use: "move [HOST]", Args: cobra.MaximumNArgs(1), Short: "Move an organization to another address",
		Long: `Moves an organization to a host of its own that was proved, or back below the address of the server. Its issuer
identifier changes with it: applications need the new one, people sign in once more and make new passkeys. The
address before is served for some days as the issuer that it was. Whether the host leads to the server is tried
first, from this machine.`,
		Example: "  clavex domain move login.example.org --org acme --grace-days 60\n  clavex domain move --back --org acme"}
	needsOrganization(command, &slug)
	flags := command.Flags()
	flags.IntVar(&days, "grace-days", customdomain.GraceDays, "for how many days the address before is served")
	flags.BoolVar(&back, "back", false, "move it below the address of the server")
	flags.BoolVar(&unchecked, "unchecked", false, "move also when the host does not lead to the server, as far as this machine sees")
	flags.BoolVar(&yes, "yes", false, "do not ask")
	return p.operates(command, func(ctx context.Context, app *server.App, arguments []string) error {
		of, err := organization(ctx, app, slug)
		if err != nil {
			return err
		}
		if back == (len(arguments) == 1) {
			return fmt.Errorf("name the host, or say --back")
		}
		host := ""
		if !back {
			domain, err := domainOf(ctx, app, of, arguments[0])
			if err != nil {
				return err
			}
			host = domain.Host
		}
		if !unchecked {
			if err := app.Domains.Reachable(ctx, app.Store, of, host, app.Issuers.OriginOf); err != nil {
				return err
			}
		}
		if err := p.confirm(ctx, yes, "The issuer of "+of.Slug+" changes: every application has to be told, people sign in once more and make new passkeys.", of.Slug); err != nil {
			return err
		}
		var moved *org.Organization
		err = app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			moved, err = app.Domains.Move(ctx, tx, operator(), of.ID, of.Version, host, days)
			return err
		})
		if err != nil {
			return err
		}
		return p.print(map[string]any{"issuer": app.Issuers.URL(moved), "former_address": moved.Former}, func(w io.Writer) {
			fmt.Fprintf(w, "%s is at %s\n", moved.Slug, app.Issuers.URL(moved))
			if moved.Former != nil {
				fmt.Fprintf(w, "and until %s at %s\n", moment(moved.Former.Until), app.Issuers.URL(moved.AtFormer()))
			}
		})
	})
}

func (p *program) leaveFormerAddress() *cobra.Command {
	var slug string
	var yes bool
	command := &cobra.Command{Use: "leave-former", Args: cobra.NoArgs, Short: "End that the address before is served", Long: strings.TrimSpace(`
Ends that the address at which an organization was is served. Passkeys of there are worth nothing any more.`),
		Example: "  clavex domain leave-former --org acme"}
	needsOrganization(command, &slug)
	command.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return p.operates(command, func(ctx context.Context, app *server.App, _ []string) error {
		of, err := organization(ctx, app, slug)
		if err != nil {
			return err
		}
		if of.Former == nil {
			return org.ErrNoFormerAddress
		}
		former := app.Issuers.URL(of.AtFormer())
		if err := p.confirm(ctx, yes, "Nothing is served at "+former+" any more, and passkeys of there are worth nothing.", of.Slug); err != nil {
			return err
		}
		if err := app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			_, err := app.Organizations.LeaveFormer(ctx, tx, operator(), of.ID, of.Version)
			return err
		}); err != nil {
			return err
		}
		return p.print(map[string]any{"left": former}, func(w io.Writer) { fmt.Fprintf(w, "%s is not served any more.\n", former) })
	})
}
