// Command load is the benchmark of Clavex: it runs the release binary on a PostgreSQL that syncs, lets
// virtual clients and browsers loose on it, and prints for each row of docs/performance.md what was
// reached beside what the machine could reach at all (the ceiling), measured in the same run.
//
//	make bench [ROW=name[,name]] [DURATION=10s] [SCALE=small|large]
//
// Without `make`: CLAVEX_TEST_DATABASE_URL names a PostgreSQL whose role may create databases, -binary the
// program. Client and server share the machine; the ceilings are served by a second process of this
// program and asked by the same client code with the same concurrency. CPU time and memory are read from
// /proc, so they are known on Linux only. It leaves out the network between machines, and everything that
// is right or wrong about an answer: the tests see to that.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/clavex/clavex/e2e/load/measure"
)

const (
	databaseVariable     = "CLAVEX_TEST_DATABASE_URL"
	bareDatabaseVariable = "CLAVEX_TEST_LOAD_DATABASE_URL"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if len(os.Args) == 2 && os.Args[1] == "bare" {
		signal.Ignore(syscall.SIGINT) // the terminal sends it to us too; the end of the input is our signal
		if err := serveBare(context.WithoutCancel(ctx), os.Getenv(bareDatabaseVariable), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "load:", err)
			os.Exit(1)
		}
		return
	}
	chosen, err := readOptions(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = runBench(ctx, chosen)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func readOptions(arguments []string) (options, error) {
	var o options
	var rows, scale string
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	flags.StringVar(&o.binary, "binary", "bin/clavex", "the release binary")
	flags.StringVar(&rows, "row", "", "only these rows, with commas between: "+strings.Join(rowNames(), ", "))
	flags.DurationVar(&o.duration, "duration", 10*time.Second, "of one run of a row")
	flags.IntVar(&o.rounds, "rounds", 3, "runs of a row; the median counts")
	flags.StringVar(&scale, "scale", "small", "small or large: up to 10⁵ or 10⁶ people in the row scale")
	flags.IntVar(&o.workers, "workers", 4*runtime.NumCPU(), "journeys at the same time")
	flags.StringVar(&o.output, "output", "", "file for the table, written when every row was measured for at least ten seconds")
	if err := flags.Parse(arguments); err != nil {
		return o, err
	}
	if rows != "" {
		o.rows = strings.Split(rows, ",")
	}
	for _, name := range o.rows {
		if !slices.Contains(rowNames(), name) {
			return o, fmt.Errorf("there is no row %q; there are %s", name, strings.Join(rowNames(), ", "))
		}
	}
	o.large = scale == "large"
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("what is %q?", flags.Arg(0))
	case scale != "small" && scale != "large":
		return o, fmt.Errorf("the scale is small or large, not %q", scale)
	case o.duration < 100*time.Millisecond || o.rounds < 1 || o.workers < 1 || o.workers > people:
		return o, fmt.Errorf("a run takes at least 100 ms, there is at least one, and 1 to %d workers", people)
	}
	var err error
	o.binary, err = filepath.Abs(o.binary)
	return o, err
}

func rowNames() []string {
	kinds := rowKinds()
	names := make([]string, len(kinds))
	for i, kind := range kinds {
		names[i] = kind.name
	}
	return names
}

func runBench(ctx context.Context, chosen options) (err error) {
	if _, err := os.Stat(chosen.binary); err != nil {
		return fmt.Errorf("there is no release binary: %w (run make build)", err)
	}
	address := os.Getenv(databaseVariable)
	if address == "" {
		return errors.New(databaseVariable + " is not set; run make bench, which starts a PostgreSQL")
	}
	database, err := openCluster(ctx, address)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "clavex-load-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	// However it ends, no database stays behind.
	defer func() { err = errors.Join(err, database.drop(context.WithoutCancel(ctx))) }()
	b := &bench{options: chosen, cluster: database, folder: folder, words: os.Stderr}
	began, others := time.Now(), loadAverage()
	rows, failed := b.run(ctx)
	report := b.report(rows, time.Since(began), others)
	fmt.Print(report)
	if chosen.output == "" || failed != nil || len(chosen.rows) > 0 || chosen.duration < 10*time.Second {
		return failed
	}
	return os.WriteFile(chosen.output, []byte(report), 0o644)
}

// loadAverage is how many processes wanted a core during the last minute, "unknown" where there is no /proc.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	minute, _, _ := strings.Cut(string(text), " ")
	return minute
}

// report is the page docs/performance.md.
func (b *bench) report(rows []measure.Row, took time.Duration, others string) string {
	var text strings.Builder
	memory := kibibytes("/proc/meminfo", "MemTotal")
	fmt.Fprintf(&text, pageHead, time.Now().UTC().Format("2 January 2006"), runtime.NumCPU(), runtime.GOARCH, float64(memory)/(1<<20), b.cluster.version, runtime.Version(),
		b.options.rounds, b.options.duration, b.options.workers, took.Round(time.Second).String(), others)
	text.WriteString(measure.Table(rows))
	return text.String()
}

const pageHead = `# Performance

Absolute figures do not travel between machines. Every figure here stands beside a *ceiling* that was
measured in the same run on the same machine: what a program could reach that does nothing but the work
nobody can avoid. The ratio is what counts, and what is to be compared with a later run.

    make bench                      # this page; about a quarter of an hour
    make bench ROW=authorize        # one row
    make bench DURATION=2s          # a quick look

This page was written by ` + "`make bench`" + ` on %s: %d cores (%s), %.0f GiB of memory, PostgreSQL %s with its own
defaults (every commit is synced), %s. Each row ran %d times for %s; the figures are medians, a ceiling's
runs are half as long and take turns with the server's. %d requests were under way at any time, each beginning
when the one before was answered (a closed loop), over HTTP/1.1 connections that stay open, as behind a proxy
that terminates TLS. Load generator, server, ceilings and PostgreSQL share the machine, so a throughput is
that of all of them together. The server logs every request, as in production. The whole run took %s.
Before it began, the load average of the machine was %s: what others do on it shows in the figures.

Server CPU is user and system time of the server process for one request, without PostgreSQL. Memory is the
resident memory of the server after the row.

`
