//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/clavex/clavex/backend/internal/config"
	"github.com/clavex/clavex/backend/internal/dev"
	"github.com/clavex/clavex/backend/internal/localpostgres"
	"github.com/clavex/clavex/backend/internal/mail"
	"github.com/clavex/clavex/backend/internal/server"
	"github.com/clavex/clavex/backend/internal/store"
)

const (
	devDatabase     = "clavex"
	devStopPatience = 20 * time.Second // for PostgreSQL
	devMetrics      = "127.0.0.1:9090"
	silent          = slog.Level(100)
)

// fixedInDev are the settings that clavex dev decides itself. A production database in the developer's
// environment must never be seeded with known passwords.
var fixedInDev = []string{ //nolint:gochecknoglobals // a constant list
	"database_url", "database_direct_url", "public_url", "console_url", "key_encryption_key", "previous_key_encryption_keys", "listen", "migrate_on_start",
	"tls_cert_file", "tls_key_file", "mtls_listen", "mtls_url", "client_certificate_header",
	"mail_host", "mail_port", "mail_tls", "mail_username", "mail_password", "mail_from", "mail_reply_to", // nothing leaves the machine
}

// development is one run of clavex dev.
type development struct {
	*program
	settings  *settings
	port      int
	dataDir   string
	reset     bool
	yes       bool
	verbose   bool
	tls       bool
	hosts     []string
	createApp string
	began     time.Time
	level     *slog.LevelVar
}

func (p *program) developmentCommands() []*cobra.Command {
	d := &development{program: p, level: new(slog.LevelVar)}
	command := &cobra.Command{
		Use: "dev", Args: cobra.NoArgs, Short: "Run everything on this machine, with a demo (development)",
		Long: `Runs Clavex with a PostgreSQL of its own on this machine, for development: finds PostgreSQL 15 or newer
(or fetches it), keeps the data in a folder of yours, adds the demo's organizations, people and applications,
and prints addresses and logins. Ctrl-C stops everything; the next start keeps the data.

Everybody knows the demo's passwords: this is not for production, use clavex serve there.`,
		Example: `  clavex dev
  clavex dev --port 9000 --data-dir /tmp/clavex-experiment
  clavex dev --tls
  clavex dev --reset`,
	}
	flags := command.Flags()
	flags.IntVar(&d.port, "port", 8080, "port on 127.0.0.1")
	flags.StringVar(&d.dataDir, "data-dir", "", "folder for database and keys (default below /var/lib/clavex-dev for root, else ~/.local/share/clavex-dev)")
	flags.BoolVar(&d.reset, "reset", false, "delete the data and start afresh; asks before")
	flags.BoolVar(&d.yes, "yes", false, "with --reset: do not ask")
	flags.BoolVar(&d.tls, "tls", false, "serve https, with a certificate of a local authority kept in the data folder; clients that show a TLS certificate are served at the next port")
	flags.StringArrayVar(&d.hosts, "host", nil, "with --tls: another name of this machine, for example id.clavex.test; the first one names the issuer instead of localhost; may be repeated")
	flags.BoolVar(&d.verbose, "verbose", false, "log everything, not only warnings")
	flags.StringVar(&d.createApp, "create-app", "", "path of a packed create-clavex-app, for the printed command")
	d.settings = readsSettings(command, false, fixedInDev...)
	command.RunE = p.does(func(ctx context.Context, _ []string) error { return d.run(ctx) })
	return []*cobra.Command{command}
}

