package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/server"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

func (p *program) users() *cobra.Command {
	return p.group("user", "The people of an organization", `Creates, imports, lists, disables and deletes people, gives them roles, and makes one-time links with which they
choose a password.

The first administrator:
  clavex user create --org system --username you@example.com --role platform-administrator`,
		p.createUser(), p.inviteUser(), p.revokeInvitation(), p.requireActions(), p.importUsers(), p.listUsers(), p.showUser(), p.disableUser(), p.enableUser(), p.deleteUser(), p.setRoles(), p.oneTimeLink(), p.resetSecondFactor())
}

// userResult is a person with their roles.
type userResult struct {
	*user.User
	Roles []role.Role `json:"roles"`
	Link  *link       `json:"one_time_link,omitempty"`
}

// link is a one-time link, which nobody can read again.
type link struct {
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (r userResult) text(w io.Writer) {
	verified := map[bool]string{true: " (verified)"}
	email := r.Email
	if email != "" {
		email += verified[r.EmailVerified]
	}
	var actions []string
	for _, action := range r.RequiredActions {
		actions = append(actions, string(action))
	}
	details(w, "Username", r.Username, "Name", r.Profile.Name, "E-mail", email, "Status", string(r.Status), "Roles", joined(r.Roles),
		"Must", strings.Join(actions, ", "), "Id", r.ID.String(), "Created", moment(r.CreatedAt))
	if r.Link != nil {
		fmt.Fprintf(w, "\nGive this link to %s, who chooses a password with it. It works once, until %s:\n\n  %s\n\n", r.Username, moment(r.Link.ExpiresAt), r.Link.URL)
	}
}

func joined(roles []role.Role) string {
	texts := make([]string, len(roles))
	for i, r := range roles {
		texts[i] = string(r)
	}
	return strings.Join(texts, ", ")
}

// roleNames lists the roles for help texts.
func roleNames() string { return joined(role.BuiltIn()) }

func toRoles(names []string) []role.Role {
	roles := make([]role.Role, len(names))
	for i, name := range names {
		roles[i] = role.Role(strings.TrimSpace(name))
	}
	return roles
}

func (p *program) createUser() *cobra.Command {
	var slug string
	var roles []string
	var lifetime time.Duration
	wanted := user.User{}
	command := &cobra.Command{
		Use: "create", Args: cobra.NoArgs, Short: "Create a person and print a one-time link",
		Long: "Creates a person without a password and prints a one-time link. Whoever opens it chooses the password, once.\n" +
			"The roles of administrators: " + roleNames() + ".",
		Example: `  clavex user create --org system --username you@example.com --role platform-administrator
  clavex user create --org acme --username eva --email eva@acme.example --email-verified --name "Eva Rossi"`,
	}
	flags := command.Flags()
	needsOrganization(command, &slug)
	flags.StringVar(&wanted.Username, "username", "", "what they sign in with (required)")
	flags.StringVar(&wanted.Email, "email", "", "e-mail address; works for signing in, too")
	flags.BoolVar(&wanted.EmailVerified, "email-verified", false, "the address is known to be theirs")
	flags.StringVar(&wanted.Profile.Name, "name", "", "full name")
	flags.StringVar(&wanted.Profile.GivenName, "given-name", "", "given name")
	flags.StringVar(&wanted.Profile.FamilyName, "family-name", "", "family name")
	flags.StringVar(&wanted.Profile.Locale, "locale", "", "language, such as it-IT")
	flags.StringArrayVar(&roles, "role", nil, "role of an administrator; may be repeated")
	flags.DurationVar(&lifetime, "link-lifetime", credential.LinkLifetime, "how long the link works")
	_ = command.MarkFlagRequired("username") // the flag exists
	return p.operates(command, func(ctx context.Context, app *server.App, _ []string) error {
		if err := validLifetime(lifetime); err != nil {
			return err
		}
		in, err := organization(ctx, app, slug)
		if err != nil {
			return err
		}
		var result userResult
		err = app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			person := wanted
			person.OrgID = in.ID
			made, err := app.Users.Create(ctx, tx, operator(), person)
			if err != nil {
				return err
			}
			result = userResult{User: made, Roles: toRoles(roles)}
			if err := setRoles(ctx, tx, app, in, made, result.Roles); err != nil {
				return err
			}
			result.Link, err = makeLink(ctx, tx, app, in, made, lifetime)
			return err
		})
		if err != nil {
			return err
		}
		return p.print(result, result.text)
	})
}

