// Package dev seeds the database of `clavex dev`: the organizations, people and applications of the demo,
// with passwords and secrets that everybody knows. Production (`clavex serve`) never calls it.
//
// Seeding adds what is missing and changes nothing that is there: what a developer changed stays changed,
// what they deleted comes back at the next start, because the printed logins must exist. Each organization
// is seeded in one transaction.
package dev

import (
	"context"
	"fmt"
	"slices"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/resource"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/server"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// DemoSlug names the organization with the demo's people and applications.
const DemoSlug = "demo"

// Login is a person whom a developer can sign in as.
type Login struct {
	Organization string      `json:"organization"`
	Username     string      `json:"username"`
	Password     string      `json:"password"`
	Roles        []role.Role `json:"roles,omitempty"`
}

// Application is a seeded client.
type Application struct {
	Organization string `json:"organization"`
	ClientID     string `json:"client_id"`
	Secret       string `json:"client_secret,omitempty"` // "" for a public client
	Purpose      string `json:"purpose"`
}

// Logins lists the seeded people.
func Logins() []Login {
	var logins []Login
	for _, organization := range organizations() {
		for _, person := range organization.people {
			logins = append(logins, Login{Organization: organization.slug, Username: person.Username, Password: person.password, Roles: person.roles})
		}
	}
	return logins
}

// Applications lists the seeded clients.
func Applications() []Application {
	var applications []Application
	for _, organization := range organizations() {
		for _, c := range organization.clients {
			applications = append(applications, Application{Organization: organization.slug, ClientID: c.ClientID, Secret: c.secret, Purpose: c.Name})
		}
	}
	return applications
}

// Seed adds what is missing of the demo. The schema must be this release's. An organization that is
// suspended or being deleted is left alone.
func Seed(ctx context.Context, app *server.App) error {
	if _, err := app.Organizations.EnsureSystem(ctx, actor()); err != nil {
		return err
	}
	for _, seeds := range organizations() {
		if err := seed(ctx, app, seeds); err != nil {
			return fmt.Errorf("seed the organization %s: %w", seeds.slug, err)
		}
	}
	return nil
}

func actor() audit.Actor { return audit.Actor{Kind: audit.System, Name: "clavex dev"} }

// missing is what of an organization's seeds is not in the database.
type missing struct {
	existing *org.Organization // nil when the organization itself is missing
	people   []person
	hashes   []credential.Hashed // of people, by position
	clients  []application

	resources []resource.Resource
}

func seed(ctx context.Context, app *server.App, seeds organization) error {
	todo, err := compare(ctx, app, seeds)
	if err != nil || todo.existing != nil && (todo.existing.Status != org.Active || len(todo.people)+len(todo.clients)+len(todo.resources) == 0) {
		return err
	}
	var made *org.Organization
	err = app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		if made = todo.existing; made == nil {
			made, err = app.Organizations.Create(ctx, tx, actor(), org.NewOrganization{Slug: seeds.slug, DisplayName: seeds.displayName, Branding: seeds.branding, Policies: seeds.policies})
			if err != nil {
				return err
			}
		}
		for i, wanted := range todo.people {
			if err := addPerson(ctx, tx, app, made, wanted, todo.hashes[i]); err != nil {
				return err
			}
		}
		for _, wanted := range todo.clients {
			wanted.OrgID, wanted.Origin = made.ID, client.Administrator
			if _, _, err := app.Clients.Create(ctx, tx, actor(), wanted.Client, wanted.secret); err != nil {
				return err
			}
		}
		for _, wanted := range todo.resources {
			wanted.OrgID = made.ID
			if _, err := app.Resources.Create(ctx, tx, actor(), wanted); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		app.Organizations.Forget(made)
		app.Resources.Forget(made.ID)
	}
	return err
}

// compare finds what is missing and hashes the passwords that will be needed, which must not happen
// inside a transaction.
func compare(ctx context.Context, app *server.App, seeds organization) (missing, error) {
	todo := missing{people: seeds.people, clients: seeds.clients, resources: seeds.resources}
	existing, err := app.Organizations.BySlug(ctx, seeds.slug)
	switch {
	case err == nil:
		todo = missing{existing: existing}
		if err := todo.compareContents(ctx, app, seeds); err != nil {
			return missing{}, err
		}
	case !fault.IsKind(err, fault.NotFound):
		return missing{}, err
	}
	for _, wanted := range todo.people {
		// The organization is only whose turn in the queue the work takes.
		hashed, err := app.Passwords.HashPreset(ctx, store.NewID(), wanted.password)
		if err != nil {
			return missing{}, err
		}
		todo.hashes = append(todo.hashes, hashed)
	}
	return todo, nil
}

func (m *missing) compareContents(ctx context.Context, app *server.App, seeds organization) error {
	for _, wanted := range seeds.people {
		if _, _, err := app.Users.ByIdentifier(ctx, app.Store, m.existing.ID, wanted.Username); fault.IsKind(err, fault.NotFound) {
			m.people = append(m.people, wanted)
		} else if err != nil {
			return err
		}
	}
	for _, wanted := range seeds.clients {
		if _, err := app.Clients.ByClientID(ctx, m.existing.ID, wanted.ClientID); fault.IsKind(err, fault.NotFound) {
			m.clients = append(m.clients, wanted)
		} else if err != nil {
			return err
		}
	}
	present, err := app.Resources.All(ctx, m.existing.ID)
	for _, wanted := range seeds.resources {
		if !slices.ContainsFunc(present, func(known *resource.Resource) bool { return known.Identifier == wanted.Identifier }) {
			m.resources = append(m.resources, wanted)
		}
	}
	return err
}

func addPerson(ctx context.Context, tx *store.Tx, app *server.App, organization *org.Organization, wanted person, hashed credential.Hashed) error {
	wanted.OrgID = organization.ID
	made, err := app.Users.Create(ctx, tx, actor(), wanted.User)
	if err != nil {
		return err
	}
	if err := app.Passwords.Store(ctx, tx, actor(), organization.ID, made.ID, hashed); err != nil {
		return err
	}
	if len(wanted.roles) == 0 {
		return nil
	}
	return app.Roles.Set(ctx, tx, role.Grantor{Actor: actor(), Platform: true}, organization.ID, made.ID, organization.Slug == org.SystemSlug, wanted.roles)
}

// person is somebody of the demo.
type person struct {
	user.User
	password string
	roles    []role.Role
}

// application is a client of the demo.
type application struct {
	client.Client
	secret string
}

// organization is an organization of the demo with what it contains.
type organization struct {
	slug, displayName string
	branding          org.Branding
	policies          org.Policies
	people            []person
	clients           []application
	resources         []resource.Resource
}