func (d *development) run(ctx context.Context) error {
	d.began = time.Now()
	if err := d.prepare(ctx); err != nil {
		return err
	}
	d.ignoreFixed()
	source := d.settings.source(d.environ)
	d.level.Set(slog.LevelWarn)
	if d.verbose {
		d.level.Set(slog.LevelDebug)
	}
	log := slog.New(slog.NewTextHandler(d.stderr, &slog.HandlerOptions{Level: d.level}))
	clusterLog := slog.New(slog.DiscardHandler) // what it warns of it also returns
	if d.verbose {
		clusterLog = log
	}
	cluster, err := localpostgres.Start(ctx, localpostgres.Options{DataDir: d.dataDir, Logger: clusterLog, Progress: func(line string) { d.say("%s", line) }})
	if err != nil {
		return err
	}
	defer d.stop(cluster)
	ctx, lost := context.WithCancelCause(ctx)
	defer lost(nil)
	go d.watch(cluster, lost)

	cfg, err := d.configure(ctx, source, cluster)
	if err != nil {
		return d.unlessLost(ctx, err)
	}
	mailbox := mail.NewMailbox(time.Now)
	app, err := server.Open(ctx, cfg, log, server.Options{Workers: cfg.Workers, Mail: mailbox, Pages: dev.Mail{Mailbox: mailbox, PublicURL: cfg.PublicURL}.Mount})
	if err != nil {
		return d.unlessLost(ctx, err)
	}
	defer app.Close()
	if err := d.fill(ctx, app, cluster); err != nil {
		return d.unlessLost(ctx, err)
	}
	return d.unlessLost(ctx, app.Serve(ctx, func(net.Addr) {
		cluster.Announce(cfg.PublicURL)
		d.welcome(cfg, cluster)
	}))
}

// prepare finds what would fail later before anything is started or deleted.
func (d *development) prepare(ctx context.Context) error {
	switch {
	case d.port < 1 || d.port > 65535:
		return usagef("--port %d: choose a port between 1 and 65535", d.port)
	case d.yes && !d.reset:
		return usagef("--yes goes with --reset")
	}
	if err := d.checkHosts(); err != nil {
		return err
	}
	if d.createApp != "" {
		path, err := filepath.Abs(d.createApp)
		if err == nil {
			_, err = os.Stat(path)
		}
		if err != nil {
			return usagef("--create-app: %s", err)
		}
		d.createApp = path
	}
	if d.dataDir == "" {
		dir, err := localpostgres.DefaultDataDir()
		if err != nil {
			return err
		}
		d.dataDir = dir
	}
	var err error
	if d.dataDir, err = filepath.Abs(d.dataDir); err != nil {
		return err
	}
	if err := requirePort(d.port); err != nil {
		return err
	}
	if !d.reset {
		return nil
	}
	if err := d.confirm(ctx, d.yes, "This deletes the development database and its keys in "+d.dataDir+".", "delete"); err != nil {
		return err
	}
	return localpostgres.Remove(d.dataDir)
}

// ignoreFixed takes settings that dev decides itself out of the environment and says so.
func (d *development) ignoreFixed() {
	d.environ = slices.DeleteFunc(slices.Clone(d.environ), func(entry string) bool {
		variable, _, _ := strings.Cut(entry, "=")
		name, ours := strings.CutPrefix(variable, config.Prefix)
		name = strings.ToLower(name)
		ignored := ours && (slices.Contains(fixedInDev, name) || slices.Contains(fixedInDev, strings.TrimSuffix(name, "_file")))
		if ignored {
			d.say("%s is ignored: clavex dev runs its own database, keys and address.", variable)
		}
		return ignored
	})
}

