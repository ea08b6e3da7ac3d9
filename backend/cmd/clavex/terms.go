package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/clavex/clavex/backend/internal/server"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/terms"
)

func (p *program) terms() *cobra.Command {
	return p.group("terms", "What people have to accept", "Lists, publishes and withdraws versions of the terms that people of an organization accept while signing in.",
		p.listTerms(), p.publishTerms(), p.withdrawTerms())
}

// termsResult is what commands say about a version.
type termsResult struct {
	*terms.Version
	State terms.State `json:"state"`
}

func (p *program) listTerms() *cobra.Command {
	var slug string
	command := &cobra.Command{Use: "list", Args: cobra.NoArgs, Short: "List the versions of the terms",
		Long:    "Lists the versions of the terms of an organization, the latest first, and how many people accepted the one in force.",
		Example: "  clavex terms list --org acme"}
	needsOrganization(command, &slug)
	return p.operates(command, func(ctx context.Context, app *server.App, _ []string) error {
		of, err := organization(ctx, app, slug)
		if err != nil {
			return err
		}
		all, err := app.Terms.All(ctx, app.Store, of.ID)
		if err != nil {
			return err
		}
		counts, err := app.Terms.Count(ctx, app.Store, of.ID)
		if err != nil {
			return err
		}
		results := make([]termsResult, len(all))
		for n, one := range all {
			results[n] = termsResult{one, app.Terms.StateOf(one, all)}
		}
		return p.print(map[string]any{"items": results, "people": counts.People, "accepted": counts.Accepted}, func(w io.Writer) {
			if len(results) == 0 {
				fmt.Fprintln(w, "None. Publish some by clavex terms publish.")
				return
			}
			table(w, "VERSION STATE IN-FORCE LANGUAGES TITLE", func(line func(columns ...string)) {
				for _, one := range results {
					_, shown := one.In("en")
					line(strconv.Itoa(one.Version.Version), string(one.State), one.InForceAt.UTC().Format(time.DateOnly), strings.Join(slices.Sorted(maps.Keys(one.Texts)), ","), shown.Title)
				}
			})
			fmt.Fprintf(w, "%d of %d people accepted the version in force.\n", counts.Accepted, counts.People)
		})
	})
}

func (p *program) publishTerms() *cobra.Command {
	var slug, inForceAt string
	var titles, addresses, files map[string]string
	command := &cobra.Command{Use: "publish", Args: cobra.NoArgs, Short: "Publish a version of the terms",
		Long: `Publishes the next version of the terms of an organization. From the moment at which it is in force everybody is
asked to accept it at their next sign-in, and before an application gets another answer about them. What was published
is never changed. For each language there is a title, and an address, a text (a file), or both.`,
		Example: `  clavex terms publish --org acme --title en="Terms of use" --url en=https://www.acme.example/terms \
      --title de=Nutzungsbedingungen --url de=https://www.acme.example/de/terms`}
	needsOrganization(command, &slug)
	flags := command.Flags()
	flags.StringToStringVar(&titles, "title", nil, "LANGUAGE=TITLE; may be repeated (required)")
	flags.StringToStringVar(&addresses, "url", nil, "LANGUAGE=ADDRESS at which they can be read; may be repeated")
	flags.StringToStringVar(&files, "text-file", nil, "LANGUAGE=FILE with what they say; may be repeated; - for standard input")
	flags.StringVar(&inForceAt, "in-force-at", "", "when they come into force, such as 2027-01-01T00:00:00Z; now unless given")
	_ = command.MarkFlagRequired("title") // the flag exists
	return p.operates(command, func(ctx context.Context, app *server.App, _ []string) error {
		of, err := organization(ctx, app, slug)
		if err != nil {
			return err
		}
		texts := map[string]terms.Text{}
		for language, title := range titles {
			texts[language] = terms.Text{Title: title, URL: addresses[language]}
		}
		for _, others := range []map[string]string{addresses, files} {
			for language := range others {
				if _, ok := titles[language]; !ok {
					return usagef("there is no --title in %s", language)
				}
			}
		}
		for language, name := range files {
			content, err := p.file(name)
			if err != nil {
				return err
			}
			text := texts[language]
			text.Text = string(content)
			texts[language] = text
		}
		var from time.Time
		if inForceAt != "" {
			if from, err = time.Parse(time.RFC3339, inForceAt); err != nil {
				return usagef("--in-force-at is no moment such as 2027-01-01T00:00:00Z")
			}
		}
		var published *terms.Version
		err = app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			published, err = app.Terms.Publish(ctx, tx, operator(), of.ID, texts, from)
			return err
		})
		if err != nil {
			return err
		}
		app.Terms.Forget(of.ID)
		counts, err := app.Terms.Count(ctx, app.Store, of.ID)
		if err != nil {
			return err
		}
		return p.print(termsResult{published, app.Terms.StateOf(published, nil)}, func(w io.Writer) {
			fmt.Fprintf(w, "Version %d is published. %d people are asked from %s.\n", published.Version, counts.People, published.InForceAt.UTC().Format(time.RFC3339))
		})
	})
}

func (p *program) withdrawTerms() *cobra.Command {
	var slug string
	var yes bool
	command := &cobra.Command{Use: "withdraw VERSION", Args: cobra.ExactArgs(1), Short: "Ask nobody for a version of the terms any more",
		Long:    "Withdraws a version of the terms. The version before it counts again; without one, nobody is asked for anything.",
		Example: "  clavex terms withdraw 3 --org acme --yes"}
	needsOrganization(command, &slug)
	command.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return p.operates(command, func(ctx context.Context, app *server.App, arguments []string) error {
		of, err := organization(ctx, app, slug)
		if err != nil {
			return err
		}
		version, err := strconv.Atoi(arguments[0])
		if err != nil {
			return terms.ErrNotFound
		}
		if err := p.confirm(ctx, yes, "Nobody of "+of.Slug+" is asked to accept version "+arguments[0]+" of the terms any more.", arguments[0]); err != nil {
			return err
		}
		err = app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			_, err := app.Terms.Withdraw(ctx, tx, operator(), of.ID, version)
			return err
		})
		if err != nil {
			return err
		}
		return p.print(map[string]any{"version": version, "withdrawn": true}, func(w io.Writer) { fmt.Fprintf(w, "Version %d is withdrawn.\n", version) })
	})
}
