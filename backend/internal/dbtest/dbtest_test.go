package dbtest_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/store"
)

func TestDatabasesAreMigratedAndApart(t *testing.T) {
	t.Parallel()
	first, second := dbtest.New(t), dbtest.New(t)
	applied, needed, err := store.FromPool(first).SchemaVersion(t.Context())
	if err != nil || applied != needed {
		t.Errorf("schema version = %d, %v; want %d", applied, err, needed)
	}
	if _, err := first.Exec(t.Context(), "CREATE TABLE mine (id int)"); err != nil {
		t.Fatal(err)
	}
	var seen bool
	if err := second.QueryRow(t.Context(), "SELECT to_regclass('mine') IS NOT NULL").Scan(&seen); err != nil || seen {
		t.Errorf("the second database sees the first one's table: %v, %v", seen, err)
	}
}

// TestDatabaseIsDropped leaves a session open on purpose.
func TestDatabaseIsDropped(t *testing.T) {
	t.Parallel()
	var name string
	t.Run("use", func(t *testing.T) {
		conn, err := pgx.Connect(context.Background(), dbtest.URL(t))
		if err != nil {
			t.Fatal(err)
		}
		name = conn.Config().Database
	})
	var exists bool
	err := dbtest.New(t).QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists)
	if err != nil || exists || name == "" {
		t.Errorf("database %q exists after its test: %v, %v", name, exists, err)
	}
}

func TestAbandonedDatabasesAreDropped(t *testing.T) {
	t.Parallel()
	pool := dbtest.New(t)
	old := fmt.Sprintf("clavex_test_%d_abandoned", time.Now().Add(-3*time.Hour).Unix())
	if _, err := pool.Exec(t.Context(), "CREATE DATABASE "+old+" TEMPLATE template0"); err != nil {
		t.Fatal(err)
	}
	dbtest.URL(t)
	var exists bool
	if err := pool.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", old).Scan(&exists); err != nil || exists {
		t.Errorf("an abandoned database stays: %v, %v", exists, err)
	}
}

// TestManyProcessesAtOnce lets several test binaries find no template at the same moment: each gets
// its databases, and the template is made once.
func TestManyProcessesAtOnce(t *testing.T) {
	if os.Getenv("CLAVEX_DBTEST_CHILD") != "" {
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() { dbtest.URL(t) })
		}
		wait.Wait()
		return
	}
	t.Parallel()
	pool := dbtest.New(t)
	template, err := dbtest.TemplateName()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(t.Context(), "DROP DATABASE IF EXISTS "+template+" WITH (FORCE)"); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			child := exec.Command(os.Args[0], "-test.run=^TestManyProcessesAtOnce$")
			child.Env = append(os.Environ(), "CLAVEX_DBTEST_CHILD=1")
			if output, err := child.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, output)
			}
		})
	}
	wait.Wait()
	var made, building int
	err = pool.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE datname = $1), count(*) FILTER (WHERE datname LIKE 'clavex\_test\_%\_template\_%')
		FROM pg_database`, template).Scan(&made, &building)
	if err != nil || made != 1 || building != 0 {
		t.Errorf("%d templates and %d half made, %v; want one whole", made, building, err)
	}
}

func TestMissingVariableNamesTheCommand(t *testing.T) {
	if os.Getenv("CLAVEX_DBTEST_MISSING") != "" {
		dbtest.New(t)
		return
	}
	t.Parallel()
	child := exec.Command(os.Args[0], "-test.run=^TestMissingVariableNamesTheCommand$")
	child.Env = append(os.Environ(), "CLAVEX_DBTEST_MISSING=1", "CLAVEX_TEST_DATABASE_URL=")
	output, err := child.CombinedOutput()
	if err == nil || !strings.Contains(string(output), "go run ./backend/cmd/clavex-testenv -- go test") {
		t.Errorf("err = %v, output:\n%s", err, output)
	}
}

func TestRedisDatabasesAreApart(t *testing.T) {
	t.Parallel()
	var left string
	open := func(t *testing.T, address string) *redis.Client {
		options, err := redis.ParseURL(address)
		if err != nil {
			t.Fatal(err)
		}
		client := redis.NewClient(options)
		t.Cleanup(func() { client.Close() })
		return client
	}
	t.Run("use", func(t *testing.T) {
		left = dbtest.Redis(t)
		other := open(t, dbtest.Redis(t))
		if err := open(t, left).Set(t.Context(), "key", "value", 0).Err(); err != nil {
			t.Fatal(err)
		}
		if n, err := other.DBSize(t.Context()).Result(); err != nil || n != 0 {
			t.Errorf("another test's database holds %d keys, %v", n, err)
		}
	})
	if n, err := open(t, left).DBSize(t.Context()).Result(); err != nil || n != 0 {
		t.Errorf("%d keys stay after the test, %v", n, err)
	}
}
