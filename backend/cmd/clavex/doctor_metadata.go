package main

import (
	"context"
	"fmt"
	"time"

	"github.com/clavex/clavex/backend/internal/store"
)

// checkMetadata looks at the metadata of authenticators that the servers share. That it is old is no reason not to serve:
// what is loaded stays in force.
func (e *examination) checkMetadata(ctx context.Context, db *store.Store) {
	if e.cfg.FIDOMetadataURL == "" && e.cfg.FIDOMetadataFile == "" {
		return
	}
	var number *int64
	var next *time.Time
	var failure string
	err := db.QueryRow(ctx, `SELECT number, next_update, last_error FROM authenticator_metadata UNION ALL SELECT NULL, NULL, '' LIMIT 1`).Scan(&number, &next, &failure)
	const advice = "clavex authenticator refresh tells what is wrong"
	switch {
	case err != nil:
		e.problem("authenticator metadata", rootCause(err), "")
	case failure != "":
		e.warn("authenticator metadata", "the last look for newer metadata failed: "+failure, advice)
	case number == nil:
		e.warn("authenticator metadata", "nothing is loaded yet", "the servers load it within a quarter of an hour; "+advice)
	case time.Now().After(next.AddDate(0, 0, 1)):
		e.warn("authenticator metadata", fmt.Sprintf("number %d should have been replaced on %s", *number, next.Format(time.DateOnly)), "look whether the address or the file still gets newer ones")
	default:
		e.ok("authenticator metadata", "number %d, good until %s", *number, next.Format(time.DateOnly))
	}
}
