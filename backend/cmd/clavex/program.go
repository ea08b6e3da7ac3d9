package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
)

// The exit codes, part of the contract.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// program is one run of the command line.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string
	json           bool // --json
	began          bool // a command's own work began: errors before are wrong usage
}

// usageError is a mistake on the command line that cobra cannot see.
type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

func usagef(format string, values ...any) error {
	return &usageError{fmt.Sprintf(format, values...)}
}

// errTold is returned when standard error has the explanation already.
var errTold = errors.New("explained already")

const longHelp = `Clavex is an OpenID Provider for many organizations: one binary in front of PostgreSQL.

Exit codes: 0 done, 1 failed, 2 wrong usage.
Results go to standard output, messages to standard error. With --json results are JSON.`

// run runs the command that the arguments name and returns the exit code.
func (p *program) run(ctx context.Context, arguments []string) int {
	root := p.root()
	root.SetArgs(arguments)
	command, err := root.ExecuteContextC(ctx)
	var usage *usageError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errTold):
		return exitFailed
	case !p.began || errors.As(err, &usage):
		fmt.Fprintf(p.stderr, "clavex: %s\nSee: %s --help\n", strings.TrimSpace(err.Error()), command.CommandPath())
		return exitUsage
	case context.Cause(ctx) != nil && errors.Is(err, context.Canceled):
		fmt.Fprintf(p.stderr, "clavex: %s before it was done\n", context.Cause(ctx))
	default:
		fmt.Fprintf(p.stderr, "clavex: %s\n", sentence(err))
	}
	return exitFailed
}

// sentence is what an operator reads: a fault's message with its stable code, and unlike everybody else
// they also see the cause.
func sentence(err error) string {
	var known *fault.Error
	if !errors.As(err, &known) {
		return err.Error()
	}
	text := known.Message
	if known.Field != "" {
		text = known.Field + ": " + text
	}
	text += " (" + known.Code + ")"
	if cause := errors.Unwrap(known); cause != nil {
		text += "\nCause: " + cause.Error()
	}
	return text
}

func (p *program) root() *cobra.Command {
	root := p.group("clavex", "The identity server", longHelp)
	root.CompletionOptions.DisableDefaultCmd = true
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.SetHelpCommand(&cobra.Command{Hidden: true, Use: "no-help-command"})
	root.PersistentFlags().BoolVar(&p.json, "json", false, "print the result as JSON")
	root.AddCommand(p.serve(), p.migrate(), p.doctor(), p.organizations(), p.users(), p.clients(), p.authenticators(), p.identityProviders(), p.terms(), p.domains(), p.keys(), p.mail(), p.configuration(), p.version())
	root.AddCommand(p.developmentCommands()...)
	return root
}

// group makes a command that only holds others.
func (p *program) group(use, short, long string, commands ...*cobra.Command) *cobra.Command {
	group := &cobra.Command{Use: use, Short: short, Long: long, Args: cobra.ArbitraryArgs}
	group.RunE = func(cmd *cobra.Command, arguments []string) error {
		if len(arguments) == 0 {
			return usagef("say what to do: %s", strings.Join(names(cmd.Commands()), ", "))
		}
		message := fmt.Sprintf("there is no command %q", cmd.CommandPath()+" "+arguments[0])
		if similar := cmd.SuggestionsFor(arguments[0]); len(similar) > 0 {
			message += "; did you mean " + strings.Join(similar, " or ") + "?"
		}
		return usagef("%s", message)
	}
	group.SuggestionsMinimumDistance = 2
	group.AddCommand(commands...)
	return group
}

func names(commands []*cobra.Command) []string {
	var list []string
	for _, command := range commands {
		if command.IsAvailableCommand() {
			list = append(list, command.Name())
		}
	}
	return list
}

// does marks that a command's own work begins: from there on an error is a failure, not wrong usage.
func (p *program) does(work func(ctx context.Context, arguments []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, arguments []string) error {
		p.began = true
		return work(cmd.Context(), arguments)
	}
}

// say writes a sentence to standard error.
func (p *program) say(format string, values ...any) {
	fmt.Fprintf(p.stderr, format+"\n", values...)
}

// print writes the result: as JSON, or as text makes it.
func (p *program) print(result any, text func(w io.Writer)) error {
	if !p.json {
		text(p.stdout)
		return nil
	}
	encoder := json.NewEncoder(p.stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(result)
}

// terminal reports whether somebody sits at the stream.
func terminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// operator is who works at the command line.
func operator() audit.Actor {
	name := "unknown"
	if current, err := user.Current(); err == nil {
		name = current.Username
	}
	return audit.Actor{Kind: audit.Operator, ID: name, Name: name}
}
