package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/clavex/clavex/backend/internal/notice"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/server"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/web/letter"
	"github.com/clavex/clavex/backend/internal/web/text"
)

func (p *program) resetSecondFactor() *cobra.Command {
	var yes bool
	command := &cobra.Command{Use: "reset-second-factor USER", Args: cobra.ExactArgs(1), Short: "Remove the authenticator app that a person has lost",
		Long: `Removes the authenticator app and the recovery codes of a person who has lost them, ends their sessions and tells them
by mail. Where a second factor is required they add another one at the next sign-in. Make sure that it is them who ask.`,
		Example: "  clavex user reset-second-factor eva --org acme --yes"}
	command.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return p.onUser(command, func(ctx context.Context, app *server.App, in *org.Organization, person userResult, _ []string) error {
		if err := p.confirm(ctx, yes, "This removes the second factor of "+person.Username+" at "+in.Slug+" and ends all their sessions.", person.Username); err != nil {
			return err
		}
		texts, err := text.Load()
		if err != nil {
			return err
		}
		letters := notice.Letters{Mails: app.Mails, Texts: texts, Issuers: app.Issuers, Now: app.Now}
		err = app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			if err := app.SecondFactors.Remove(ctx, tx, operator(), in.ID, person.ID); err != nil {
				return err
			}
			if _, err := app.Sessions.EndEverywhere(ctx, tx, operator(), in.ID, person.ID, "second factor reset"); err != nil {
				return err
			}
			return letters.FactorChanged(ctx, tx, in, person.User, letter.FactorReset)
		})
		if err != nil {
			return err
		}
		return p.print(map[string]any{"id": person.ID, "username": person.Username, "second_factor": false}, func(w io.Writer) {
			fmt.Fprintf(w, "%s has no second factor any more and is signed out everywhere.\n", person.Username)
		})
	})
}
