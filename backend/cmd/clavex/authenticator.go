package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/clavex/clavex/backend/internal/fido"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/server"
	"github.com/clavex/clavex/backend/internal/store"
)

func (p *program) authenticators() *cobra.Command {
	return p.group("authenticator", "Models of authenticators, and which of them passkeys may be on",
		"Shows and refreshes the metadata of authenticators (FIDO Metadata Service), searches models,\nand shows, previews and sets the attestation policy of an organization.",
		p.metadataStatus(), p.refreshMetadata(), p.listModels(), p.previewAttestation(), p.attestationPolicy())
}

func (p *program) metadataStatus() *cobra.Command {
	command := &cobra.Command{Use: "status", Args: cobra.NoArgs, Short: "Show what is known of the metadata",
		Long: "Shows number, date and age of the metadata that is loaded, and what went wrong\nwhen somebody last looked for a newer one.", Example: "  clavex authenticator status --json"}
	return p.operates(command, func(ctx context.Context, app *server.App, _ []string) error {
		status, err := app.Models.Status(ctx)
		if err != nil {
			return err
		}
		return p.print(status, func(w io.Writer) { describeMetadata(w, status) })
	})
}

func describeMetadata(w io.Writer, s fido.Status) {
	shown := func(at time.Time) string {
		if at.IsZero() {
			return "never"
		}
		return moment(at)
	}
	source, age := s.Source, ""
	if !s.Configured {
		source = strings.TrimSpace(source + " (no longer refreshed: neither fido_metadata_url nor fido_metadata_file is set)")
	}
	if s.Stale {
		age = " (overdue)"
	}
	if !s.Loaded {
		details(w, "Source", source, "Loaded", "nothing", "Looked for", shown(s.CheckedAt), "Problem", s.LastError)
		return
	}
	details(w, "Source", source, "Number", strconv.FormatInt(s.Number, 10), "Models", strconv.Itoa(s.Models), "Next update", s.NextUpdate.Format(time.DateOnly)+age,
		"Loaded", shown(s.LoadedAt), "Looked for", shown(s.CheckedAt), "Problem", s.LastError)
}

func (p *program) refreshMetadata() *cobra.Command {
	command := &cobra.Command{Use: "refresh", Args: cobra.NoArgs, Short: "Look for newer metadata now",
		Long:    "Fetches or reads the metadata that fido_metadata_url or fido_metadata_file names, verifies it and takes it over for all\nreplicas. The servers do the same by themselves every six hours.",
		Example: "  clavex authenticator refresh\n  clavex authenticator refresh --fido-metadata-file blob.jwt"}
	return p.operates(command, func(ctx context.Context, app *server.App, _ []string) error {
		if _, err := app.Models.Refresh(ctx); err != nil {
			return err
		}
		status, err := app.Models.Status(ctx)
		if err != nil {
			return err
		}
		return p.print(status, func(w io.Writer) { describeMetadata(w, status) })
	})
}

func (p *program) listModels() *cobra.Command {
	limit := 50
	command := &cobra.Command{Use: "list [WORDS]", Args: cobra.ArbitraryArgs, Short: "Search models by name or AAGUID",
		Long: "Lists the models that the metadata describes and whose names contain the words, or whose AAGUID begins with them.", Example: "  clavex authenticator list yubikey 5"}
	command.Flags().IntVar(&limit, "limit", limit, "most models to list")
	return p.operates(command, func(ctx context.Context, app *server.App, words []string) error {
		found, err := app.Models.Search(ctx, strings.Join(words, " "), nil, max(limit, 0))
		if err != nil {
			return err
		}
		return p.print(found, func(w io.Writer) {
			table(w, "AAGUID CERTIFICATION STATUSES NAME", func(line func(...string)) {
				for _, m := range found {
					line(m.AAGUID.String(), m.Certification, strings.Join(m.Statuses, ","), m.Description)
				}
			})
		})
	})
}

// policyFile reads an attestation policy as the Admin API has it.
func (p *program) policyFile(name string) (policy org.Attestation, err error) {
	if err := p.jsonFile("--policy-file", name, &policy); err != nil {
		return policy, err
	}
	if policy.MinimumCertification == "none" {
		policy.MinimumCertification = ""
	}
	return policy, policy.Validate("")
}

