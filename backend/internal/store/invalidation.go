package store

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// Change names a row that changed: the table, its organization (or, for organizations, its own id)
// and the table's lookup key (slug, client_id, algorithm …).
type Change struct {
	Table  string
	OrgID  string
	Lookup string
}

// Invalidations tells caches which rows changed. Triggers send the changes with the transaction that
// makes them, so every replica hears of every committed change, whoever made it.
type Invalidations struct {
	mu       sync.RWMutex
	watchers []watcher
}

type watcher struct {
	changed func(Change)
	flush   func()
}

const invalidationChannel = "clavex_invalidation"

// NewInvalidations returns a hub without listener; caches work, but hear only of local changes
// until Listen runs.
func NewInvalidations() *Invalidations { return &Invalidations{} }

// Watch registers a cache. flush is called when changes may have been missed.
func (i *Invalidations) Watch(changed func(Change), flush func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.watchers = append(i.watchers, watcher{changed, flush})
}

// Announce tells the local caches of a change at once: the writer reads its own write without
// waiting for the notification.
func (i *Invalidations) Announce(change Change) {
	i.mu.RLock()
	defer i.mu.RUnlock()
	for _, w := range i.watchers {
		w.changed(change)
	}
}

func (i *Invalidations) flush() {
	i.mu.RLock()
	defer i.mu.RUnlock()
	for _, w := range i.watchers {
		w.flush()
	}
}

// Listen receives changes until ctx ends, on a connection of its own (the direct URL: LISTEN does not
// pass through a transaction pooler). Losing the connection flushes every cache, and flushes again
// once listening is restored, because changes in between were not heard.
func (i *Invalidations) Listen(ctx context.Context, databaseURL string, log *slog.Logger) {
	for wait := 100 * time.Millisecond; ctx.Err() == nil; {
		err := i.listenOnce(ctx, databaseURL, func() { wait = 100 * time.Millisecond })
		if ctx.Err() != nil {
			return
		}
		i.flush()
		log.WarnContext(ctx, "lost the connection that announces changes; caches were emptied", "error", err, "retry_in", wait.String())
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(wait*2, 5*time.Second)
	}
}

func (i *Invalidations) listenOnce(ctx context.Context, databaseURL string, listening func()) error {
	config, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		return redact(err)
	}
	config.RuntimeParams["application_name"] = "clavex-listen"
	config.ConnectTimeout = 5 * time.Second
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "LISTEN "+invalidationChannel); err != nil {
		return err
	}
	i.flush()
	listening()
	for {
		notification, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		parts := strings.SplitN(notification.Payload, ":", 3)
		if len(parts) != 3 {
			i.flush()
			continue
		}
		i.Announce(Change{Table: parts[0], OrgID: parts[1], Lookup: parts[2]})
	}
}
