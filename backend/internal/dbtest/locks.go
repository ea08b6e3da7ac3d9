package dbtest

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// UntilALockIsAwaited returns when some statement on the test's database waits for a lock that another transaction
// holds, or when done reports that nothing will. It is how a test brings two transactions into an order.
func UntilALockIsAwaited(t testing.TB, db interface {
	QueryRow(ctx context.Context, query string, arguments ...any) pgx.Row
}, done func() bool) {
	t.Helper()
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		var waits bool
		err := db.QueryRow(t.Context(), "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')").Scan(&waits)
		if err != nil {
			t.Fatal(err)
		}
		if waits || done() {
			return
		}
	}
	t.Fatalf("nothing waited for a lock within %s", patience)
}
