package org

import (
	"context"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

const deletionBatch = 1000

// DeleteSome removes a batch of what belongs to an organization that is being deleted, children before
// parents, and reports whether nothing is left, the organization itself included. Each batch is a
// transaction of its own, so a tenant of millions goes away without a long lock, and an interrupted
// deletion goes on where it stopped.
func (o *Organizations) DeleteSome(ctx context.Context, id uuid.UUID) (done bool, err error) {
	organization, err := o.ByID(ctx, o.db, id)
	if err != nil {
		if err == ErrNotFound { //nolint:errorlint // fromRow returns the very value
			return true, nil
		}
		return false, err
	}
	if organization.Status != Deleting {
		return true, nil // nobody asked for it
	}
	q := dbq.New(o.db)
	for _, remove := range []func() (int64, error){
		func() (int64, error) {
			return q.DeleteBatchOfRefreshTokens(ctx, dbq.DeleteBatchOfRefreshTokensParams{OrgID: id, RowLimit: deletionBatch})
		},
		func() (int64, error) {
			return q.DeleteBatchOfDeviceRequests(ctx, dbq.DeleteBatchOfDeviceRequestsParams{OrgID: id, RowLimit: deletionBatch})
		},
		func() (int64, error) {
			return q.DeleteBatchOfBackchannelRequests(ctx, dbq.DeleteBatchOfBackchannelRequestsParams{OrgID: id, RowLimit: deletionBatch})
		},
		func() (int64, error) {
			return q.DeleteBatchOfGrants(ctx, dbq.DeleteBatchOfGrantsParams{OrgID: id, RowLimit: deletionBatch})
		},
		func() (int64, error) {
			return q.DeleteBatchOfConsents(ctx, dbq.DeleteBatchOfConsentsParams{OrgID: id, RowLimit: deletionBatch})
		},
		func() (int64, error) {
			return q.DeleteBatchOfLogoutDeliveries(ctx, dbq.DeleteBatchOfLogoutDeliveriesParams{OrgID: id, RowLimit: deletionBatch})
		},
		func() (int64, error) {
			return q.DeleteBatchOfMails(ctx, dbq.DeleteBatchOfMailsParams{OrgID: id, RowLimit: deletionBatch})
		},
		func() (int64, error) {
			return q.DeleteBatchOfSessions(ctx, dbq.DeleteBatchOfSessionsParams{OrgID: id, RowLimit: deletionBatch})
		},
		func() (int64, error) {
			return q.DeleteBatchOfUsers(ctx, dbq.DeleteBatchOfUsersParams{OrgID: id, RowLimit: deletionBatch})
		},
		func() (int64, error) {
			return q.DeleteBatchOfClients(ctx, dbq.DeleteBatchOfClientsParams{OrgID: id, RowLimit: deletionBatch})
		},
		func() (int64, error) {
			return q.DeleteBatchOfRevokedTokens(ctx, dbq.DeleteBatchOfRevokedTokensParams{OrgID: id, RowLimit: deletionBatch})
		},
		func() (int64, error) {
			return q.DeleteBatchOfSignInFailures(ctx, dbq.DeleteBatchOfSignInFailuresParams{OrgID: id, RowLimit: deletionBatch})
		},
		func() (int64, error) {
			return q.DeleteBatchOfAuditEvents(ctx, dbq.DeleteBatchOfAuditEventsParams{OrgID: id, RowLimit: deletionBatch})
		},
	} {
		removed, err := remove()
		if err != nil || removed > 0 {
			return false, err
		}
	}
	return true, o.deleteRow(ctx, organization)
}

// deleteRow removes the organization itself and records it where the platform's administrators look.
func (o *Organizations) deleteRow(ctx context.Context, organization *Organization) error {
	system, err := o.BySlug(ctx, SystemSlug)
	if err != nil {
		return err
	}
	return o.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		removed, err := dbq.New(tx).DeleteOrganizationRow(ctx, organization.ID)
		if err != nil || removed == 0 {
			return err
		}
		return o.log.Record(ctx, tx, system.ID, audit.Event{Action: "organization.deleted", Actor: audit.Actor{Kind: audit.System, Name: "organization deletion"},
			Target: target(organization), Before: organization})
	})
}