func setRoles(ctx context.Context, tx *store.Tx, app *server.App, in *org.Organization, person *user.User, roles []role.Role) error {
	grantor := role.Grantor{Actor: operator(), Platform: true}
	return app.Roles.Set(ctx, tx, grantor, in.ID, person.ID, in.Slug == org.SystemSlug, roles)
}

func makeLink(ctx context.Context, tx *store.Tx, app *server.App, in *org.Organization, person *user.User, lifetime time.Duration) (*link, error) {
	token, expires, err := app.Links.CreateFor(ctx, tx, operator(), in.ID, person.ID, lifetime)
	if err != nil {
		return nil, err
	}
	return &link{URL: app.Issuers.Endpoint(in, "login/link") + "?token=" + token, ExpiresAt: expires}, nil
}

func validLifetime(lifetime time.Duration) error {
	if lifetime < time.Minute || lifetime > 30*24*time.Hour {
		return usagef("the link's lifetime must be between 1m and 720h")
	}
	return nil
}

// findUser finds a person by username, e-mail address or id, with their roles.
func findUser(ctx context.Context, app *server.App, in *org.Organization, identifier string) (userResult, error) {
	var found *user.User
	var err error
	if id, malformed := uuid.Parse(identifier); malformed == nil {
		found, err = app.Users.ByID(ctx, app.Store, in.ID, id)
	} else {
		found, _, err = app.Users.ByIdentifier(ctx, app.Store, in.ID, identifier)
	}
	if err != nil {
		return userResult{}, err
	}
	roles, err := role.Of(ctx, app.Store, in.ID, found.ID)
	return userResult{User: found, Roles: roles}, err
}

// onUser makes a command that works on one person of an organization.
func (p *program) onUser(command *cobra.Command, work func(ctx context.Context, app *server.App, in *org.Organization, person userResult, arguments []string) error) *cobra.Command {
	var slug string
	needsOrganization(command, &slug)
	command.Long += "\nUSER is a username, an e-mail address or an id."
	return p.operates(command, func(ctx context.Context, app *server.App, arguments []string) error {
		in, err := organization(ctx, app, slug)
		if err != nil {
			return err
		}
		person, err := findUser(ctx, app, in, arguments[0])
		if err != nil {
			return err
		}
		return work(ctx, app, in, person, arguments[1:])
	})
}

func (p *program) listUsers() *cobra.Command {
	var list listing
	var slug string
	command := &cobra.Command{Use: "list", Args: cobra.NoArgs, Short: "List people", Long: "Lists an organization's people by username.",
		Example: "  clavex user list --org acme --search eva\n  clavex user list --org acme --status disabled --limit 0 --json"}
	needsOrganization(command, &slug)
	list.flags(command, "username, e-mail address, name or family name")
	return p.operates(command, func(ctx context.Context, app *server.App, _ []string) error {
		if err := oneOf("--status", list.status, "", string(user.Active), string(user.Disabled), string(user.Leaving)); err != nil {
			return err
		}
		in, err := organization(ctx, app, slug)
		if err != nil {
			return err
		}
		rows, more, err := collect(list.limit, func(after *user.Listed, limit int32) ([]user.Listed, error) {
			wanted := user.Filter{Search: list.search, Status: user.Status(list.status), Limit: limit}
			if after != nil {
				wanted.After = &after.Position
			}
			return app.Users.List(ctx, app.Store, in.ID, wanted)
		})
		if err != nil {
			return err
		}
		people := make([]*user.User, len(rows))
		for i, row := range rows {
			people[i] = row.User
		}
		p.sayIfMore(more)
		return p.print(people, func(w io.Writer) {
			table(w, "USERNAME E-MAIL STATUS CREATED NAME", func(line func(...string)) {
				for _, person := range people {
					line(person.Username, person.Email, string(person.Status), moment(person.CreatedAt), person.Profile.Name)
				}
			})
		})
	})
}

func (p *program) showUser() *cobra.Command {
	command := &cobra.Command{Use: "show USER", Args: cobra.ExactArgs(1), Short: "Show a person", Long: "Shows a person with their roles.",
		Example: "  clavex user show eva --org acme --json"}
	return p.onUser(command, func(_ context.Context, _ *server.App, _ *org.Organization, person userResult, _ []string) error {
		return p.print(person, person.text)
	})
}
