//go:build unix

// Package localpostgres runs a PostgreSQL cluster of our own on this machine, for `clavex dev`, the
// tests and the benchmark. It finds PostgreSQL's programs (version 15 or newer) or fetches them,
// makes the cluster, starts and stops it, and recovers from whatever an earlier run left behind.
//
// A data folder belongs to one running process at a time (a lock says whose) and carries a marker
// file; a folder without the marker is never written to and never deleted. The server listens on
// 127.0.0.1 only and wants a password (SCRAM-SHA-256, RFC 7677) that stands in the data folder,
// readable by its owner alone. PostgreSQL refuses to run as root, so root runs it as the user
// postgres, else nobody.
//
// It leaves out everything about production: no tuning, no backup, no upgrade of a data folder to
// another major version. It works on Linux and macOS.
package localpostgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/clavex/clavex/backend/internal/subprocess"
)

// MinimumMajor is the oldest major version of PostgreSQL that Clavex runs on.
const MinimumMajor = 15

// superuser is the role that owns the cluster.
const superuser = "clavex"

const (
	startPatience = 60 * time.Second // a cluster that was killed replays its log first
	stopPatience  = 10 * time.Second
)

// Options says which cluster to run and how. The zero value runs the developer's own cluster.
type Options struct {
	DataDir  string            // "" means DefaultDataDir
	Port     int               // TCP port on 127.0.0.1; 0 means any free one, the last one if possible
	Settings map[string]string // server settings on top of the defaults, by their names in postgresql.conf
	Logger   *slog.Logger      // nil means no log
	Progress func(line string) // told what takes time, one line without a newline; nil means silence

	// SearchPath lists folders to look for PostgreSQL's programs in; nil means the machine's own
	// (PATH, the distributions' folders, pg_config). An empty, non-nil list finds none.
	SearchPath []string
	// Repository is the address of the Maven repository that PostgreSQL is fetched from when none is
	// found; "" means Maven Central. What arrives is checked against digests in this package.
	Repository string

	// InMemory lets StartThrowaway use a file system in memory (/dev/shm) if the machine has plenty.
	InMemory bool

	account    account
	throwaway  bool
	binaryRoot string // where fetched programs are kept; "" means the default
}

// ThrowawaySettings are server settings for data that nobody will miss: nothing is synced to disk,
// and there is room for the connections of many tests at once.
func ThrowawaySettings() map[string]string {
	return map[string]string{
		"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off",
		"wal_level": "minimal", "max_wal_senders": "0", "max_wal_size": "512MB", "checkpoint_timeout": "1h",
		"autovacuum_naptime": "5min", "max_connections": "300", "shared_buffers": "128MB",
	}
}

// Cluster is a running PostgreSQL server. It is safe for concurrent use.
type Cluster struct {
	folder   folder
	password string
	port     int
	version  string
	process  *subprocess.Process
	mark     int64 // where this run's words begin in the log
	logger   *slog.Logger
	lock     *lock
	done     chan error
	stopping chan struct{} // closed when Stop begins, so an exit after it is no surprise
	stop     sync.Once
	stopErr  error
	remove   bool // a throwaway folder goes with its cluster
}

// Start returns when the cluster accepts connections. The context bounds the start only: the cluster
// runs until Stop. It never deletes or rewrites a data folder that it cannot use; the errors are
// *InUseError, *ForeignFolderError, *VersionError, *PortError, *SpaceError, *NotFoundError or say in
// plain words what happened and what to do.
func Start(ctx context.Context, options Options) (*Cluster, error) {
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	if options.Progress == nil {
		options.Progress = func(string) {}
	}
	if options.account == (account{}) {
		who, err := serverAccount()
		if err != nil {
			return nil, err
		}
		options.account = who
	}
	if options.DataDir == "" {
		dir, err := DefaultDataDir()
		if err != nil {
			return nil, err
		}
		options.DataDir = dir
	}
	held, data, err := claim(options.DataDir, options.account)
	if err != nil {
		return nil, err
	}
	cluster, err := startLocked(ctx, options, held, data)
	if err != nil {
		held.release()
		return nil, err
	}
	return cluster, nil
}

