package server

import (
	"context"
	"errors"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/ratelimit"
	"github.com/clavex/clavex/backend/internal/store"
)

// Whoever is refused by a limit, or has to wait after failures, shall be found in the audit log, and whoever is refused a
// thousand times shall not fill it: of each subject of a limit one refusal in an hour is recorded. A mark says that it was, in
// short-lived state, so that refusals at all replicas have one, and a loss of it costs one event more. All further refusals
// read the mark and write nothing.
const (
	toldFor  = time.Hour
	tellTime = 2 * time.Second
)

// explainRefusals records the refusals among the errors of a request. They are found where they go out, so that no limit of package
// ratelimit is forgotten, and after the answer was decided, so that none becomes another answer when it cannot be recorded. A short
// answer may be sent only then: the first refusal of a subject in an hour takes a moment longer.
func explainRefusals(state kv.Store, log *audit.Log, db store.DB) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Next()
		for _, err := range c.Errors {
			var refusal *ratelimit.Refusal
			if !errors.As(err.Err, &refusal) {
				continue
			}
			if err := explainRefusal(c.Request.Context(), state, log, db, refusal); err != nil {
				_ = c.Error(err) // for the log
			}
			return
		}
	}
}

func explainRefusal(ctx context.Context, state kv.Store, log *audit.Log, db store.DB, refusal *ratelimit.Refusal) error {
	// Also of who does not wait for the answer.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellTime)
	defer cancel()
	mark := refusal.Mark()
	if _, told, err := state.Get(ctx, mark); err != nil || told {
		return err
	}
	placed, err := state.PutIfAbsent(ctx, mark, []byte{1}, toldFor)
	if err != nil || !placed.Stored {
		return err
	}
	// Never what was typed: where nobody has it, it may be a password in the wrong field.
	event := audit.Event{Action: "rate_limit.reached", Actor: refusal.Actor, Outcome: audit.Failure,
		Target: audit.Target{Kind: "organization", ID: refusal.OrgID.String()}, Details: map[string]any{"by": refusal.By}}
	if event.Actor.Kind == "" {
		event.Actor.Kind = audit.Anonymous
	}
	if refusal.Person != uuid.Nil {
		event.Target = audit.Target{Kind: "user", ID: refusal.Person.String()}
	}
	if refusal.Wait {
		event.Action, event.Details["kind"] = "sign_in.slowed_down", refusal.Limit
	} else {
		event.Details["limit"] = refusal.Limit
	}
	if err := log.Record(ctx, db, refusal.OrgID, event); err != nil {
		again, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellTime) // the first one may be what ended
		defer cancel()
		return errors.Join(err, state.Delete(again, mark)) // the next one is told instead
	}
	return nil
}
