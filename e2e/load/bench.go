package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/clavex/clavex/e2e/load/measure"
)

// options are what the command line says.
type options struct {
	binary   string // the release binary
	rows     []string
	duration time.Duration // of one run
	rounds   int
	large    bool
	workers  int // journeys at the same time
	output   string
}

// bench is one run of the benchmark.
type bench struct {
	options options
	cluster *cluster
	folder  string // logs
	words   io.Writer
	shared  *world // made on first use
}

func (b *bench) say(format string, values ...any) {
	fmt.Fprintf(b.words, format+"\n", values...)
}

// rowKind is a row that can be asked for by name; some print several lines.
type rowKind struct {
	name    string
	measure func(b *bench, ctx context.Context) ([]measure.Row, error)
}

// rowKinds are all rows in the order of the table.
func rowKinds() []rowKind {
	return []rowKind{
		{"discovery", document("discovery", ".well-known/openid-configuration")},
		{"jwks", document("jwks", "jwks")},
		{"client-credentials", clientCredentialsRow},
		{"private-key-jwt", privateKeyRow},
		{"dpop", dpopRow},
		{"authorize", authorizeRow},
		{"refresh", refreshRow},
		{"introspection", introspectionRow},
		{"password-login", passwordLoginRow},
		{"login-flood", loginFloodRow},
		{"guesses", guessesRow},
		{"identify", identifyRow},
		{"create-organization", createOrganizationRow},
		{"revocation", revocationRow},
		{"refused-model", refusedModelRow},
		{"start-to-ready", startRow},
		{"import", importRow},
		{"memory", memoryRows},
		{"scale", scaleRows},
	}
}

// run measures the rows that were asked for. A row that fails is told and left out; the others go on.
func (b *bench) run(ctx context.Context) ([]measure.Row, error) {
	var rows []measure.Row
	var failures []error
	defer func() {
		if b.shared != nil {
			b.shared.close()
		}
	}()
	for _, kind := range rowKinds() {
		if len(b.options.rows) > 0 && !slices.Contains(b.options.rows, kind.name) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return rows, context.Cause(ctx)
		}
		began := time.Now()
		measured, err := kind.measure(b, ctx)
		if err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", kind.name, err))
			b.say("%s failed: %v", kind.name, err)
			continue
		}
		for _, row := range measured {
			b.say("%s", summaryOf(row))
		}
		b.say("  (%s took %s)", kind.name, measure.Span(time.Since(began)))
		rows = append(rows, measured...)
	}
	return rows, errors.Join(failures...)
}

// summaryOf is a row on one line, for whoever waits.
func summaryOf(row measure.Row) string {
	var parts []string
	for _, cell := range []struct{ name, value string }{{"", row.Throughput}, {"p50 ", row.P50}, {"p99 ", row.P99}, {"CPU ", row.CPU}, {"memory ", row.Memory},
		{"ceiling ", row.Ceiling}, {"ratio ", row.Ratio}, {"target ", row.Target}, {"met: ", strings.Trim(string(row.Verdict), "*")}} {
		if cell.value != "" {
			parts = append(parts, cell.name+cell.value)
		}
	}
	return row.Name + ": " + strings.Join(parts, ", ")
}

// world is the site that most rows share: one organization with as many signed-in people as there are
// workers, a neighbour, and the process of ceilings.
type world struct {
	*site
	ceiling    *ceiling
	parameters hashing // what the server hashes passwords with
}

const (
	mainOrganization     = "load"
	otherOrganization    = "neighbour"
	importedOrganization = "imported"
	people               = 256
	administrators       = 64 // 600 requests a minute each
)

func (w *world) close() {
	w.ceiling.stop()
	w.site.close()
}

// world makes the shared site on first use.
func (b *bench) world(ctx context.Context) (*world, error) {
	if b.shared != nil {
		return b.shared, nil
	}
	b.say("preparing …")
	s, err := b.newSite(ctx, "shared")
	if err != nil {
		return nil, err
	}
	w := &world{site: s}
	if err := b.prepare(ctx, w); err != nil {
		s.close()
		return nil, err
	}
	if w.ceiling, err = startCeiling(ctx, s.databaseURL, b.folder); err != nil {
		s.close()
		return nil, err
	}
	b.shared = w
	return w, nil
}

func (b *bench) prepare(ctx context.Context, w *world) error {
	organizations, err := seedOrganizations(ctx, w.pool, []string{mainOrganization, otherOrganization})
	if err != nil {
		return err
	}
	if w.parameters, err = b.learnHashing(ctx, w.site, organizations[0]); err != nil {
		return err
	}
	if err := seedPeople(ctx, w.pool, organizations, 1, people, phc(w.parameters)); err != nil {
		return err
	}
	// At the sign-in of the probe the server counted it alone, and its weak hash.
	if _, err := w.pool.Exec(ctx, "DELETE FROM decoy_shares"); err != nil {
		return err
	}
	var clientIDs []string
	for i := range administrators {
		clientIDs = append(clientIDs, administrator(i))
	}
	if err := seedAdministrators(ctx, w.pool, clientIDs); err != nil {
		return err
	}
	_, err = w.pool.Exec(ctx, "CREATE TABLE load_ceiling (id bigint PRIMARY KEY, content bytea NOT NULL)")
	if err == nil {
		err = analyzeSeeds(ctx, w.pool)
	}
	return err
}

func administrator(number int) string { return fmt.Sprintf("load-administrator-%d", number) }

// learnHashing finds out with which parameters the server hashes: a password stored with others is hashed
// anew when its owner signs in.
func (b *bench) learnHashing(ctx context.Context, s *site, organization organizationRow) (hashing, error) {
	weak := hashing{Memory: 64, Passes: 1, Lanes: 1}
	if err := seedPeople(ctx, s.pool, []organizationRow{organization}, 0, 0, phc(weak)); err != nil {
		return weak, err
	}
	probe := s.visitor()
	defer probe.close()
	if _, err := probe.signIn(organization.slug, usernameOf(0)); err != nil {
		return weak, err
	}
	var stored string
	if err := s.pool.QueryRow(ctx, "SELECT secret FROM credentials WHERE org_id = $1", organization.id).Scan(&stored); err != nil {
		return weak, err
	}
	parameters, err := readPHC(stored)
	if err == nil && parameters == weak {
		err = errors.New("the server did not bring a weakly hashed password up to date at a sign-in")
	}
	return parameters, err
}
