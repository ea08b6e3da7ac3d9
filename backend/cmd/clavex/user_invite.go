package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/notice"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/server"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/text"
)

// invitation is what became of one.
type invitation struct {
	State     credential.InvitationState `json:"state"`
	Email     string                     `json:"email"`
	SentAt    time.Time                  `json:"sent_at"`
	ExpiresAt time.Time                  `json:"expires_at"`
}

func (p *program) inviteUser() *cobra.Command {
	var slug string
	var roles []string
	wanted := user.User{}
	command := &cobra.Command{
		Use: "invite [USER]", Args: cobra.MaximumNArgs(1), Short: "Invite a person by mail, or invite them again",
		Long: `Creates a person without a password and sends a mail whose link lets them choose how they sign in, once, which
proves their address. With USER (a username, an e-mail address or an id) it invites somebody again who exists and
has nothing to sign in by; the earlier link is worthless then. How long a link works the organization says
(org update --invitation-lifetime-days). Nobody is invited to the organization system: make one-time links there.
The roles of administrators: ` + roleNames() + ".",
		Example: `  clavex user invite --org acme --email eva@acme.example --name "Eva Rossi" --locale it
  clavex user invite eva@acme.example --org acme`,
	}
	flags := command.Flags()
	needsOrganization(command, &slug)
	flags.StringVar(&wanted.Email, "email", "", "where the invitation goes; works for signing in, too")
	flags.StringVar(&wanted.Username, "username", "", "what they sign in with; the e-mail address unless given")
	flags.StringVar(&wanted.Profile.Name, "name", "", "full name")
	flags.StringVar(&wanted.Profile.GivenName, "given-name", "", "given name")
	flags.StringVar(&wanted.Profile.FamilyName, "family-name", "", "family name")
	flags.StringVar(&wanted.Profile.Locale, "locale", "", "language, such as it-IT; of the mail, too")
	flags.StringArrayVar(&roles, "role", nil, "role of an administrator; may be repeated")
	return p.operates(command, func(ctx context.Context, app *server.App, arguments []string) error {
		if (len(arguments) == 1) == (wanted.Email != "") {
			return usagef("name either somebody who exists or the --email of somebody new")
		}
		in, err := organization(ctx, app, slug)
		if err != nil {
			return err
		}
		texts, err := text.Load()
		if err != nil {
			return err
		}
		letters := notice.Letters{Mails: app.Mails, Texts: texts, Issuers: app.Issuers, Now: app.Now}
		var invited userResult
		if len(arguments) == 1 {
			invited, err = findUser(ctx, app, in, arguments[0])
			if err != nil {
				return err
			}
		}
		err = app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			if invited.User == nil {
				invited.User, err = newcomer(ctx, tx, app, in, wanted, toRoles(roles))
			} else if _, err = role.Locked(ctx, tx, in.ID, invited.ID); err == nil {
				invited.User, err = app.Users.ByID(ctx, tx, in.ID, invited.ID)
			}
			if err != nil {
				return err
			}
			return letters.Invite(ctx, tx, app.Invitations, operator(), in, invited.User)
		})
		if err != nil {
			return err
		}
		all, err := app.Invitations.Of(ctx, app.Store, in.ID, invited.ID)
		if err != nil {
			return err
		}
		sent := invitation{all[invited.ID].State, all[invited.ID].Email, all[invited.ID].SentAt, all[invited.ID].ExpiresAt}
		return p.print(map[string]any{"id": invited.ID, "username": invited.Username, "invitation": sent}, func(w io.Writer) {
			fmt.Fprintf(w, "%s is invited: a mail goes to %s, and its link works until %s.\n", invited.Username, sent.Email, moment(sent.ExpiresAt))
		})
	})
}

// newcomer makes the person who is about to be invited.
func newcomer(ctx context.Context, tx *store.Tx, app *server.App, in *org.Organization, wanted user.User, roles []role.Role) (*user.User, error) {
	wanted.OrgID = in.ID
	if wanted.Username == "" {
		wanted.Username = wanted.Email
	}
	made, err := app.Users.Create(ctx, tx, operator(), wanted)
	if err != nil {
		return nil, err
	}
	return made, setRoles(ctx, tx, app, in, made, roles)
}

func (p *program) revokeInvitation() *cobra.Command {
	command := &cobra.Command{Use: "revoke-invitation USER", Args: cobra.ExactArgs(1), Short: "Make the link of an invitation worthless",
		Long:    "Makes the link of the mail worthless with which a person was invited. The person stays, without a way to sign in.",
		Example: "  clavex user revoke-invitation eva@acme.example --org acme"}
	return p.onUser(command, func(ctx context.Context, app *server.App, in *org.Organization, person userResult, _ []string) error {
		err := app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			return app.Invitations.Revoke(ctx, tx, operator(), in.ID, person.ID)
		})
		if err != nil {
			return err
		}
		return p.print(map[string]any{"id": person.ID, "username": person.Username, "invitation": credential.InvitationRevoked}, func(w io.Writer) {
			fmt.Fprintf(w, "The invitation of %s is worthless now.\n", person.Username)
		})
	})
}
