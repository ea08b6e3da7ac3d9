package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/store"
)

// Bounds of a connection.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 20 * time.Second
	idleTimeout       = 2 * time.Minute
	maximumHeader     = 32 << 10
	drainDelay        = 500 * time.Millisecond // until load balancers have seen that we are stopping
)

// Serve runs until ctx ends, then finishes running requests and jobs. ready is called with the address
// when requests are answered. The database must be reachable at the start; it may go away later.
func (a *App) Serve(ctx context.Context, ready func(address net.Addr)) error {
	listener, err := listen(ctx, a.Config.Listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	if err := a.prepareDatabase(ctx); err != nil {
		return err
	}
	certificates, err := openCertificates(ctx, a.Config, a.Now, a.Log)
	if err != nil {
		return err
	}
	connections := &connectionLog{log: a.Log}
	m := newMetrics(a.Store, a.Hashes, a.Fetch, a.BackChannel)
	health := &health{app: a}
	engine, err := a.handler(m, health)
	if err != nil {
		return err
	}
	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBackground()
	go a.Invalidations.Listen(background, a.Config.DatabaseDirectURL, a.Log)
	metricsServer, err := a.serveMetrics(ctx, m)
	if err != nil {
		return err
	}
	defer metricsServer.Close()
	if a.Config.Workers > 0 {
		if err := a.Jobs.Start(background); err != nil {
			return fmt.Errorf("background jobs: %w", err)
		}
	}
	if certificates != nil {
		m.observeTLS(certificates, connections)
		go certificates.follow(background)
	}
	server := a.httpServer(engine, certificates, connections)
	failed := make(chan error, 2)
	mutual, err := a.serveMutualTLS(ctx, engine, certificates, connections, failed)
	if err != nil {
		return err
	}
	go func() { failed <- serveConnections(server, listener) }()
	a.Log.InfoContext(ctx, "serving", "address", listener.Addr().String(), "public_url", a.Config.PublicURL)
	if ready != nil {
		ready(listener.Addr())
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	return a.stop(health, server, mutual)
}

// httpServer speaks TLS when there is a certificate to show.
func (a *App) httpServer(handler http.Handler, certificates *certificates, connections *connectionLog) *http.Server {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, ErrorLog: connections.logger(),
		WriteTimeout: a.Config.RequestTimeout + 10*time.Second, IdleTimeout: idleTimeout, MaxHeaderBytes: maximumHeader}
	if certificates != nil {
		server.TLSConfig = certificates.config()
	}
	return server
}

// serveConnections answers until the server is stopped. Whoever speaks plain http to a server with TLS is told so, by
// a 400 of net/http.
func serveConnections(server *http.Server, listener net.Listener) error {
	if server.TLSConfig != nil {
		return server.ServeTLS(listener, "", "")
	}
	return server.Serve(listener)
}

// stop lets running requests and jobs finish, for at most the configured time.
func (a *App) stop(health *health, servers ...*http.Server) error {
	health.draining.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), a.Config.ShutdownTimeout)
	defer cancel()
	a.Log.InfoContext(ctx, "stopping")
	time.Sleep(drainDelay)
	var err error
	for _, server := range servers {
		if server != nil {
			err = errors.Join(err, server.Shutdown(ctx))
		}
	}
	if a.Config.Workers > 0 {
		err = errors.Join(err, a.Jobs.Stop(ctx))
	}
	a.Log.InfoContext(ctx, "stopped")
	return err
}

func (a *App) prepareDatabase(ctx context.Context) error {
	if a.Config.MigrateOnStart {
		if err := store.Migrate(ctx, a.Config.DatabaseDirectURL); err != nil {
			return err
		}
	}
	applied, needed, err := a.Store.SchemaVersion(ctx)
	if err != nil {
		return fmt.Errorf("read the schema's version (run clavex migrate first?): %w", err)
	}
	if applied < needed {
		return fmt.Errorf("the database's schema is at version %d and this release needs %d: run clavex migrate", applied, needed)
	}
	system, err := a.Organizations.EnsureSystem(ctx, audit.Actor{Kind: audit.System, Name: "first start"})
	if err != nil {
		return err
	}
	aligned, err := a.Clients.AlignConsole(ctx, system.ID, a.Config.ConsoleURL)
	if aligned > 0 {
		a.Log.InfoContext(ctx, "the console has another address; its clients follow", "console_url", a.Config.ConsoleURL, "organizations", aligned)
	}
	return err
}

func (a *App) serveMetrics(ctx context.Context, m *metrics) (*http.Server, error) {
	server := &http.Server{Handler: m.handler(), ReadHeaderTimeout: readHeaderTimeout}
	if a.Config.MetricsListen == "off" {
		return server, nil
	}
	listener, err := listen(ctx, a.Config.MetricsListen)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	go func() { _ = server.Serve(listener) }()
	return server, nil
}

// listen opens the address and explains the two mistakes everybody makes.
func listen(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("the address %s is taken by another program; stop that one or choose another address", address)
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("the address %s needs more rights than this process has; choose a port above 1023", address)
	}
	return listener, err
}
