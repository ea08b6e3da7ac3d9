package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// server is a running release binary.
type server struct {
	*child
	address string
	ready   time.Duration // from the start of the process to the first ready answer
}

// site is a database with a server on it.
type site struct {
	*server
	pool        *pgxpool.Pool
	databaseURL string
	key         string // key-encryption key
}

// close stops the server and leaves the database to cluster.drop.
func (s *site) close() {
	s.server.stop()
	s.pool.Close()
}

// newSite makes a database, lets the server migrate it and waits for the RSA keys that it makes in advance,
// which would disturb what is measured.
func (b *bench) newSite(ctx context.Context, name string) (*site, error) {
	address, err := b.cluster.create(ctx, name)
	if err != nil {
		return nil, err
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	s := &site{databaseURL: address, key: base64.StdEncoding.EncodeToString(secret)}
	if s.server, err = b.startServer(ctx, s); err != nil {
		return nil, err
	}
	if s.pool, err = openPool(ctx, address); err != nil {
		s.server.stop()
		return nil, err
	}
	return s, b.awaitKeys(ctx, s)
}

// awaitKeys waits until the pool of pre-generated keys does not grow any more.
func (b *bench) awaitKeys(ctx context.Context, s *site) error {
	last, since := -1, time.Now()
	return s.await(ctx, 3*time.Minute, 500*time.Millisecond, func() bool {
		count := 0
		if err := s.pool.QueryRow(ctx, "SELECT count(*) FROM signing_key_pool").Scan(&count); err != nil {
			return false
		}
		if count != last {
			last, since = count, time.Now()
		}
		return count > 0 && time.Since(since) > 4*time.Second
	})
}

// startServer runs the release binary as behind a proxy that terminates TLS, and waits until it is ready.
func (b *bench) startServer(ctx context.Context, s *site) (*server, error) {
	listener, err := listenLocally(ctx)
	if err != nil {
		return nil, err
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		return nil, err
	}
	command := exec.CommandContext(context.WithoutCancel(ctx), b.options.binary, "serve")
	for _, entry := range os.Environ() { // a developer's own settings shall not be measured
		if !strings.HasPrefix(entry, "CLAVEX_") {
			command.Env = append(command.Env, entry)
		}
	}
	command.Env = append(command.Env, "CLAVEX_DATABASE_URL="+s.databaseURL, "CLAVEX_PUBLIC_URL="+publicURL,
		"CLAVEX_KEY_ENCRYPTION_KEY="+s.key, "CLAVEX_LISTEN="+address, "CLAVEX_METRICS_LISTEN=off", "CLAVEX_TRUSTED_PROXIES=127.0.0.1",
		"CLAVEX_SIGN_INS_PER_NETWORK=1000000") // counted as in production, but all of the load is one network
	began := time.Now()
	started, err := startChild(command, b.folder)
	if err != nil {
		return nil, err
	}
	probe := visitor{connection: connection{address: address}, host: publicHost}
	defer probe.close()
	err = started.await(ctx, time.Minute, time.Millisecond, func() bool {
		received, err := probe.send(get("/readyz"))
		return err == nil && received.status == http.StatusOK
	})
	if err != nil {
		started.stop()
		return nil, err
	}
	return &server{started, address, time.Since(began)}, nil
}

// visitor is a new virtual client of the server.
func (s *server) visitor() *visitor {
	return &visitor{connection: connection{address: s.address}, host: publicHost}
}

// spent is what the server and the database spent so far.
func (b *bench) spent(s *server) func() cost {
	return func() cost { return cost{cpuOf(s.pid(), false), b.cluster.cpu()} }
}
