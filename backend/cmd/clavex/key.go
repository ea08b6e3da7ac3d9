package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/key"
	"github.com/clavex/clavex/backend/internal/seal"
	"github.com/clavex/clavex/backend/internal/server"
)

func (p *program) keys() *cobra.Command {
	return p.group("key", "Signing keys and key-encryption keys",
		"Lists and rotates the keys that organizations sign with, and handles the key-encryption keys that seal them.\n"+
			"Signing keys are made when they are first needed and rotate by themselves every 90 days.",
		p.listKeys(), p.rotateKeys(), p.reseal(), p.generateEncryptionKey())
}

func (p *program) listKeys() *cobra.Command {
	var slug string
	command := &cobra.Command{Use: "list", Args: cobra.NoArgs, Short: "List an organization's keys",
		Long: "Lists an organization's keys, oldest first. Those that sign are all published, and the active one signs; of\n" +
			"those that others encrypt to the active one is published, and all of them decrypt.",
		Example: "  clavex key list --org acme --json"}
	needsOrganization(command, &slug)
	return p.operates(command, func(ctx context.Context, app *server.App, _ []string) error {
		in, err := organization(ctx, app, slug)
		if err != nil {
			return err
		}
		keys, err := app.Keys.List(ctx, in.ID)
		if err != nil {
			return err
		}
		if keys == nil {
			keys = []key.Key{}
		}
		return p.print(keys, func(w io.Writer) {
			table(w, "ALGORITHM USE STATE CREATED KEY-ID", func(line func(...string)) {
				for _, k := range keys {
					line(string(k.Algorithm), k.Use, string(k.State), moment(k.CreatedAt), k.KeyID)
				}
			})
		})
	})
}

// rotation is what a rotation did for one algorithm.
type rotation struct {
	Algorithm jose.Algorithm `json:"alg"`
	Outcome   key.Outcome    `json:"outcome"`
}

func (p *program) rotateKeys() *cobra.Command {
	var slug, algorithm string
	var immediately, yes bool
	command := &cobra.Command{Use: "rotate", Args: cobra.NoArgs, Short: "Move an organization one step towards new signing keys",
		Long: `Moves an organization one step towards new signing keys: the first call publishes the next key, and a call
24 hours later makes it sign. Nothing that was signed before fails to verify.

With --immediately both happen at once, after a key became known to somebody. Applications that keep our key
set for a while refuse new tokens until they fetch it again.

A key that others encrypt to is replaced at once in either case, and the former one goes on decrypting.`,
		Example: "  clavex key rotate --org acme\n  clavex key rotate --org acme --algorithm RS256 --immediately --yes"}
	needsOrganization(command, &slug)
	command.Flags().StringVar(&algorithm, "algorithm", "", "only this one, of those that the organization has keys for: "+algorithms())
	command.Flags().BoolVar(&immediately, "immediately", false, "publish and sign at once")
	command.Flags().BoolVar(&yes, "yes", false, "with --immediately: do not ask")
	return p.operates(command, func(ctx context.Context, app *server.App, _ []string) error {
		if algorithm != "" {
			if err := oneOf("--algorithm", algorithm, strings.Split(algorithms(), ", ")...); err != nil {
				return err
			}
		}
		in, err := organization(ctx, app, slug)
		if err != nil {
			return err
		}
		wanted := []jose.Algorithm{jose.Algorithm(algorithm)}
		if algorithm == "" {
			if wanted, err = app.Keys.Algorithms(ctx, in.ID); err != nil {
				return err
			}
		}
		if immediately {
			if err := p.confirm(ctx, yes, "Applications of "+in.Slug+" that keep our key set refuse new tokens until they fetch it again.", in.Slug); err != nil {
				return err
			}
		}
		var done []rotation
		for _, one := range wanted {
			outcome, err := app.Keys.Rotate(ctx, operator(), in.ID, one, immediately)
			if err != nil {
				return fmt.Errorf("%s: %w", one, err)
			}
			done = append(done, rotation{one, outcome})
		}
		return p.print(done, func(w io.Writer) {
			for _, r := range done {
				fmt.Fprintf(w, "%s: %s\n", r.Algorithm, map[key.Outcome]string{
					key.Published: "the next key is published; run this again in 24 hours to sign with it",
					key.Waiting:   "the next key has not been published for 24 hours yet; nothing was done",
					key.Rotated:   "the new key is in use now",
				}[r.Outcome])
			}
		})
	})
}

