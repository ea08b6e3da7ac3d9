// Package dbtest gives a test its own database on a real PostgreSQL, migrated by the product's own
// migrations, and its own database on a real Redis. Tests may run in parallel, in any number of
// processes; what they made is dropped when they end.
//
// The servers are named by CLAVEX_TEST_DATABASE_URL and CLAVEX_TEST_REDIS_URL; cmd/clavex-testenv
// starts them and sets both. A test without them fails, it is never skipped. The package serves tests
// only: it needs a superuser, or a role that may create databases and end others' sessions in them.
package dbtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	databaseVariable = "CLAVEX_TEST_DATABASE_URL"
	redisVariable    = "CLAVEX_TEST_REDIS_URL"
)

const (
	// maxConns is the size of a test's pool: enough for two things at once, little enough for many tests at once.
	maxConns = 6
	// testPrefix begins the name of every test's database; the time of its making in Unix seconds follows.
	testPrefix = "clavex_test_"
	// abandonedAfter is the age at which a database must have lost its test: no test runs that long.
	abandonedAfter = 2 * time.Hour
	patience       = time.Minute // for anything this package does on a loaded machine
)

// New returns a pool of up to six connections on a migrated database of the test's own.
func New(t testing.TB) *pgxpool.Pool {
	t.Helper()
	return open(t, func(*pgxpool.Config) {})
}

// NewCounted is New with a counter of the pool's round trips.
func NewCounted(t testing.TB) (*pgxpool.Pool, *RoundTrips) {
	t.Helper()
	var trips RoundTrips
	return open(t, trips.Configure), &trips
}

func open(t testing.TB, configure func(*pgxpool.Config)) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(URL(t))
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	config.MaxConns = maxConns
	configure(config)
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	t.Cleanup(func() { closePool(t, pool) })
	return pool
}

// closePool tells of a connection that the test never gave back instead of waiting for it for ever.
func closePool(t testing.TB, pool *pgxpool.Pool) {
	closed := make(chan struct{})
	go func() {
		pool.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Errorf("dbtest: %d connections were not given back to the pool: a transaction or rows were left open",
			pool.Stat().AcquiredConns())
	}
}

// URL makes a migrated database for the test and returns its address. It is dropped when the test
// ends, whoever is still connected.
func URL(t testing.TB) string {
	t.Helper()
	server := required(t, databaseVariable, "PostgreSQL")
	name := fmt.Sprintf("%s%d_%s", testPrefix, time.Now().Unix(), strings.ToLower(rand.Text()[:12]))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := create(ctx, server, name); err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := drop(ctx, server, name); err != nil {
			t.Errorf("dbtest: %v", err)
		}
	})
	address, err := withDatabase(server, name)
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	return address
}

// required returns a variable of the environment or ends the test with the way to set it.
func required(t testing.TB, variable, what string) string {
	t.Helper()
	value := os.Getenv(variable)
	if value == "" {
		t.Fatalf("%s is not set: this test needs a real %s. Run it, from the repository root, as\n"+
			"\tgo run ./backend/cmd/clavex-testenv -- go test ./backend/...", variable, what)
	}
	return value
}

// create copies the template, which it makes first when nobody has yet.
func create(ctx context.Context, server, name string) error {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return fmt.Errorf("connect to the PostgreSQL of %s: %w", databaseVariable, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	dropAbandoned(ctx, conn)
	template, err := templateName()
	if err != nil {
		return err
	}
	err = copyDatabase(ctx, conn, template, name)
	if hasCode(err, invalidCatalogName) {
		if err := makeTemplate(ctx, conn, server, template); err != nil {
			return fmt.Errorf("make the migrated template database: %w", err)
		}
		err = copyDatabase(ctx, conn, template, name)
	}
	if err != nil {
		return fmt.Errorf("make a database for the test: %w", err)
	}
	return nil
}

// copyDatabase copies files rather than pages through the log: with a server that does not sync (as
// clavex-testenv's) that takes less than half the time.
func copyDatabase(ctx context.Context, conn *pgx.Conn, template, name string) error {
	_, err := conn.Exec(ctx, "CREATE DATABASE "+quote(name)+" TEMPLATE "+quote(template)+" STRATEGY file_copy")
	return err
}

func drop(ctx context.Context, server, name string) error {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return fmt.Errorf("connect to the PostgreSQL of %s: %w", databaseVariable, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("drop the test's database: %w", err)
	}
	return nil
}

// dropAbandoned drops databases of tests that were killed. Losing the race for one against another process
// is fine, so failures are ignored.
func dropAbandoned(ctx context.Context, conn *pgx.Conn) {
	rows, err := conn.Query(ctx, `SELECT datname FROM pg_database
		WHERE datname ~ ('^' || $1 || '\d+_') AND split_part(substr(datname, length($1) + 1), '_', 1)::bigint < $2`,
		testPrefix, time.Now().Add(-abandonedAfter).Unix())
	if err != nil {
		return
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return
	}
	for _, name := range names {
		_, _ = conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)")
	}
}

// withDatabase returns the server's URL with another database in it.
func withDatabase(server, name string) (string, error) {
	address, err := url.Parse(server)
	if err != nil || (address.Scheme != "postgres" && address.Scheme != "postgresql") {
		return "", fmt.Errorf("%s is not a URL of the form postgres://user:password@host:port/database", databaseVariable)
	}
	address.Path = "/" + name
	return address.String(), nil
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }
