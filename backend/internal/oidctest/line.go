package oidctest

import (
	"context"
	"net"
	"sync"
	"syscall"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/clavex/clavex/backend/internal/dbtest"
)

// Line is the line to the database, which a test can cut: connections break and new ones are refused, as
// when PostgreSQL is killed. It is safe for concurrent use.
type Line struct {
	mu   sync.Mutex
	cut  bool
	open map[net.Conn]struct{}
}

// Cut takes the database away.
func (l *Line) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	for conn := range l.open {
		_ = conn.Close()
	}
	clear(l.open)
}

// Mend gives it back.
func (l *Line) Mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = false
}

func (l *Line) configure(trips *dbtest.RoundTrips) func(*pgxpool.Config) {
	return func(config *pgxpool.Config) {
		dial := config.ConnConfig.DialFunc
		config.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.cut {
				return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
			}
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			if l.open == nil {
				l.open = map[net.Conn]struct{}{}
			}
			l.open[conn] = struct{}{}
			return conn, nil
		}
		trips.Configure(config)
	}
}