// configure makes database and key-encryption key and reads the rest of the configuration.
func (d *development) configure(ctx context.Context, source config.Source, cluster *localpostgres.Cluster) (*config.Config, error) {
	if err := cluster.EnsureDatabase(ctx, devDatabase); err != nil {
		return nil, err
	}
	key, err := keyEncryptionKey(cluster.Dir())
	if err != nil {
		return nil, err
	}
	base := d.base()
	// The applications that somebody develops stand on this machine; they are told of ended sessions, too.
	source.Presets = map[string]string{"log_level": "warn", "shutdown_timeout": "5s", "metrics_listen": devMetrics, "fetch_allowed_networks": "127.0.0.0/8,::1/128",
		"sign_ups_per_network": "600"} // everybody on this machine is one network
	if !portIsFree("tcp", devMetrics) {
		source.Presets["metrics_listen"] = "off"
	}
	fixed := map[string]string{
		"database_url": cluster.URL(devDatabase), "database_direct_url": "", "public_url": base, "console_url": "", "key_encryption_key": key,
		"previous_key_encryption_keys": "", "listen": net.JoinHostPort("127.0.0.1", strconv.Itoa(d.port)), "migrate_on_start": "false",
		"tls_cert_file": "", "tls_key_file": "", "mtls_listen": "", "mtls_url": "", "client_certificate_header": "", "mail_host": "", "mail_username": "", "mail_password": "", "mail_from": "", "mail_reply_to": "",
	}
	if d.tls {
		files, err := d.tlsSettings(cluster.Dir())
		if err != nil {
			return nil, err
		}
		maps.Copy(fixed, files)
		if address := net.JoinHostPort("127.0.0.1", strconv.Itoa(d.port+1)); portIsFree("tcp", address) {
			fixed["mtls_listen"], fixed["mtls_url"] = address, d.baseAt(d.port+1)
		}
		source.Presets["fetch_ca_file"] = filepath.Join(cluster.Dir(), authorityFile) // of the applications that use it too
	}
	for name, value := range fixed {
		source.Flags[name] = value // the heaviest: nothing in a file overrides them
	}
	cfg, err := config.Read(source)
	if err != nil {
		return nil, err
	}
	if !d.verbose {
		d.level.Set(level(cfg))
	}
	cfg.FetchNetworks = append(cfg.FetchNetworks, "127.0.0.0/8", "::1") // the applications that are being developed
	return cfg, cfg.Validate(true)
}

// base is the public URL.
func (d *development) base() string { return d.baseAt(d.port) }

func (d *development) baseAt(port int) string {
	scheme, host := "http", "localhost"
	if d.tls {
		scheme = "https"
	}
	if len(d.hosts) > 0 {
		host = d.hosts[0]
	}
	return scheme + "://" + net.JoinHostPort(host, strconv.Itoa(port))
}

// fill brings the database to this release's schema and seeds it.
func (d *development) fill(ctx context.Context, app *server.App, cluster *localpostgres.Cluster) error {
	if err := store.Migrate(ctx, app.Config.DatabaseDirectURL); err != nil {
		return err
	}
	if err := dev.Seed(ctx, app); err != nil {
		return err
	}
	for _, slug := range []string{dev.DemoSlug, "system"} {
		organization, err := app.Organizations.BySlug(ctx, slug)
		if err != nil {
			return err
		}
		if err := app.Keys.OpenActive(ctx, organization.ID); err != nil {
			return fmt.Errorf("the key in %s does not open the signing keys in the database: %w\nPut the right file back, or start afresh with clavex dev --reset",
				filepath.Join(cluster.Dir(), keyFile), err)
		}
	}
	return nil
}

// watch ends the run when PostgreSQL ends by itself, and says so at once.
func (d *development) watch(cluster *localpostgres.Cluster, lost context.CancelCauseFunc) {
	err := <-cluster.Done()
	if err == nil {
		return
	}
	d.level.Set(silent) // everything else now says the same in worse words
	d.say("\nclavex: %s\nThe data in %s is intact. Start clavex dev again.", err, cluster.Dir())
	lost(errTold)
}

// unlessLost returns the error of the run, or that the loss of PostgreSQL was told already.
func (d *development) unlessLost(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errTold) {
		return errTold
	}
	return err
}

func (d *development) stop(cluster *localpostgres.Cluster) {
	ctx, cancel := context.WithTimeout(context.Background(), devStopPatience)
	defer cancel()
	if err := cluster.Stop(ctx); err != nil {
		d.say("clavex: stopping PostgreSQL: %s", err)
	}
}