func (p *program) previewAttestation() *cobra.Command {
	var file string
	command := &cobra.Command{Use: "preview ORGANIZATION", Args: cobra.ExactArgs(1), Short: "Show who an attestation policy would affect",
		Long: "Shows which passkeys of an organization would not sign in any more under a policy, and whose they are.\nNothing is changed. " +
			"The file has the policy as the Admin API has it; without one the present policy is looked at.",
		Example: "  clavex authenticator preview acme --policy-file policy.json"}
	command.Flags().StringVar(&file, "policy-file", "", "file with the policy in JSON; - for standard input")
	return p.operates(command, func(ctx context.Context, app *server.App, arguments []string) error {
		found, err := organization(ctx, app, arguments[0])
		if err != nil {
			return err
		}
		policy := found.Policies.Attestation
		if file != "" {
			if policy, err = p.policyFile(file); err != nil {
				return err
			}
		}
		preview, err := app.PreviewAttestation(ctx, found, policy)
		if err != nil {
			return err
		}
		return p.print(preview, func(w io.Writer) { describePreview(w, preview) })
	})
}

func describePreview(w io.Writer, preview *fido.Preview) {
	names := make([]string, len(preview.Sample))
	for i, person := range preview.Sample {
		names[i] = person.Username
	}
	details(w, "Passkeys that would not sign in", strconv.FormatInt(preview.Passkeys, 10), "People who have one", strconv.FormatInt(preview.People, 10),
		"Of them with nothing else", strconv.FormatInt(preview.WithoutAnother, 10), "Sessions that would end at once", strconv.FormatInt(preview.Sessions, 10), "Some of them", strings.Join(names, ", "))
	if len(preview.Models) == 0 {
		return
	}
	fmt.Fprintln(w)
	table(w, "AAGUID PROVED PASSKEYS PEOPLE PROBLEM MODEL", func(line func(...string)) {
		for _, m := range preview.Models {
			line(m.AAGUID.String(), strconv.FormatBool(m.Attested), strconv.FormatInt(m.Passkeys, 10), strconv.FormatInt(m.People, 10), m.Problem, m.Name)
		}
	})
}

func (p *program) attestationPolicy() *cobra.Command {
	var file string
	command := &cobra.Command{Use: "policy ORGANIZATION", Args: cobra.ExactArgs(1), Short: "Show or set the attestation policy of an organization",
		Long:    "Shows which authenticators the passkeys of an organization may be on; with a file sets it. See it through with preview\nbefore: what is refused stops at once.",
		Example: "  clavex authenticator policy acme --json > policy.json\n  clavex authenticator policy acme --policy-file policy.json"}
	command.Flags().StringVar(&file, "policy-file", "", "file with the policy in JSON, as the Admin API has it; - for standard input")
	return p.operates(command, func(ctx context.Context, app *server.App, arguments []string) error {
		found, err := organization(ctx, app, arguments[0])
		if err != nil {
			return err
		}
		if file != "" {
			wanted, err := p.policyFile(file)
			if err != nil {
				return err
			}
			if err := app.Models.CheckPolicy(ctx, found.Policies.Attestation, wanted); err != nil {
				return err
			}
			err = app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
				current, err := app.Organizations.ByID(ctx, tx, found.ID)
				if err != nil {
					return err
				}
				current.Policies.Attestation = wanted
				if found, err = app.Organizations.Update(ctx, tx, operator(), *current); err != nil {
					return err
				}
				return app.Models.EndLater(ctx, tx, fido.Ending{OrgID: found.ID})
			})
			if err != nil {
				return err
			}
			app.Organizations.Forget(found)
		}
		policy := found.Policies.Attestation
		statuses := policy.Statuses()
		shown := org.Attestation{Conveyance: policy.Conveys(), AllowedModels: policy.AllowedModels, DeniedModels: policy.DeniedModels, MinimumCertification: policy.MinimumCertification,
			RefusedStatuses: &statuses, UnknownModels: policy.Unknown(), ExistingPasskeys: policy.Existing()}
		return p.print(shown, func(w io.Writer) {
			details(w, "Attestation", string(shown.Conveyance), "Allowed models", joinedIDs(shown.AllowedModels), "Denied models", joinedIDs(shown.DeniedModels),
				"Least certification", shown.MinimumCertification, "Refusing statuses", strings.Join(statuses, ", "), "Unknown models", string(shown.UnknownModels),
				"Existing passkeys that do not prove it", string(shown.ExistingPasskeys))
		})
	})
}

func joinedIDs[T fmt.Stringer](ids []T) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	return strings.Join(texts, ", ")
}
