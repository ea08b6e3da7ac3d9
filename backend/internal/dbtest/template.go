package dbtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/clavex/clavex/backend/internal/store"
	clavexsql "github.com/clavex/clavex/sql"
)

// SQLSTATE codes, PostgreSQL's appendix A.
const (
	invalidCatalogName = "3D000" // no such database
	objectInUse        = "55006"
)

// templateName is made from everything that store.Migrate applies, our migrations and River's, so
// that a changed migration means a new template and branches do not meet.
func templateName() (string, error) {
	digest := sha256.New()
	err := fs.WalkDir(clavexsql.Migrations, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(clavexsql.Migrations, path)
		if err != nil {
			return err
		}
		fmt.Fprintf(digest, "%s %d\n", path, len(content))
		digest.Write(content)
		return nil
	})
	if err != nil {
		return "", err
	}
	jobs, err := rivermigrate.New(riverpgxv5.New(nil), nil)
	if err != nil {
		return "", err
	}
	for _, migration := range jobs.AllVersions() {
		fmt.Fprintf(digest, "river %d %d\n%s", migration.Version, len(migration.SQLUp), migration.SQLUp)
	}
	return "clavex_template_" + hex.EncodeToString(digest.Sum(nil))[:24], nil
}

// makeTemplate makes and migrates the template unless another process was quicker. It gets its name
// only when it is whole: a process killed in between leaves an abandoned database, never half a template.
func makeTemplate(ctx context.Context, conn *pgx.Conn, server, template string) error {
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtextextended($1, 0))", template); err != nil {
		return err
	}
	defer func() {
		_, _ = conn.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock(hashtextextended($1, 0))", template)
	}()
	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", template).Scan(&exists); err != nil || exists {
		return err
	}
	building := fmt.Sprintf("%s%d_template_%s", testPrefix, time.Now().Unix(), strings.ToLower(rand.Text()[:8]))
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+quote(building)+" TEMPLATE template0"); err != nil {
		return err
	}
	address, err := withDatabase(server, building)
	if err == nil {
		err = store.Migrate(ctx, address)
	}
	if err == nil {
		err = publish(ctx, conn, building, template)
	}
	if err != nil {
		_, _ = conn.Exec(context.WithoutCancel(ctx), "DROP DATABASE IF EXISTS "+quote(building)+" WITH (FORCE)")
	}
	return err
}

// publish closes the database to connections, since one would block every copy, and gives it its name.
// Sessions of the migration may take a moment to end after they were closed.
func publish(ctx context.Context, conn *pgx.Conn, building, template string) error {
	if _, err := conn.Exec(ctx, "ALTER DATABASE "+quote(building)+" WITH ALLOW_CONNECTIONS false"); err != nil {
		return err
	}
	for {
		if _, err := conn.Exec(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", building); err != nil {
			return err
		}
		_, err := conn.Exec(ctx, "ALTER DATABASE "+quote(building)+" RENAME TO "+quote(template))
		if !hasCode(err, objectInUse) {
			return err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

func hasCode(err error, code string) bool {
	var failure *pgconn.PgError
	return errors.As(err, &failure) && failure.Code == code
}
