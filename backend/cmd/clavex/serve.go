package main

import (
	"context"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/clavex/clavex/backend/internal/server"
)

// serve is production.
func (p *program) serve() *cobra.Command {
	command := &cobra.Command{
		Use: "serve", Args: cobra.NoArgs, Short: "Serve (production)",
		Long: `Serves every organization until SIGTERM or SIGINT, then finishes running requests. A second signal stops
at once. Logs are JSON on standard error.

The configuration is judged before anything starts, and every fault is listed at once. Settings come from
the file of --config, from CLAVEX_… variables (secrets also from the file that CLAVEX_…_FILE names) and
from flags, in that order of increasing weight.`,
		Example: `  clavex serve --config /etc/clavex/clavex.yaml
  CLAVEX_DATABASE_URL_FILE=/run/secrets/database CLAVEX_KEY_ENCRYPTION_KEY_FILE=/run/secrets/key \
    clavex serve --public-url https://id.example.com --listen :8080 --trusted-proxies 10.0.0.0/8
  clavex serve --listen :443 --tls-cert-file /etc/clavex/tls.crt --tls-key-file /etc/clavex/tls.key`,
	}
	settings := readsSettings(command, true)
	command.RunE = p.does(func(ctx context.Context, _ []string) error {
		cfg, err := settings.read(p.environ)
		if err != nil {
			return err
		}
		if err := cfg.Validate(false); err != nil {
			return err
		}
		log := slog.New(slog.NewJSONHandler(p.stderr, &slog.HandlerOptions{Level: level(cfg)}))
		app, err := server.Open(ctx, cfg, log, server.Options{Workers: cfg.Workers})
		if err != nil {
			return err
		}
		defer app.Close()
		return app.Serve(ctx, nil)
	})
	return command
}
