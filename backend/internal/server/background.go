package server

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/ciba"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fido"
	"github.com/clavex/clavex/backend/internal/idempotency"
	"github.com/clavex/clavex/backend/internal/jobs"
	"github.com/clavex/clavex/backend/internal/mailqueue"
	"github.com/clavex/clavex/backend/internal/session"
)

const (
	jobDeleteOrganization = "delete_organization"

	cleanupBatch   = 5000
	expiryBatch    = 200              // sessions that end in one transaction, each with what follows from it
	keyPoolSize    = 16               // RSA keys ready for new organizations
	deletionBudget = 20 * time.Second // of one call; then the job lets others work
)

type deletion struct {
	OrgID uuid.UUID `json:"org_id"`
}

// background lists what is worked on behind the requests.
func (a *App) background(workers int) jobs.Options {
	return jobs.Options{
		Workers: workers, Logger: a.Log,
		Handlers: map[string]jobs.Handler{
			jobDeleteOrganization: a.deleteOrganization,
			mailqueue.SendMail:    a.sendMail,
			ciba.TellClient:       func(ctx context.Context, arguments json.RawMessage) error { return a.CIBA.Tell(ctx, arguments) },
			fido.EndRefused:       a.endRefused,
			session.TellOfEnd:     func(ctx context.Context, arguments json.RawMessage) error { return a.BackChannel.Tell(ctx, arguments) },
		},
		Periodics: []jobs.Periodic{
			{Kind: "delete_expired", Every: 5 * time.Minute, AtStart: true, Do: a.deleteExpired},
			{Kind: "expire_backchannel_requests", Every: time.Minute, AtStart: true, Do: a.expireBackchannel},
			{Kind: "end_expired_sessions", Every: time.Minute, AtStart: true, Do: a.endExpired},
			{Kind: "maintain_audit_partitions", Every: 6 * time.Hour, AtStart: true, Do: a.maintainAudit},
			{Kind: "fill_signing_key_pool", Every: time.Minute, AtStart: true, Do: func(ctx context.Context) error { return a.Keys.FillPool(ctx, keyPoolSize) }},
			{Kind: "refresh_authenticator_metadata", Every: 15 * time.Minute, AtStart: true, Do: func(ctx context.Context) error { return a.Models.Keep(ctx) }},
			{Kind: "end_what_models_began", Every: 24 * time.Hour, AtStart: true, Do: a.endEverythingRefused},
			{Kind: "erase_people", Every: 10 * time.Minute, AtStart: true, Do: func(ctx context.Context) error { return a.Erasure.Do(ctx) }},
			{Kind: "rotate_signing_keys", Every: time.Hour, AtStart: true, Do: a.rotateKeys},
		},
	}
}

func (a *App) deleteOrganization(ctx context.Context, arguments json.RawMessage) error {
	var what deletion
	if err := json.Unmarshal(arguments, &what); err != nil {
		return err
	}
	for began := a.Now(); a.Now().Sub(began) < deletionBudget; {
		done, err := a.Organizations.DeleteSome(ctx, what.OrgID)
		if err != nil || done {
			return err
		}
	}
	return jobs.Again(time.Second)
}

// deleteExpired removes what expired, in batches, until nothing is left: tables stay bounded without an
// operator's help.
func (a *App) deleteExpired(ctx context.Context) error {
	for _, remove := range []func() (int64, error){
		func() (int64, error) { return a.Grants.DeleteExpired(ctx, cleanupBatch) },
		func() (int64, error) { return a.Sessions.DeleteExpired(ctx, cleanupBatch) },
		func() (int64, error) { return a.Devices.DeleteExpired(ctx, cleanupBatch) },
		func() (int64, error) { return a.Sessions.DeleteOldDeliveries(ctx, cleanupBatch) },
		func() (int64, error) { return a.Clients.DeleteUnusedDocumentClients(ctx, cleanupBatch) }, // after their grants
		func() (int64, error) { return a.Mails.DeleteOld(ctx, cleanupBatch) },
		func() (int64, error) { return credential.DeleteExpired(ctx, a.Store, a.Now(), cleanupBatch) },
		func() (int64, error) { return a.Users.DeleteExpired(ctx, a.Store, cleanupBatch) },
		func() (int64, error) { return a.expired.DeleteExpired(ctx, cleanupBatch) },
		func() (int64, error) { return idempotency.New(a.Now, a.Ring).DeleteExpired(ctx, a.Store, cleanupBatch) },
	} {
		for {
			removed, err := remove()
			if err != nil {
				return err
			}
			if removed < cleanupBatch {
				break
			}
		}
	}
	return nil
}

// expireBackchannel has clients told whose requests nobody answered.
func (a *App) expireBackchannel(ctx context.Context) error {
	for {
		ended, err := a.CIBA.Expire(ctx, cleanupBatch)
		if err != nil || ended < cleanupBatch {
			return err
		}
	}
}

// endExpired has clients told of sessions that are over by time. Where very many are over at once the next call goes on.
func (a *App) endExpired(ctx context.Context) error {
	for began := a.Now(); a.Now().Sub(began) < deletionBudget; {
		more, err := a.Sessions.EndExpired(ctx, expiryBatch)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

func (a *App) maintainAudit(ctx context.Context) error {
	dropped, err := a.Audit.Maintain(ctx, a.Store, a.Now().Add(-a.Config.AuditRetention))
	if len(dropped) > 0 {
		a.Log.InfoContext(ctx, "dropped audit events past their retention", "partitions", dropped)
	}
	return err
}

func (a *App) rotateKeys(ctx context.Context) error {
	if _, err := a.Keys.RotateDue(ctx, 1000); err != nil {
		return err
	}
	_, err := a.Keys.DeleteExpired(ctx, cleanupBatch)
	return err
}