func algorithms() string {
	var list []string
	for _, algorithm := range append(jose.Algorithms(), jose.RSAOAEP256, jose.ECDHES) {
		list = append(list, string(algorithm))
	}
	return strings.Join(list, ", ")
}

func (p *program) reseal() *cobra.Command {
	command := &cobra.Command{Use: "reseal", Args: cobra.NoArgs, Short: "Bring everything sealed under the current key-encryption key",
		Long: `Re-wraps every private key and secret of every organization, every client secret that is kept readable, every
seed of an authenticator app, every password of a mail server, and every mail and request through the back channel that
waits, under the current key-encryption key. When it is done the previous keys may leave the
configuration. It can be interrupted and run again, while servers serve.`,
		Example: "  clavex key reseal"}
	return p.operates(command, func(ctx context.Context, app *server.App, _ []string) error {
		changed, err := app.Keys.Reseal(ctx)
		if err != nil {
			return err
		}
		secrets, err := app.Clients.Reseal(ctx)
		if err != nil {
			return err
		}
		mails, err := app.Mails.Reseal(ctx)
		if err != nil {
			return err
		}
		authenticators, err := app.SecondFactors.Reseal(ctx)
		if err != nil {
			return err
		}
		servers, err := app.MailServers.Reseal(ctx)
		if err != nil {
			return err
		}
		providers, err := app.Providers.Reseal(ctx)
		if err != nil {
			return err
		}
		requests, err := app.Grants.ResealBackchannel(ctx)
		if err != nil {
			return err
		}
		result := map[string]any{"resealed": changed, "client_secrets_resealed": secrets, "mails_resealed": mails, "backchannel_requests_resealed": requests, "authenticators_resealed": authenticators, "mail_servers_resealed": servers, "identity_providers_resealed": providers, "key_encryption_key": app.Ring.CurrentKeyID()}
		return p.print(result, func(w io.Writer) {
			fmt.Fprintf(w, "%d keys and secrets of organizations, %d client secrets, %d waiting mails and %d waiting requests were sealed anew; all are under the key-encryption key %s now.\n",
				changed, secrets, mails, requests, app.Ring.CurrentKeyID())
		})
	})
}

func (p *program) generateEncryptionKey() *cobra.Command {
	return &cobra.Command{Use: "generate-encryption-key", Args: cobra.NoArgs, Short: "Make a key-encryption key",
		Long: `Prints a new key-encryption key: 32 random bytes in base64. Keep it where secrets are kept, and apart from the
database's back-ups: who has both has every private key, and without it the back-ups are worth nothing.`,
		Example: "  (umask 077; clavex key generate-encryption-key > /etc/clavex/key-encryption-key)",
		RunE: p.does(func(context.Context, []string) error {
			made := seal.GenerateKey(rand.Reader)
			return p.print(map[string]string{"key_encryption_key": made.Encode(), "id": made.ID()}, func(w io.Writer) { fmt.Fprintln(w, made.Encode()) })
		})}
}

// oneOf refuses a flag's value that is not among the known ones.
func oneOf(flag, value string, known ...string) error {
	for _, k := range known {
		if k == value {
			return nil
		}
	}
	var named []string
	for _, k := range known {
		if k != "" {
			named = append(named, k)
		}
	}
	return usagef("%s %s: choose %s", flag, value, strings.Join(named, ", "))
}
