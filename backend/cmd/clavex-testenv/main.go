//go:build unix

// Command clavex-testenv runs another command with a throwaway PostgreSQL and Redis beside it:
//
//	go run ./backend/cmd/clavex-testenv [--no-redis] [--durable] -- go test ./backend/...
//
// PostgreSQL keeps its files in memory where there is plenty and syncs nothing, which is right for tests;
// --durable gives it a disk and its own defaults (fsync included), which is right for measuring.
//
// The command finds them in CLAVEX_TEST_DATABASE_URL and CLAVEX_TEST_REDIS_URL. A variable that is
// set already is passed on as it is and its server is not started. The exit code is the command's own;
// servers and files are gone afterwards, however the command ended.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/clavex/clavex/backend/internal/localpostgres"
)

const (
	databaseVariable = "CLAVEX_TEST_DATABASE_URL"
	redisVariable    = "CLAVEX_TEST_REDIS_URL"
)

// Exit codes of our own, by the shell's customs.
const (
	exitUsage      = 2
	exitServers    = 125
	exitNotStarted = 127
)

func main() {
	os.Exit(run(os.Args[1:], os.Stderr))
}

func run(arguments []string, messages io.Writer) int {
	flags := flag.NewFlagSet("clavex-testenv", flag.ContinueOnError)
	flags.SetOutput(messages)
	noRedis := flags.Bool("no-redis", false, "do not start Redis")
	durable := flags.Bool("durable", false, "run PostgreSQL on disk with its own defaults, as in production")
	flags.Usage = func() {
		fmt.Fprintln(messages, "usage: clavex-testenv [--no-redis] [--durable] -- command [argument ...]")
		flags.PrintDefaults()
	}
	if err := flags.Parse(arguments); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return exitUsage
	}
	if flags.NArg() == 0 {
		flags.Usage()
		return exitUsage
	}
	say := func(format string, values ...any) { fmt.Fprintf(messages, "clavex-testenv: "+format+"\n", values...) }

	// From here on a signal must not end us before the servers are gone.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)

	servers, err := startServers(signals, !*noRedis, clusterOptions(*durable, say), say)
	defer servers.stop(say)
	if err != nil {
		say("%v", err)
		return exitServers
	}
	return runCommand(flags.Args(), servers.environment, signals, servers.failed(), say)
}

// clusterOptions are for data that nobody will miss: fast, or as in production.
func clusterOptions(durable bool, say func(string, ...any)) localpostgres.Options {
	options := localpostgres.Options{Progress: func(line string) { say("%s", line) }}
	if !durable {
		options.Settings, options.InMemory = localpostgres.ThrowawaySettings(), true
	}
	return options
}

// servers is what runs beside the command; the zero value is nothing.
type servers struct {
	cluster     *localpostgres.Cluster
	redis       *redisServer
	environment []string
}

// startServers starts what the environment does not name yet. A signal interrupts it.
func startServers(signals <-chan os.Signal, wantRedis bool, postgres localpostgres.Options, say func(string, ...any)) (servers, error) {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	finished, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case received := <-signals:
			cancel(fmt.Errorf("interrupted (%v)", received))
		case <-finished:
		}
	}()
	running, err := startMissing(ctx, wantRedis, postgres)
	close(finished)
	<-watched
	if ctx.Err() != nil { // the signal may have come too late to interrupt anything
		err = context.Cause(ctx)
	}
	return running, err
}

func startMissing(ctx context.Context, wantRedis bool, postgres localpostgres.Options) (servers, error) {
	var running servers
	wantRedis = wantRedis && os.Getenv(redisVariable) == ""
	var redisProgram string
	if wantRedis {
		found, err := findRedis()
		if err != nil {
			return running, err
		}
		redisProgram = found
	}
	if os.Getenv(databaseVariable) == "" {
		cluster, err := localpostgres.StartThrowaway(ctx, postgres)
		if err != nil {
			return running, err
		}
		running.cluster = cluster
		running.environment = append(running.environment, databaseVariable+"="+cluster.URL("postgres"))
	}
	if wantRedis {
		inside := ""
		if running.cluster != nil {
			inside = running.cluster.Dir()
		}
		redis, err := startRedis(ctx, redisProgram, inside)
		if err != nil {
			return running, err
		}
		running.redis = redis
		running.environment = append(running.environment, redisVariable+"="+redis.url())
	}
	return running, nil
}

// failed is PostgreSQL's report of an end that nobody asked for.
func (s servers) failed() <-chan error {
	if s.cluster == nil {
		return nil
	}
	return s.cluster.Done()
}

func (s servers) stop(say func(string, ...any)) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if s.redis != nil {
		if err := s.redis.stop(ctx); err != nil {
			say("%v", err)
		}
	}
	if s.cluster != nil {
		if err := s.cluster.Stop(ctx); err != nil {
			say("%v", err)
		}
	}
}

// runCommand runs the command to its end and returns its exit code.
func runCommand(arguments, environment []string, signals <-chan os.Signal, failed <-chan error, say func(string, ...any)) int {
	command := exec.Command(arguments[0], arguments[1:]...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	command.Env = append(os.Environ(), environment...)
	if err := command.Start(); err != nil {
		say("%v", err)
		return exitNotStarted
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	for {
		select {
		case err := <-ended:
			return exitCode(err, say)
		case received := <-signals:
			if !sentByTerminal(received) {
				_ = command.Process.Signal(received)
			}
		case err := <-failed:
			say("%v", err)
			failed = nil // the command will notice in its own way
		}
	}
}

// exitCode is the command's own, or 128 + the signal that ended it, as a shell reports it.
func exitCode(err error, say func(string, ...any)) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &exit):
		say("%v", err)
		return 1
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}

// sentByTerminal reports whether a keyboard signal reached the command already: the terminal sends
// it to the whole foreground group, and the command would take a second one for impatience.
func sentByTerminal(received os.Signal) bool {
	if received != syscall.SIGINT && received != syscall.SIGQUIT {
		return false
	}
	terminal, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer terminal.Close()
	group, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}
