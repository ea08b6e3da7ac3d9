package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/clavex/clavex/backend/internal/mail"
	"github.com/clavex/clavex/backend/internal/server"
	"github.com/clavex/clavex/backend/internal/store"
)

func (p *program) mail() *cobra.Command {
	return p.group("mail", "Outgoing mail", "Tries out how mail is sent, and says by which servers organizations send theirs.", p.testMail(), p.mailServers())
}

func (p *program) testMail() *cobra.Command {
	var to string
	command := &cobra.Command{Use: "test", Args: cobra.NoArgs, Short: "Send a mail to see that mail is sent",
		Long: `Sends one mail through the configured server, at once, and says what the server answered. Nothing else is needed:
no database is opened.`,
		Example: "  clavex mail test --to you@example.com --config /etc/clavex/clavex.yaml"}
	command.Flags().StringVar(&to, "to", "", "address that gets the mail (required)")
	_ = command.MarkFlagRequired("to") // the flag exists
	settings := readsSettings(command, false)
	command.RunE = p.does(func(ctx context.Context, _ []string) error {
		cfg, err := settings.read(p.environ)
		if err == nil {
			err = cfg.Validate(true)
		}
		if err != nil {
			return err
		}
		if !cfg.SendsMail() {
			return errors.New("mail_host is not set: see docs/configuration.md")
		}
		if _, _, err := mail.ParseAddress(to); err != nil {
			return usagef("--to: %q is not an address", to)
		}
		sender, err := server.MailServer(cfg)
		if err != nil {
			return err
		}
		text := "This is a test of Clavex at " + cfg.PublicURL + ". Mail is sent."
		err = sender.Send(ctx, mail.Message{ID: store.NewID().String(), To: to, Subject: "Clavex can send mail", Text: text + "\n", HTML: "<p>" + text + "</p>\n"})
		if err != nil {
			return errors.New(mailProblem(err))
		}
		return p.print(map[string]string{"to": to, "server": cfg.MailHost}, func(w io.Writer) { fmt.Fprintf(w, "%s took the mail to %s.\n", cfg.MailHost, to) })
	})
	return command
}

// mailProblem is what an operator reads, the server's own words included.
func mailProblem(err error) string {
	var failed *mail.Error
	if !errors.As(err, &failed) {
		return err.Error()
	}
	words := failed.Words()
	if cause := errors.Unwrap(failed); cause != nil {
		words += ": " + cause.Error()
	}
	return words
}

// checkMail connects to the mail server as serve would and sends nothing.
func (e *examination) checkMail(ctx context.Context) {
	if !e.cfg.SendsMail() {
		e.ok("mail", "not used; people can sign up only where the organization has a mail server of its own")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	sender, err := server.MailServer(e.cfg)
	if err == nil {
		err = sender.Check(ctx)
	}
	var failed *mail.Error
	switch {
	case errors.As(err, &failed):
		advice := "check mail_host, mail_port and the network"
		switch failed.Code {
		case mail.CodeTLS:
			advice = "check mail_tls and mail_port; fetch_ca_file adds an authority of your own"
		case mail.CodeAuthentication:
			advice = "check mail_username and mail_password"
		}
		e.problem("mail", mailProblem(err), advice)
	case err != nil:
		e.problem("mail", err.Error(), "see docs/configuration.md")
	default:
		e.ok("mail", "%s:%d takes our mail (%s); try it with: clavex mail test --to you@example.com", e.cfg.MailHost, e.cfg.MailPort, e.cfg.MailTLS)
	}
}