// startLocked does the work of Start in a folder that this process holds the lock of.
func startLocked(ctx context.Context, options Options, held *lock, data folder) (*Cluster, error) {
	if err := recoverLeftover(data); err != nil {
		return nil, err
	}
	if err := data.sweepUnfinished(); err != nil {
		return nil, err
	}
	existing, err := data.major()
	if err != nil {
		return nil, err
	}
	programs, err := findPrograms(ctx, options, existing)
	if err != nil {
		return nil, err
	}
	options.Logger.Debug("PostgreSQL's programs found", "version", programs.version, "folder", programs.dir)
	if existing == 0 {
		options.Progress(fmt.Sprintf("Making a PostgreSQL %s cluster in %s", programs.version, data.path))
		if err := initialise(ctx, options, programs, data); err != nil {
			return nil, err
		}
	} else if err := requireSpace(data.path, spaceToRun); err != nil {
		return nil, err
	}
	password, err := ensurePassword(ctx, options, programs, data)
	if err != nil {
		return nil, err
	}
	cluster := &Cluster{
		folder: data, password: password, version: programs.version, logger: options.Logger, lock: held,
		done: make(chan error, 1), stopping: make(chan struct{}), remove: options.throwaway,
	}
	if err := cluster.launch(ctx, options, programs); err != nil {
		return nil, err
	}
	held.announce(cluster.Address())
	go cluster.watch()
	return cluster, nil
}

// launch starts the server and waits until it answers. A port that we chose ourselves may be taken
// by another process before the server gets it; then another one is tried. The children of a server
// that was killed need a moment to notice; until then PostgreSQL refuses to start beside them.
func (c *Cluster) launch(ctx context.Context, options Options, programs programs) error {
	const attempts = 10
	for attempt := 1; ; attempt++ {
		port, err := choosePort(options.Port, c.folder, attempt)
		if err != nil {
			return err
		}
		c.port = port
		err = c.launchOnce(ctx, options, programs)
		var taken *PortError
		switch {
		case err == nil || attempt == attempts || ctx.Err() != nil:
			return err
		case errors.As(err, &taken) && options.Port == 0:
		case strings.Contains(err.Error(), "pre-existing shared memory block"):
			time.Sleep(500 * time.Millisecond)
		default:
			return err
		}
	}
}

func (c *Cluster) launchOnce(ctx context.Context, options Options, programs programs) error {
	log, err := c.folder.openLog()
	if err != nil {
		return err
	}
	defer log.Close()
	started := time.Now()
	c.mark = end(log)
	settings := map[string]string{
		"listen_addresses": "127.0.0.1", "port": strconv.Itoa(c.port), "unix_socket_directories": "",
		"log_line_prefix": "%m [%p] ", "lc_messages": "C", "logging_collector": "off", "log_destination": "stderr",
	}
	maps.Copy(settings, options.Settings)
	command := options.account.command(programs.path("postgres"), append([]string{"-D", c.folder.cluster()}, asFlags(settings)...)...)
	command.Dir = c.folder.cluster()
	command.Stdout, command.Stderr = log, log
	// SIGINT is PostgreSQL's fast shutdown: sessions are ended, nothing is lost.
	process, err := subprocess.Start(command, syscall.SIGINT)
	if err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	c.process = process
	if err := c.awaitReady(ctx); err != nil {
		_ = process.Stop(context.WithoutCancel(ctx), stopPatience, syscall.SIGINT, syscall.SIGQUIT)
		return err
	}
	c.folder.rememberPort(c.port)
	c.logger.Info("PostgreSQL is running", "version", c.version, "port", c.port, "folder", c.folder.path,
		"pid", process.PID(), "took", time.Since(started).Round(time.Millisecond).String())
	return nil
}

