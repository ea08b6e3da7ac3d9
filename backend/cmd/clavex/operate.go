package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/spf13/cobra"

	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/server"
	"github.com/clavex/clavex/backend/internal/store"
)

// operates gives a command that works on the database its flags and its work. The process is wired as
// for serving, but serves nothing and works on no job: what it enqueues is for the servers.
func (p *program) operates(command *cobra.Command, work func(ctx context.Context, app *server.App, arguments []string) error) *cobra.Command {
	settings := readsSettings(command, false)
	command.RunE = p.does(func(ctx context.Context, arguments []string) error {
		cfg, err := settings.read(p.environ)
		if err != nil {
			return err
		}
		// Nothing is served from here, so a plain http address does no harm: serve refuses it.
		if err := cfg.Validate(true); err != nil {
			return err
		}
		log := slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: max(level(cfg), slog.LevelWarn)}))
		app, err := server.Open(ctx, cfg, log, server.Options{Store: store.Options{MaxConns: 4}})
		if err != nil {
			return err
		}
		defer app.Close()
		if err := requireSchema(ctx, app.Store); err != nil {
			return err
		}
		return work(ctx, app, arguments)
	})
	return command
}

// schema is how far a database's schema is.
type schema struct {
	Applied  int64 `json:"applied"` // the newest migration in the database, 0 when there is none
	Needed   int64 `json:"needed"`  // the newest this release knows
	UpToDate bool  `json:"up_to_date"`
}

func schemaOf(ctx context.Context, db *store.Store) (schema, error) {
	applied, needed, err := db.SchemaVersion(ctx)
	var missing *pgconn.PgError
	if errors.As(err, &missing) && missing.Code == "42P01" { // undefined_table: nothing was ever migrated
		err = nil
	}
	return schema{Applied: applied, Needed: needed, UpToDate: applied >= needed}, err
}

func requireSchema(ctx context.Context, db *store.Store) error {
	found, err := schemaOf(ctx, db)
	if err == nil && !found.UpToDate {
		err = fmt.Errorf("the database's schema is at version %d and this release needs %d: run clavex migrate", found.Applied, found.Needed)
	}
	return err
}

// organization finds the organization that --org names. The system organization is made when nobody has
// started Clavex yet: the first administrator is often created before the first start.
func organization(ctx context.Context, app *server.App, slug string) (*org.Organization, error) {
	if slug == org.SystemSlug {
		return app.Organizations.EnsureSystem(ctx, operator())
	}
	return app.Organizations.BySlug(ctx, slug)
}

// needsOrganization gives a command the flag --org.
func needsOrganization(command *cobra.Command, slug *string) {
	command.Flags().StringVar(slug, "org", "", "the organization's name in its addresses (required)")
	_ = command.MarkFlagRequired("org") // the flag exists
}

// pageSize is how many rows a list reads at a time.
const pageSize = 200

// listing are the flags of a list.
type listing struct {
	search, status string
	limit          int
}

func (l *listing) flags(command *cobra.Command, searched string) {
	command.Flags().StringVar(&l.search, "search", "", "only what begins with this: "+searched)
	command.Flags().StringVar(&l.status, "status", "", "only in this state")
	command.Flags().IntVar(&l.limit, "limit", 100, "at most this many; 0 for all")
}

// collect reads pages until the limit or the end. page returns the rows behind the last one; more says
// that some were left out.
func collect[T any](limit int, page func(after *T, limit int32) ([]T, error)) (rows []T, more bool, err error) {
	rows = []T{}
	for {
		var after *T
		if len(rows) > 0 {
			after = &rows[len(rows)-1]
		}
		next, err := page(after, pageSize)
		if err != nil {
			return nil, false, err
		}
		rows = append(rows, next...)
		switch {
		case limit > 0 && len(rows) > limit:
			return rows[:limit], true, nil
		case len(next) < pageSize:
			return rows, false, nil
		}
	}
}

func (p *program) sayIfMore(more bool) {
	if more {
		p.say("There are more. Narrow the list with --search, or show all with --limit 0.")
	}
}

// table writes aligned columns.
func table(w io.Writer, header string, rows func(line func(columns ...string))) {
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(columns, strings.ReplaceAll(header, " ", "\t"))
	rows(func(cells ...string) {
		for i, cell := range cells {
			if cells[i] = cell; cell == "" {
				cells[i] = "-"
			}
		}
		fmt.Fprintln(columns, strings.Join(cells, "\t"))
	})
	_ = columns.Flush() // the text went to standard output as far as it could
}

// details writes labelled values, one a line, without the empty ones.
func details(w io.Writer, pairs ...string) {
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			fmt.Fprintf(columns, "%s\t%s\n", pairs[i], pairs[i+1])
		}
	}
	_ = columns.Flush() // as above
}

func moment(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05Z") }
