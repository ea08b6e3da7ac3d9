package server

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/config"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fido"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
)

// metadataSource is where the metadata of authenticators comes from.
func metadataSource(cfg *config.Config) (fido.Source, error) {
	source := fido.Source{URL: cfg.FIDOMetadataURL, File: cfg.FIDOMetadataFile}
	roots, lists, err := cfg.FIDOMetadataTrust()
	if err != nil {
		return source, err
	}
	if roots == nil {
		roots = fido.FIDORoot()
	}
	if source.Trust, err = fido.NewTrust(roots, lists); err != nil {
		return source, fmt.Errorf("fido_metadata_root_file or fido_metadata_crl_file: %w", err)
	}
	return source, nil
}

// organizationsAtOnce is how many organizations are read at a time.
const organizationsAtOnce = 200

// endEverythingRefused looks at all organizations, whatever made something refused: a day on which a status takes effect, or
// what a batch left because somebody else was changing it.
func (a *App) endEverythingRefused(ctx context.Context) error {
	return a.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		return a.Models.EndLater(ctx, tx, fido.Ending{})
	})
}

// endRefused ends what passkeys on refused models began, in batches: of one organization, or of all, one after the other.
// When its time is over it goes on in another job.
func (a *App) endRefused(ctx context.Context, arguments json.RawMessage) error {
	var what fido.Ending
	if err := json.Unmarshal(arguments, &what); err != nil {
		return err
	}
	index, err := a.Models.Fresh(ctx)
	if err != nil {
		return err
	}
	began := a.Now()
	over := func() bool { return a.Now().Sub(began) >= deletionBudget }
	if what.OrgID != uuid.Nil {
		done, err := a.endRefusedOf(ctx, what.OrgID, index, over)
		return a.goOn(ctx, what, done, err)
	}
	for {
		ids, err := a.Organizations.IDsAfter(ctx, what.After, organizationsAtOnce)
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			done, err := a.endRefusedOf(ctx, id, index, over)
			if err != nil || !done {
				return a.goOn(ctx, what, done, err)
			}
			what.After = id
			if over() {
				return a.goOn(ctx, what, false, nil)
			}
		}
	}
}

// goOn enqueues the rest of the work.
func (a *App) goOn(ctx context.Context, rest fido.Ending, done bool, err error) error {
	if err != nil || done {
		return err
	}
	return a.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error { return a.Models.EndLater(ctx, tx, rest) })
}

func (a *App) endRefusedOf(ctx context.Context, id uuid.UUID, index fido.Index, over func() bool) (done bool, err error) {
	organization, err := a.Organizations.ByID(ctx, a.Store, id)
	if fault.IsKind(err, fault.NotFound) || err == nil && organization.Status == org.Deleting {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	rules := fido.NewRules(organization.Policies.Attestation, index)
	for !done && !over() {
		done, err = a.Passkeys.EndRefused(ctx, id, rules, func(ctx context.Context, tx *store.Tx, userID uuid.UUID, name string) error {
			person, err := a.Users.ByID(ctx, tx, id, userID)
			if err != nil {
				return err
			}
			return a.letters.PasskeySuspended(ctx, tx, organization, person, name)
		})
		if err != nil {
			return false, err
		}
	}
	return done, nil
}