// awaitReady asks until the server lets us in: only a real login proves port, password and readiness.
func (c *Cluster) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startPatience, errors.New("it did not answer in time"))
	defer cancel()
	for {
		select {
		case <-c.process.Exited():
			return c.explainExit("PostgreSQL did not start")
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL did not start: %w; its log is %s", context.Cause(ctx), c.folder.log())
		case <-time.After(20 * time.Millisecond):
		}
		attempt, stop := context.WithTimeout(ctx, 5*time.Second)
		conn, err := pgconn.Connect(attempt, c.URL("postgres"))
		stop()
		if err == nil {
			_ = conn.Close(ctx)
			// Another server may sit on the port while ours is about to give up.
			if c.folder.postmasterPID() == c.process.PID() {
				return nil
			}
			continue
		}
		var refused *pgconn.PgError
		if errors.As(err, &refused) && refused.Code == "28P01" && c.folder.postmasterReady(c.process.PID()) {
			return fmt.Errorf("PostgreSQL does not accept the password in %s; put the right one back, or delete "+
				"that file to have a new one set", c.folder.passwordFile())
		}
	}
}

// watch tells Done how the server ended.
func (c *Cluster) watch() {
	<-c.process.Exited()
	select {
	case <-c.stopping:
		c.done <- nil
	default:
		err := c.explainExit("PostgreSQL stopped by itself")
		c.logger.Error("PostgreSQL stopped by itself", "error", err)
		c.done <- err
	}
	close(c.done)
}

// Done receives one value when the server has ended: nil after Stop, otherwise an error with the
// server's last words. The data folder is intact; Stop still has to be called to release it.
func (c *Cluster) Done() <-chan error { return c.done }

// Stop ends all sessions, shuts the server down and releases the data folder. It returns when that
// is done; a cluster from StartThrowaway is deleted then. An impatient context makes the shutdown harder, never
// unsafe: committed data survives. A context that has ended already is taken for the signal that
// asks for the shutdown, and does not hurry it. Stopping twice is harmless.
func (c *Cluster) Stop(ctx context.Context) error {
	c.stop.Do(func() {
		if ctx.Err() != nil {
			ctx = context.WithoutCancel(ctx)
		}
		close(c.stopping)
		signals := []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT} // fast, then immediate shutdown
		if c.remove {
			signals = signals[1:] // why write out what is about to be deleted
		}
		c.stopErr = c.process.Stop(ctx, stopPatience, signals...)
		if c.stopErr == nil && c.remove {
			c.stopErr = removeLocked(c.folder)
		}
		c.lock.release()
		c.logger.Info("PostgreSQL is stopped", "folder", c.folder.path)
	})
	return c.stopErr
}

// URL returns the address of a database in the cluster, password included. The database need not
// exist; "postgres" always does.
func (c *Cluster) URL(database string) string {
	address := url.URL{
		Scheme: "postgres", User: url.UserPassword(superuser, c.password), Host: c.Address(),
		Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return address.String()
}

// Address returns host and port.
func (c *Cluster) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port)) }

// Version returns PostgreSQL's version, such as 15.8.
func (c *Cluster) Version() string { return c.version }

// Dir returns the data folder. The caller may keep files of its own in it; Remove deletes them too.
func (c *Cluster) Dir() string { return c.folder.path }

// LogFile returns the path of the server's log.
func (c *Cluster) LogFile() string { return c.folder.log() }

// Announce records the address that the program serves at, for the message that a second program
// started on the same data folder gets.
func (c *Cluster) Announce(address string) { c.lock.announce(address) }

// EnsureDatabase makes the database unless it exists. It is safe to call from several processes.
func (c *Cluster) EnsureDatabase(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, c.URL("postgres"))
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	var failure *pgconn.PgError
	// 42P04: exists; 23505: somebody else was making it at the same moment.
	if errors.As(err, &failure) && (failure.Code == "42P04" || failure.Code == "23505") {
		return nil
	}
	if err != nil {
		return fmt.Errorf("create the database %s: %w", name, err)
	}
	return nil
}

// DefaultDataDir returns where the developer's cluster lives: below /var/lib/clavex-dev for root
// (root's home is closed to the user that PostgreSQL runs as), else in the XDG data folder.
func DefaultDataDir() (string, error) {
	root, err := defaultRoot()
	if err != nil {
		return "", err
	}
	return filepath.Join(root, "data"), nil
}

func defaultRoot() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/lib/clavex-dev", nil
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "clavex-dev"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no folder for the data: %w; name one with --data-dir", err)
	}
	return filepath.Join(home, ".local", "share", "clavex-dev"), nil
}
