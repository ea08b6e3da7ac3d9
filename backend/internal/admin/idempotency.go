package admin

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/idempotency"
	"github.com/clavex/clavex/backend/internal/store"
)

// creation is a request that makes one thing.
type creation struct {
	// prepare does, before the transaction, what takes long or may be refused; nil for nothing.
	prepare func() error
	// make makes the thing and returns its id. It may run more than once, like every transaction.
	make func(ctx context.Context, tx *store.Tx) (uuid.UUID, error)
}

// once runs the creation, at most once for an Idempotency-Key. replayed says that a request before this
// one made the thing. Of two requests with one key at once, one creates and the other waits for it: the
// row of the key is unique, and so are the names that things have.
func (a *API) once(call *call, key *string, what creation) (made uuid.UUID, replayed bool, err error) {
	request := idempotency.Request{OrgID: call.by.Organization.ID, ActorID: call.by.actorID(), Method: call.method, Path: call.path, Body: call.body}
	if key != nil {
		request.Key = *key
		if made, replayed, err = a.keys.Find(call.ctx, a.db, request); err != nil || replayed {
			return made, replayed, err
		}
	}
	if what.prepare != nil {
		if err := what.prepare(); err != nil {
			return uuid.Nil, false, err
		}
	}
	err = a.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		if made, err = what.make(ctx, tx); err != nil || key == nil {
			return err
		}
		return a.keys.Remember(ctx, tx, request, http.StatusCreated, made)
	})
	if key != nil && fault.IsKind(err, fault.Conflict) {
		// Perhaps it is the very same request that was faster, in taking the key or the name.
		if before, found, findErr := a.keys.Find(call.ctx, a.db, request); findErr != nil || found {
			return before, found, findErr
		}
	}
	return made, false, err
}

func replayedHeader(replayed bool) *string {
	if !replayed {
		return nil
	}
	return new("true")
}
