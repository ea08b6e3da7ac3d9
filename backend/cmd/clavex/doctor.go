package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/clavex/clavex/backend/internal/config"
)

// verdict is what a check found.
type verdict string

const (
	fine    verdict = "ok"
	warning verdict = "warning" // works, but somebody should look
	problem verdict = "problem" // does not work, or not safely
)

// finding is the result of one check.
type finding struct {
	Check   string  `json:"check"`
	Verdict verdict `json:"verdict"`
	Found   string  `json:"found"`
	Advice  string  `json:"advice,omitempty"` // what to do
}

// examination is one run of the doctor.
type examination struct {
	*program
	cfg      *config.Config
	source   config.Source
	findings []finding
}

func (e *examination) ok(check, format string, values ...any) {
	e.findings = append(e.findings, finding{Check: check, Verdict: fine, Found: fmt.Sprintf(format, values...)})
}

func (e *examination) warn(check, found, advice string) {
	e.findings = append(e.findings, finding{Check: check, Verdict: warning, Found: found, Advice: advice})
}

func (e *examination) problem(check, found, advice string) {
	e.findings = append(e.findings, finding{Check: check, Verdict: problem, Found: found, Advice: advice})
}

func (p *program) doctor() *cobra.Command {
	var reach bool
	command := &cobra.Command{
		Use: "doctor", Args: cobra.NoArgs, Short: "Find out what is wrong with an installation",
		Long: `Checks configuration, database (reachable, version, schema, clock, latency), Redis, mail server, keys, ports,
TLS certificate and the permissions of secret files, and says what to do about each fault. Nothing is changed. The
exit code is 1 when there is a problem; warnings do not count.`,
		Example: "  clavex doctor --config /etc/clavex/clavex.yaml\n  clavex doctor --reach-public-url --json",
	}
	command.Flags().BoolVar(&reach, "reach-public-url", false, "also fetch the public URL from here")
	settings := readsSettings(command, false)
	command.RunE = p.does(func(ctx context.Context, _ []string) error {
		e := &examination{program: p, source: settings.source(p.environ)}
		e.examine(ctx, reach)
		return e.report()
	})
	return command
}

func (e *examination) examine(ctx context.Context, reach bool) {
	cfg, err := config.Read(e.source)
	if err == nil {
		e.cfg, err = cfg, cfg.Validate(false)
	}
	switch faults := err.(type) { //nolint:errorlint // config returns the very type
	case nil:
		e.ok("configuration", "complete and safe")
	case config.Faults:
		for _, fault := range faults {
			e.problem("configuration", fault, "see docs/configuration.md, or: clavex config example")
		}
	default:
		e.problem("configuration", err.Error(), "")
	}
	e.checkSecretFiles()
	if e.cfg == nil {
		return // nothing else can be looked for
	}
	e.checkCertificate()
	e.checkProxies()
	e.checkPorts(ctx)
	e.checkDatabase(ctx)
	e.checkRedis(ctx)
	e.checkMail(ctx)
	if reach {
		e.checkPublicURL(ctx)
	}
}

func (e *examination) report() error {
	problems, warnings := 0, 0
	for _, f := range e.findings {
		switch f.Verdict {
		case problem:
			problems++
		case warning:
			warnings++
		case fine:
		}
	}
	result := map[string]any{"findings": e.findings, "problems": problems, "warnings": warnings}
	err := e.print(result, func(w io.Writer) {
		for _, f := range e.findings {
			fmt.Fprintf(w, "%-8s %-18s %s\n", f.Verdict, f.Check, strings.ReplaceAll(f.Found, "\n", " "))
			if f.Advice != "" {
				fmt.Fprintf(w, "%-8s %-18s → %s\n", "", "", f.Advice)
			}
		}
		fmt.Fprintf(w, "\n%d checks: %d problems, %d warnings.\n", len(e.findings), problems, warnings)
	})
	if err == nil && problems > 0 {
		return errTold
	}
	return err
}
