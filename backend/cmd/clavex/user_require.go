package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/server"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

func (p *program) requireActions() *cobra.Command {
	var names []string
	var none bool
	command := &cobra.Command{Use: "require USER", Args: cobra.ExactArgs(1), Short: "Say what a person must do at the next sign-in",
		Long: `Makes the named actions the only ones that are required of a person: change_password (choose another one),
verify_email (prove the address by a code), enrol_passkey (make a passkey), accept_terms (accept the terms in force
once more). Applications get no answer about them before; what is done is taken away. What cannot be done (no mail
is sent, passkeys are off) is refused here, and waits where it became so later.`,
		Example: "  clavex user require eva --org acme --action verify_email --action enrol_passkey\n  clavex user require eva --org acme --none"}
	command.Flags().StringArrayVar(&names, "action", nil, "change_password, verify_email, enrol_passkey or accept_terms; may be repeated")
	command.Flags().BoolVar(&none, "none", false, "nothing")
	command.MarkFlagsOneRequired("action", "none")
	command.MarkFlagsMutuallyExclusive("action", "none")
	return p.onUser(command, func(ctx context.Context, app *server.App, in *org.Organization, person userResult, _ []string) error {
		actions := make([]user.RequiredAction, len(names))
		for i, name := range names {
			actions[i] = user.RequiredAction(strings.TrimSpace(name))
		}
		err := app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			if _, err := role.Locked(ctx, tx, in.ID, person.ID); err != nil {
				return err
			}
			current, err := app.Users.ByID(ctx, tx, in.ID, person.ID)
			if err != nil {
				return err
			}
			changed := *current
			changed.RequiredActions = actions
			if err := app.MayRequire(ctx, tx, in, &changed, current.RequiredActions); err != nil {
				return err
			}
			_, err = app.Users.Update(ctx, tx, operator(), changed)
			return err
		})
		if err != nil {
			return err
		}
		after, err := findUser(ctx, app, in, person.ID.String())
		if err != nil {
			return err
		}
		return p.print(after, func(w io.Writer) {
			if len(names) == 0 {
				fmt.Fprintf(w, "Nothing is required of %s.\n", after.Username)
				return
			}
			fmt.Fprintf(w, "%s must: %s.\n", after.Username, strings.Join(names, ", "))
		})
	})
}
