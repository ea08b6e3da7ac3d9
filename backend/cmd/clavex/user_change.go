package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
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

func (p *program) disableUser() *cobra.Command {
	var yes bool
	command := &cobra.Command{Use: "disable USER", Args: cobra.ExactArgs(1), Short: "Keep a person from signing in",
		Long:    "Keeps a person from signing in, ends their sessions and revokes what applications may do for them.\nenable lets them sign in again.",
		Example: "  clavex user disable eva --org acme --yes"}
	command.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return p.onUser(command, func(ctx context.Context, app *server.App, in *org.Organization, person userResult, _ []string) error {
		if err := p.confirm(ctx, yes, "This ends all sessions of "+person.Username+" at "+in.Slug+" and keeps them from signing in.", person.Username); err != nil {
			return err
		}
		err := app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			if err := protectLast(ctx, tx, app, in, person.User); err != nil {
				return err
			}
			changed := *person.User
			changed.Status = user.Disabled
			if _, err := app.Users.Update(ctx, tx, operator(), changed); err != nil {
				return err
			}
			return app.Sessions.EndAll(ctx, tx, operator(), in.ID, person.ID, uuid.Nil, "account disabled")
		})
		return p.tellChanged(ctx, app, in, person.User, err, "is disabled and signed out everywhere")
	})
}

func (p *program) enableUser() *cobra.Command {
	command := &cobra.Command{Use: "enable USER", Args: cobra.ExactArgs(1), Short: "Let a disabled person sign in again, or keep the account of one who leaves",
		Long:    "Lets a disabled person sign in again. The account of somebody who asked that it be erased is kept,\nand a mail tells them.",
		Example: "  clavex user enable eva --org acme"}
	return p.onUser(command, func(ctx context.Context, app *server.App, in *org.Organization, person userResult, _ []string) error {
		err := app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			changed := *person.User
			changed.Status = user.Active
			kept, err := app.Users.Update(ctx, tx, operator(), changed)
			if err != nil || person.Status != user.Leaving {
				return err
			}
			texts, err := text.Load()
			if err != nil {
				return err
			}
			return notice.Letters{Mails: app.Mails, Texts: texts, Issuers: app.Issuers, Now: app.Now}.Kept(ctx, tx, in, kept)
		})
		return p.tellChanged(ctx, app, in, person.User, err, "may sign in")
	})
}

func (p *program) deleteUser() *cobra.Command {
	var yes bool
	command := &cobra.Command{Use: "delete USER", Args: cobra.ExactArgs(1), Short: "Delete a person", Long: "Deletes a person with their credentials, sessions and grants, for ever. The audit log keeps what they did.",
		Example: "  clavex user delete eva --org acme --yes"}
	command.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return p.onUser(command, func(ctx context.Context, app *server.App, in *org.Organization, person userResult, _ []string) error {
		if err := p.confirm(ctx, yes, "This deletes "+person.Username+" from "+in.Slug+" for ever.", person.Username); err != nil {
			return err
		}
		err := app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			if err := protectLast(ctx, tx, app, in, person.User); err != nil {
				return err
			}
			if err := app.Sessions.EndAll(ctx, tx, operator(), in.ID, person.ID, uuid.Nil, "account deleted"); err != nil {
				return err
			}
			return app.Users.Delete(ctx, tx, operator(), in.ID, person.ID, person.Version)
		})
		if err != nil {
			return err
		}
		return p.print(map[string]any{"id": person.ID, "username": person.Username, "deleted": true}, func(w io.Writer) { fmt.Fprintf(w, "%s is deleted.\n", person.Username) })
	})
}

func (p *program) setRoles() *cobra.Command {
	var names []string
	var none bool
	command := &cobra.Command{Use: "set-roles USER", Args: cobra.ExactArgs(1), Short: "Say which roles a person has",
		Long: "Makes the named roles the person's only ones. It takes effect with their next request.\nThe roles: " + roleNames() +
			";\nplatform-administrator exists in the organization system only.",
		Example: "  clavex user set-roles eva --org acme --role organization-administrator\n  clavex user set-roles eva --org acme --none"}
	command.Flags().StringArrayVar(&names, "role", nil, "role; may be repeated")
	command.Flags().BoolVar(&none, "none", false, "no roles")
	command.MarkFlagsOneRequired("role", "none")
	command.MarkFlagsMutuallyExclusive("role", "none")
	return p.onUser(command, func(ctx context.Context, app *server.App, in *org.Organization, person userResult, _ []string) error {
		err := app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			return setRoles(ctx, tx, app, in, person.User, toRoles(names))
		})
		if err != nil {
			return err
		}
		after, err := findUser(ctx, app, in, person.ID.String())
		if err != nil {
			return err
		}
		return p.print(after, func(w io.Writer) {
			if len(after.Roles) == 0 {
				fmt.Fprintf(w, "%s has no roles.\n", after.Username)
				return
			}
			fmt.Fprintf(w, "%s is %s.\n", after.Username, strings.ReplaceAll(joined(after.Roles), "-", " "))
		})
	})
}

func (p *program) oneTimeLink() *cobra.Command {
	var lifetime time.Duration
	command := &cobra.Command{Use: "one-time-link USER", Args: cobra.ExactArgs(1), Short: "Print a link with which a person chooses a new password",
		Long:    "Prints a link with which a person chooses a new password, once. Earlier links of theirs stop working; the\npresent password works until a new one is chosen.",
		Example: "  clavex user one-time-link eva --org acme --lifetime 1h"}
	command.Flags().DurationVar(&lifetime, "lifetime", credential.LinkLifetime, "how long the link works")
	return p.onUser(command, func(ctx context.Context, app *server.App, in *org.Organization, person userResult, _ []string) error {
		if err := validLifetime(lifetime); err != nil {
			return err
		}
		if person.Status != user.Active {
			return fmt.Errorf("%s is "+string(person.Status)+" and could not use a link; first: clavex user enable %s --org %s", person.Username, person.ID, in.Slug)
		}
		err := app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			person.Link, err = makeLink(ctx, tx, app, in, person.User, lifetime)
			return err
		})
		if err != nil {
			return err
		}
		return p.print(person, person.text)
	})
}

// protectLast refuses to take away the last platform administrator. The roles are read inside the
// transaction: nobody else gives or takes them before it ends.
func protectLast(ctx context.Context, tx *store.Tx, app *server.App, in *org.Organization, person *user.User) error {
	if in.Slug != org.SystemSlug {
		return nil
	}
	held, err := role.Locked(ctx, tx, in.ID, person.ID)
	if err != nil || !slices.Contains(held, role.PlatformAdministrator) {
		return err
	}
	return app.Roles.EnsureNotLast(ctx, tx, in.ID, person.ID)
}

// tellChanged prints a person after a change.
func (p *program) tellChanged(ctx context.Context, app *server.App, in *org.Organization, person *user.User, err error, what string) error {
	if err != nil {
		return err
	}
	after, err := findUser(ctx, app, in, person.ID.String())
	if err != nil {
		return err
	}
	return p.print(after, func(w io.Writer) { fmt.Fprintf(w, "%s %s.\n", after.Username, what) })
}
