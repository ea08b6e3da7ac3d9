// Command clavex is the identity server with everything that operates it.
//
//	clavex serve      production
//	clavex dev        everything on one machine, with a database of its own and a demo
//	clavex --help     the rest: migrations, diagnosis, the first administrator …
//
// Exit codes: 0 done, 1 failed, 2 wrong usage. Results go to standard output (with --json as JSON), every
// other sentence to standard error.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// errInterrupted is why the context of a command ended by a signal.
var errInterrupted = errors.New("interrupted")

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // nohup asks us to outlive the terminal
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		<-signals
		cancel(errInterrupted)
		<-signals // whoever asks twice does not want to wait for running requests
		os.Exit(exitFailed)
	}()
	program := &program{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ()}
	os.Exit(program.run(ctx, os.Args[1:]))
}
