package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/clavex/clavex/backend/internal/store"
)

func (p *program) migrate() *cobra.Command {
	var status bool
	command := &cobra.Command{
		Use: "migrate", Args: cobra.NoArgs, Short: "Bring the database to this release's schema",
		Long: `Brings the database to this release's schema. Migrations run forward only, while the previous release
serves; processes that migrate at the same time wait for one another. Needs database_direct_url (or
database_url) and nothing else.

With --status nothing is changed; the exit code is 1 when the database is behind.`,
		Example: "  clavex migrate\n  clavex migrate --status --json",
	}
	command.Flags().BoolVar(&status, "status", false, "only say how far the database is")
	settings := readsSettings(command, false)
	command.RunE = p.does(func(ctx context.Context, _ []string) error {
		cfg, err := settings.read(p.environ)
		if err != nil {
			return err
		}
		if cfg.DatabaseDirectURL == "" {
			return errors.New("database_url is missing: set CLAVEX_DATABASE_URL (or CLAVEX_DATABASE_URL_FILE)")
		}
		db, err := store.Open(ctx, cfg.DatabaseDirectURL, store.Options{MaxConns: 1})
		if err != nil {
			return err
		}
		defer db.Close()
		before, err := schemaOf(ctx, db)
		if err != nil {
			return err
		}
		if status {
			return p.tellStatus(before)
		}
		if err := store.Migrate(ctx, cfg.DatabaseDirectURL); err != nil {
			return err
		}
		after, err := schemaOf(ctx, db)
		if err != nil {
			return err
		}
		result := struct {
			schema
			From int64 `json:"from"`
		}{after, before.Applied}
		return p.print(result, func(w io.Writer) {
			if before.Applied == after.Applied {
				fmt.Fprintf(w, "The schema is at version %d; nothing was to be done.\n", after.Applied)
				return
			}
			fmt.Fprintf(w, "The schema is at version %d now, it was at %d.\n", after.Applied, before.Applied)
		})
	})
	return command
}

func (p *program) tellStatus(found schema) error {
	err := p.print(found, func(w io.Writer) {
		verdict := "up to date"
		switch {
		case !found.UpToDate:
			verdict = "behind: run clavex migrate"
		case found.Applied > found.Needed:
			verdict = "ahead: a newer release has migrated it, this one still works"
		}
		fmt.Fprintf(w, "The database is at version %d, this release needs %d: %s.\n", found.Applied, found.Needed, verdict)
	})
	if err == nil && !found.UpToDate {
		return errTold
	}
	return err
}
