package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/clavex/clavex/backend/internal/mail"
	"github.com/clavex/clavex/backend/internal/mailserver"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/server"
	"github.com/clavex/clavex/backend/internal/store"
)

func (p *program) mailServers() *cobra.Command {
	return p.group("server", "Mail servers of organizations", "Shows, sets, tries and removes the mail server of an organization that sends its mail itself.",
		p.showMailServer(), p.setMailServer(), p.testMailServer(), p.removeMailServer())
}

// onMailServer makes a command that works on the mail server of an organization.
func (p *program) onMailServer(command *cobra.Command, work func(ctx context.Context, app *server.App, of *org.Organization, current *mailserver.Server) error) *cobra.Command {
	command.Args = cobra.ExactArgs(1)
	return p.operates(command, func(ctx context.Context, app *server.App, arguments []string) error {
		of, err := organization(ctx, app, arguments[0])
		if err != nil {
			return err
		}
		current, err := app.MailServers.Of(ctx, app.Store, of.ID)
		if err != nil {
			return err
		}
		return work(ctx, app, of, current)
	})
}

func (p *program) showMailServer() *cobra.Command {
	command := &cobra.Command{Use: "show NAME", Short: "Show by which server an organization's mail goes out",
		Long: "Shows by which server an organization's mail goes out. The password is not shown.", Example: "  clavex mail server show acme"}
	return p.onMailServer(command, func(_ context.Context, app *server.App, _ *org.Organization, current *mailserver.Server) error {
		return p.printMailServer(app, current)
	})
}

func (p *program) printMailServer(app *server.App, current *mailserver.Server) error {
	if current.Version == 0 {
		by, words := "nobody", "Nobody: neither the organization nor this installation has a mail server."
		if app.Mails.Installed() {
			by, words = "installation", "The mail server of this installation."
		}
		return p.print(map[string]string{"sends_by": by}, func(w io.Writer) { fmt.Fprintln(w, words) })
	}
	result := struct {
		SendsBy string `json:"sends_by"`
		*mailserver.Server
	}{"organization", current}
	return p.print(result, func(w io.Writer) {
		details(w, "Server", fmt.Sprintf("%s:%d", current.Host, current.Port), "TLS", string(current.TLS), "User name", current.Username, "From", current.From,
			"Answers to", current.ReplyTo, "Changed", moment(current.UpdatedAt))
	})
}

func (p *program) setMailServer() *cobra.Command {
	var wanted mailserver.Server
	var mode, passwordFile string
	command := &cobra.Command{Use: "set NAME", Short: "Send an organization's mail by a server of its own",
		Long: `Sends an organization's mail by a server of its own, from the next mail on. What is not named stays as it is. Without
--password-file the present password stays, unless host, port or user name are others.`,
		Example: `  clavex mail server set acme --host smtp.acme.example --port 587 --username clavex --password-file - --from "Acme <no-reply@acme.example>"
  clavex mail server set acme --reply-to help@acme.example`}
	flags := command.Flags()
	flags.StringVar(&wanted.Host, "host", "", "the server's name, such as smtp.acme.example")
	flags.IntVar(&wanted.Port, "port", 0, "its port: 587, or 465 with --tls implicit")
	flags.StringVar(&mode, "tls", "", "how the connection is protected: starttls (after connecting) or implicit (from the first byte)")
	flags.StringVar(&wanted.Username, "username", "", "as whom it knows the organization; \"\" when it asks for nobody")
	flags.StringVar(&passwordFile, "password-file", "", "file with the password; - for standard input")
	flags.StringVar(&wanted.From, "from", "", "whose mail it is: an address, with or without a name")
	flags.StringVar(&wanted.ReplyTo, "reply-to", "", "where answers go: an address, with or without a name")
	command.MarkFlagsOneRequired("host", "port", "tls", "username", "password-file", "from", "reply-to")
	return p.onMailServer(command, func(ctx context.Context, app *server.App, of *org.Organization, current *mailserver.Server) error {
		var password *string
		if passwordFile != "" {
			content, err := p.file(passwordFile)
			if err != nil {
				return err
			}
			password = new(strings.TrimRight(string(content), "\r\n"))
		}
		wanted.TLS = mail.TLSMode(mode)
		changed := *current
		for name, take := range map[string]func(){
			"host": func() { changed.Host = wanted.Host }, "port": func() { changed.Port = wanted.Port }, "tls": func() { changed.TLS = wanted.TLS },
			"username": func() { changed.Username = wanted.Username }, "from": func() { changed.From = wanted.From }, "reply-to": func() { changed.ReplyTo = wanted.ReplyTo },
		} {
			if flags.Changed(name) {
				take()
			}
		}
		if changed.Port == 0 {
			changed.Port = 587
		}
		var set *mailserver.Server
		err := app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			set, err = app.MailServers.Set(ctx, tx, operator(), changed, password)
			return err
		})
		if err != nil {
			return err
		}
		return p.printMailServer(app, set)
	})
}

func (p *program) testMailServer() *cobra.Command {
	var to string
	command := &cobra.Command{Use: "test NAME", Short: "Send a mail by an organization's own server",
		Long: "Sends one mail by the organization's own server, at once, and says what the server answered.", Example: "  clavex mail server test acme --to you@example.com"}
	command.Flags().StringVar(&to, "to", "", "address that gets the mail (required)")
	_ = command.MarkFlagRequired("to") // the flag exists
	return p.onMailServer(command, func(ctx context.Context, app *server.App, of *org.Organization, current *mailserver.Server) error {
		if _, _, err := mail.ParseAddress(to); err != nil {
			return usagef("--to: %q is not an address", to)
		}
		sender, err := app.MailServers.Sender(ctx, of.ID)
		if err != nil {
			return err
		}
		if sender == nil {
			return mailserver.ErrNotFound
		}
		if err := sender.Send(ctx, mail.Trial(store.NewID().String(), to, of.DisplayName)); err != nil {
			return errors.New(mailProblem(err))
		}
		return p.print(map[string]string{"to": to, "server": current.Host}, func(w io.Writer) { fmt.Fprintf(w, "%s took the mail to %s.\n", current.Host, to) })
	})
}

func (p *program) removeMailServer() *cobra.Command {
	command := &cobra.Command{Use: "remove NAME", Short: "Send an organization's mail by the installation's server again",
		Long: `Sends an organization's mail by the installation's server again. Where that has none, its people cannot be written to
any more: they cannot sign up, nor choose a forgotten password anew.`, Example: "  clavex mail server remove acme"}
	return p.onMailServer(command, func(ctx context.Context, app *server.App, of *org.Organization, current *mailserver.Server) error {
		err := app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			return app.MailServers.Remove(ctx, tx, operator(), of.ID, current.Version)
		})
		if err != nil {
			return err
		}
		return p.printMailServer(app, &mailserver.Server{OrgID: of.ID})
	})
}
