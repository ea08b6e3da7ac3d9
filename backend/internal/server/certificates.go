package server

import (
	"context"
	"crypto/tls"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/clavex/clavex/backend/internal/certificate"
	"github.com/clavex/clavex/backend/internal/config"
)

const (
	certificateInterval = 10 * time.Second // between two looks at the files
	certificateWarning  = 14 * 24 * time.Hour
)

// certificates shows the pair of the configured files and follows them: it reads them at an interval, whatever way
// they are replaced (renamed, written over, behind symbolic links as in Kubernetes), and takes a changed pair over
// for new connections. A pair that cannot be used leaves the former one in place.
type certificates struct {
	read     func(now time.Time) (*tls.Certificate, error)
	now      func() time.Time
	log      *slog.Logger
	current  atomic.Pointer[tls.Certificate]
	failures atomic.Uint64 // looks at files that could not be used

	// Of the one goroutine that looks.
	fault string // of the last look
	told  bool
}

// openCertificates reads the configured pair, nil when a proxy terminates TLS.
func openCertificates(ctx context.Context, cfg *config.Config, now func() time.Time, log *slog.Logger) (*certificates, error) {
	if !cfg.TerminatesTLS() {
		return nil, nil
	}
	c := &certificates{read: cfg.Certificate, now: now, log: log}
	pair, err := c.read(now())
	if err != nil {
		return nil, err
	}
	c.use(ctx, pair)
	if info, err := os.Stat(cfg.TLSKeyFile); err == nil && info.Mode().Perm()&0o007 != 0 {
		log.WarnContext(ctx, "everybody on this machine may read the private key of the TLS certificate", "file", cfg.TLSKeyFile, "mode", info.Mode().Perm().String())
	}
	return c, nil
}

// config is for an http.Server, which adds HTTP/2.
func (c *certificates) config() *tls.Config {
	return certificate.ServerConfig(func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil })
}

func (c *certificates) expiry() time.Time { return c.current.Load().Leaf.NotAfter }

// follow looks until ctx ends.
func (c *certificates) follow(ctx context.Context) {
	ticker := time.NewTicker(certificateInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			c.look(ctx)
		}
	}
}

// look reads the files once. The two are not replaced in one step, so a fault counts only when the next look finds
// it too; it is told once.
func (c *certificates) look(ctx context.Context) {
	pair, err := c.read(c.now())
	if err == nil {
		c.fault, c.told = "", false
		if !certificate.Same(pair, c.current.Load()) {
			c.use(ctx, pair)
		}
		return
	}
	if err.Error() != c.fault {
		c.fault, c.told = err.Error(), false
		return
	}
	c.failures.Add(1)
	if !c.told {
		c.told = true
		c.log.ErrorContext(ctx, "the TLS certificate in the files cannot be used; the one in use stays", "error", err, "in_use_until", c.expiry())
	}
}

func (c *certificates) use(ctx context.Context, pair *tls.Certificate) {
	c.current.Store(pair)
	level, message := slog.LevelInfo, "TLS certificate in use"
	if pair.Leaf.NotAfter.Sub(c.now()) < certificateWarning {
		level, message = slog.LevelWarn, "TLS certificate in use, which expires soon"
	}
	c.log.Log(ctx, level, message, "names", pair.Leaf.DNSNames, "until", pair.Leaf.NotAfter)
}
