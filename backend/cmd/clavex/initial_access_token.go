package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/server"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/filter"
)

func (p *program) initialAccessTokens() *cobra.Command {
	return p.group("initial-access-token", "Tokens with which applications register themselves",
		"Issues, lists and revokes initial access tokens (RFC 7591): whoever has one may register applications\nat the organization's registration endpoint.",
		p.createInitialAccessToken(), p.listInitialAccessTokens(), p.revokeInitialAccessToken())
}

// tokenResult is an initial access token, with its value only when it is new.
type tokenResult struct {
	*client.InitialAccessToken
	Value string `json:"value,omitempty"`
}

func (p *program) createInitialAccessToken() *cobra.Command {
	var slug string
	var days int
	wanted := client.InitialAccessToken{}
	command := &cobra.Command{
		Use: "create", Args: cobra.NoArgs, Short: "Issue an initial access token and print it",
		Long:    "Issues an initial access token, which is printed now and never again.",
		Example: "  clavex client initial-access-token create --org acme --name \"Partner portal\" --uses 10 --days 14",
	}
	needsOrganization(command, &slug)
	command.Flags().StringVar(&wanted.Name, "name", "", "what it is for, for administrators (required)")
	command.Flags().IntVar(&wanted.MaxUses, "uses", 0, "how many applications may be registered with it (default any number)")
	command.Flags().IntVar(&days, "days", 30, "for how many days it is good")
	_ = command.MarkFlagRequired("name") // the flag exists
	return p.operates(command, func(ctx context.Context, app *server.App, _ []string) error {
		if days < 1 || days > 366 {
			return usagef("--days: choose between 1 and 366")
		}
		in, err := organization(ctx, app, slug)
		if err != nil {
			return err
		}
		wanted.OrgID, wanted.ExpiresAt = in.ID, app.Now().Add(time.Duration(days)*24*time.Hour)
		var result tokenResult
		err = app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			result.InitialAccessToken, result.Value, err = app.Clients.CreateInitialAccessToken(ctx, tx, operator(), wanted)
			return err
		})
		if err != nil {
			return err
		}
		return p.print(result, func(w io.Writer) {
			details(w, "Name", result.Name, "Uses", usesOf(result.InitialAccessToken), "Expires", moment(result.ExpiresAt), "Id", result.ID.String())
			fmt.Fprintf(w, "\nThe token, shown only now:\n\n  %s\n\n", result.Value)
		})
	})
}

func usesOf(token *client.InitialAccessToken) string {
	if token.MaxUses == 0 {
		return strconv.Itoa(token.Uses)
	}
	return fmt.Sprintf("%d of %d", token.Uses, token.MaxUses)
}

func (p *program) listInitialAccessTokens() *cobra.Command {
	var slug string
	var limit int
	command := &cobra.Command{Use: "list", Args: cobra.NoArgs, Short: "List initial access tokens", Long: "Lists an organization's initial access tokens, the newest first. Their values cannot be shown again.",
		Example: "  clavex client initial-access-token list --org acme"}
	needsOrganization(command, &slug)
	command.Flags().IntVar(&limit, "limit", 100, "at most this many; 0 for all")
	return p.operates(command, func(ctx context.Context, app *server.App, _ []string) error {
		in, err := organization(ctx, app, slug)
		if err != nil {
			return err
		}
		tokens, more, err := collect(limit, func(after *client.InitialAccessToken, limit int32) ([]client.InitialAccessToken, error) {
			var behind *filter.Position
			if after != nil {
				behind = &filter.Position{ID: after.ID}
			}
			return app.Clients.ListInitialAccessTokens(ctx, app.Store, in.ID, behind, limit)
		})
		if err != nil {
			return err
		}
		if more {
			p.say("There are more. Show all with --limit 0.")
		}
		return p.print(tokens, func(w io.Writer) {
			table(w, "ID USES EXPIRES REVOKED CREATED-BY NAME", func(line func(...string)) {
				for _, token := range tokens {
					revoked := ""
					if token.RevokedAt != nil {
						revoked = moment(*token.RevokedAt)
					}
					line(token.ID.String(), usesOf(&token), moment(token.ExpiresAt), revoked, token.CreatedBy, token.Name)
				}
			})
		})
	})
}

func (p *program) revokeInitialAccessToken() *cobra.Command {
	var slug string
	command := &cobra.Command{Use: "revoke ID", Args: cobra.ExactArgs(1), Short: "Revoke an initial access token",
		Long:    "Revokes an initial access token: nobody can register with it any more. What was registered with it stays.",
		Example: "  clavex client initial-access-token revoke 0193588f-4c00-7a10-8b5e-2f6d1c9a0601 --org acme"}
	needsOrganization(command, &slug)
	return p.operates(command, func(ctx context.Context, app *server.App, arguments []string) error {
		id, err := uuid.Parse(arguments[0])
		if err != nil {
			return usagef("%q is not the id of an initial access token", arguments[0])
		}
		in, err := organization(ctx, app, slug)
		if err != nil {
			return err
		}
		var result tokenResult
		err = app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			result.InitialAccessToken, err = app.Clients.RevokeInitialAccessToken(ctx, tx, operator(), in.ID, id)
			return err
		})
		if err != nil {
			return err
		}
		return p.print(result, func(w io.Writer) { fmt.Fprintf(w, "%s is revoked.\n", result.Name) })
	})
}
