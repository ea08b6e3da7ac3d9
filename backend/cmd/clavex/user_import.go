package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/clavex/clavex/backend/internal/server"
	"github.com/clavex/clavex/backend/internal/userimport"
)

// importResult is what became of a file.
type importResult struct {
	userimport.Progress
	Checked bool            `json:"checked,omitempty"` // nothing was written
	Faults  []importRefusal `json:"faults"`            // the first of them
}

// importRefusal is a line that was not imported.
type importRefusal struct {
	Line     int64  `json:"line"`
	Username string `json:"username,omitempty"`
	Field    string `json:"field,omitempty"`
	Code     string `json:"code"`
	Message  string `json:"message"`
}

// shownFaults is how many refused lines are told; --refused keeps all.
const shownFaults = 20

func (r importResult) text(w io.Writer) {
	verb := "Imported"
	if r.Checked {
		verb = "Would import"
	}
	fmt.Fprintf(w, "%s %d of %d lines, refused %d.\n", verb, r.Imported, r.Total, r.Refused)
	if r.Resumed > 0 {
		fmt.Fprintf(w, "Earlier runs had read the first %d lines.\n", r.Resumed)
	}
	for _, fault := range r.Faults {
		fmt.Fprintf(w, "  line %d", fault.Line)
		for _, part := range []string{fault.Username, fault.Field} {
			if part != "" {
				fmt.Fprintf(w, ", %s", part)
			}
		}
		fmt.Fprintf(w, ": %s\n", fault.Message)
	}
	if more := r.Refused - int64(len(r.Faults)); more > 0 {
		fmt.Fprintf(w, "  and %d more; --refused keeps all of them\n", more)
	}
}

func (p *program) importUsers() *cobra.Command {
	var slug, refusedName string
	var check bool
	command := &cobra.Command{
		Use: "import FILE", Args: cobra.ExactArgs(1), Short: "Import people with the hashes of their passwords",
		Long: `Imports people from a file of JSON lines: an object on each line, with the members that the Admin API's operation
importUsers has (username, email, email_verified, profile, attributes, status, id, password_hash and so on).

Hashes may be bcrypt, Argon2, PBKDF2, scrypt or SHA-crypt as crypt(3) and passlib write them, those of Django, or
Firebase's scrypt. They are verified at the first sign-in, which replaces them.

Whoever is imported is there completely or not at all, and one refused line does not hold up the others. A run that
was interrupted goes on where it stopped when it is repeated with the same file.`,
		Example: `  clavex user import --org acme --check people.jsonl
  clavex user import --org acme people.jsonl --refused refused.jsonl`,
	}
	needsOrganization(command, &slug)
	command.Flags().BoolVar(&check, "check", false, "write nothing, only say what would be refused")
	command.Flags().StringVar(&refusedName, "refused", "", "file to which refused lines are written, to be mended and imported; it is made anew")
	return p.operates(command, func(ctx context.Context, app *server.App, arguments []string) error {
		in, err := organization(ctx, app, slug)
		if err != nil {
			return err
		}
		source, err := os.Open(arguments[0])
		if err != nil {
			return err
		}
		defer source.Close()
		keep, done, err := keepLines(refusedName)
		if err != nil {
			return err
		}
		result := importResult{Checked: check, Faults: []importRefusal{}}
		result.Progress, err = app.Imports.File(ctx, userimport.File{Source: source, OrgID: in.ID, Actor: operator(), CheckOnly: check, Progress: p.showProgress(),
			Refused: func(refusal userimport.Refusal, line []byte) {
				if len(result.Faults) < shownFaults {
					result.Faults = append(result.Faults, importRefusal{Line: refusal.Place, Username: refusal.Username, Field: refusal.Fault.Field, Code: refusal.Fault.Code, Message: refusal.Fault.Message})
				}
				keep(line)
			}})
		if closing := done(); err == nil {
			err = closing
		}
		if err != nil {
			if result.Lines > 0 && !check && !errors.Is(err, userimport.ErrFinished) {
				fmt.Fprintf(p.stderr, "%d of %d lines are done; repeat the command to go on.\n", result.Lines, result.Total)
			}
			return err
		}
		return p.print(result, result.text)
	})
}

// keepLines writes lines to a file; to none when it has no name.
func keepLines(name string) (keep func(line []byte), done func() error, err error) {
	if name == "" {
		return func([]byte) {}, func() error { return nil }, nil
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) // hashes stand in it
	if err != nil {
		return nil, nil, err
	}
	var failed error
	return func(line []byte) {
			if _, err := file.Write(append(line, '\n')); err != nil {
				failed = err
			}
		}, func() error {
			return errors.Join(failed, file.Close())
		}, nil
}

// showProgress tells whoever waits how far it is, now and then.
func (p *program) showProgress() func(userimport.Progress) {
	began, told := time.Now(), time.Now()
	return func(progress userimport.Progress) {
		if time.Since(told) < 2*time.Second {
			return
		}
		told = time.Now()
		done := progress.Lines - progress.Resumed
		left := time.Duration(float64(time.Since(began)) / float64(max(done, 1)) * float64(progress.Total-progress.Lines))
		fmt.Fprintf(p.stderr, "%d of %d lines (%d %%), %d refused, about %s left\n", progress.Lines, progress.Total, 100*progress.Lines/max(progress.Total, 1), progress.Refused, left.Round(time.Second))
	}
}
