package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// poolSize is the number of database connections of the process of ceilings: what one replica of the
// server opens by default.
const poolSize = 20

func openPool(ctx context.Context, databaseURL string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		return nil, err
	}
	config.MaxConns = poolSize
	return pgxpool.NewWithConfig(ctx, config)
}

// cluster is the PostgreSQL that the bench runs on.
type cluster struct {
	url        string
	postmaster int // its process id; 0 when it does not run on this machine
	version    string
	made       []string
}

// openCluster looks at the database server and refuses one that does not sync: its commits would be free,
// and a ratio to free commits says nothing about production.
func openCluster(ctx context.Context, address string) (*cluster, error) {
	connection, err := pgx.Connect(ctx, address)
	if err != nil {
		return nil, err
	}
	defer connection.Close(ctx)
	c := &cluster{url: address}
	var fsync, commit string
	var backend int
	row := connection.QueryRow(ctx, "SELECT current_setting('fsync'), current_setting('synchronous_commit'), current_setting('server_version'), pg_backend_pid()")
	if err := row.Scan(&fsync, &commit, &c.version, &backend); err != nil {
		return nil, err
	}
	if fsync != "on" || commit != "on" {
		return nil, errors.New("this PostgreSQL does not sync its commits (fsync " + fsync + ", synchronous_commit " + commit + "): measure on one that does, see make bench")
	}
	c.version, _, _ = strings.Cut(c.version, " ")
	if fields := statOf(backend); len(fields) > 1 && strings.HasPrefix(commandOf(backend), "postgres") {
		c.postmaster, _ = strconv.Atoi(fields[1])
	}
	return c, nil
}

// commandOf is the command line of a process, "" when it is not on this machine.
func commandOf(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return string(text)
}

func (c *cluster) cpu() time.Duration {
	if c.postmaster == 0 {
		return 0
	}
	return cpuOfFamily(c.postmaster)
}

// create makes an empty database and returns its address.
func (c *cluster) create(ctx context.Context, name string) (string, error) {
	name = fmt.Sprintf("clavex_load_%s_%s", name, hexOf(newID())[:12])
	if err := c.run(ctx, "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	c.made = append(c.made, name)
	address, err := url.Parse(c.url)
	if err != nil {
		return "", err
	}
	address.Path = "/" + name
	return address.String(), nil
}

// drop removes what create made.
func (c *cluster) drop(ctx context.Context) error {
	var failures []error
	for _, name := range c.made {
		failures = append(failures, c.run(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"))
	}
	return errors.Join(failures...)
}

func (c *cluster) run(ctx context.Context, statement string) error {
	connection, err := pgx.Connect(ctx, c.url)
	if err != nil {
		return err
	}
	defer connection.Close(ctx)
	_, err = connection.Exec(ctx, statement)
	return err
}

// settle writes to disk what earlier rows left, so that a row does not pay for its predecessors, and lets
// PostgreSQL count rows, as its autovacuum has done on any database that is older than a minute.
func settle(ctx context.Context, pool *pgxpool.Pool) error {
	if _, err := pool.Exec(ctx, "ANALYZE"); err != nil {
		return err
	}
	_, err := pool.Exec(ctx, "CHECKPOINT")
	return err
}

// analyzeSeeds counts the rows of the tables that were seeded, and of no other: a table that was counted
// while it was empty gets plans for an empty table.
func analyzeSeeds(ctx context.Context, pool *pgxpool.Pool) error {
	_, err := pool.Exec(ctx, "ANALYZE organizations, users, credentials, clients, signing_keys")
	return err
}

// newID is a UUIDv7 (RFC 9562 §5.7), as the server makes them.
func newID() [16]byte {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	milliseconds := time.Now().UnixMilli()
	for i := range 6 {
		id[i] = byte(milliseconds >> (8 * (5 - i)))
	}
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id
}

func hexOf(id [16]byte) string { return hex.EncodeToString(id[:]) }
