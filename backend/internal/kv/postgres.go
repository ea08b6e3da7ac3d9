package kv

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/clavex/clavex/backend/internal/store"
)

// Postgres is the Store in two unlogged tables, see migration 00002. Lifetimes are judged by the
// clock of the database, so replicas need not agree on the time.
type Postgres struct {
	db     *store.Store
	random io.Reader
}

var _ Store = (*Postgres)(nil)

// NewPostgres makes the store. Random is crypto/rand.Reader but in tests.
func NewPostgres(db *store.Store, random io.Reader) *Postgres {
	return &Postgres{db: db, random: random}
}

// counterMark goes before the kind of a counter. No kind begins with it, so counters and entries
// cannot meet.
const counterMark = "#"

// Lifetimes travel as microseconds, which is what timestamptz counts in.
const (
	postgresPut = `
		INSERT INTO kv_entries (org_id, kind, id, value, version, expires_at)
		VALUES ($1, $2, $3, $4, $5, now() + $6::bigint * interval '1 microsecond')
		ON CONFLICT (org_id, kind, id) DO UPDATE
		SET value = excluded.value, version = excluded.version, expires_at = excluded.expires_at`

	// The birth is read before it is known whether it exists: a row that another transaction wrote at
	// this moment is not visible here, then now() is used, which refuses too much rather than too little.
	postgresPutIfAbsent = `
		WITH born AS (
			INSERT INTO kv_birth (singleton, born_at) VALUES (true, now())
			ON CONFLICT (singleton) DO NOTHING
		), placed AS (
			INSERT INTO kv_entries (org_id, kind, id, value, version, expires_at)
			VALUES ($1, $2, $3, $4, $5, now() + $6::bigint * interval '1 microsecond')
			ON CONFLICT (org_id, kind, id) DO UPDATE
			SET value = excluded.value, version = excluded.version, expires_at = excluded.expires_at
			WHERE kv_entries.expires_at <= now()
			RETURNING true
		)
		SELECT EXISTS (SELECT FROM placed), COALESCE((SELECT born_at FROM kv_birth), now())`

	postgresGet = `
		SELECT value, version FROM kv_entries
		WHERE org_id = $1 AND kind = $2 AND id = $3 AND expires_at > now()`

	postgresTake = `
		DELETE FROM kv_entries
		WHERE org_id = $1 AND kind = $2 AND id = $3 AND expires_at > now()
		RETURNING value, version`

	postgresReplace = `
		UPDATE kv_entries
		SET value = $4, version = $5, expires_at = now() + $6::bigint * interval '1 microsecond'
		WHERE org_id = $1 AND kind = $2 AND id = $3 AND version = $7 AND expires_at > now()`

	postgresDelete = `DELETE FROM kv_entries WHERE org_id = $1 AND kind = $2 AND id = $3`

	postgresIncrement = `
		INSERT INTO kv_entries (org_id, kind, id, value, version, expires_at)
		VALUES ($1, $2, $3, '', 1, now() + $4::bigint * interval '1 microsecond')
		ON CONFLICT (org_id, kind, id) DO UPDATE
		SET version = CASE WHEN kv_entries.expires_at > now() THEN kv_entries.version + 1 ELSE 1 END,
		    expires_at = CASE WHEN kv_entries.expires_at > now() THEN kv_entries.expires_at ELSE excluded.expires_at END
		RETURNING version, (extract(epoch FROM expires_at - now()) * 1000000)::bigint`

	postgresBirth = `
		WITH born AS (
			INSERT INTO kv_birth (singleton, born_at) VALUES (true, now())
			ON CONFLICT (singleton) DO NOTHING
		)
		SELECT COALESCE((SELECT born_at FROM kv_birth), now())`

	// cross-tenant: expired entries of all organizations are removed by one periodic job.
	postgresDeleteExpired = `
		DELETE FROM kv_entries WHERE ctid = ANY (ARRAY (
			SELECT ctid FROM kv_entries WHERE expires_at <= now()
			ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED))`
)

// Put implements Store.
func (p *Postgres) Put(ctx context.Context, key Key, value []byte, lifetime time.Duration) (Version, error) {
	version, err := p.prepare(key, value, lifetime)
	if err != nil {
		return 0, err
	}
	_, err = p.db.Exec(ctx, postgresPut, key.OrgID, key.Kind, key.ID, notNull(value), version, lifetime.Microseconds())
	return version, unavailable(err)
}

// PutIfAbsent implements Store.
func (p *Postgres) PutIfAbsent(ctx context.Context, key Key, value []byte, lifetime time.Duration) (Placed, error) {
	version, err := p.prepare(key, value, lifetime)
	if err != nil {
		return Placed{}, err
	}
	var placed Placed
	err = p.db.QueryRow(ctx, postgresPutIfAbsent, key.OrgID, key.Kind, key.ID, notNull(value), version, lifetime.Microseconds()).
		Scan(&placed.Stored, &placed.Birth)
	if err != nil {
		return Placed{}, unavailable(err)
	}
	return placed, nil
}

// Get implements Store.
func (p *Postgres) Get(ctx context.Context, key Key) (Entry, bool, error) {
	return p.one(ctx, postgresGet, key)
}

// Take implements Store.
func (p *Postgres) Take(ctx context.Context, key Key) (Entry, bool, error) {
	return p.one(ctx, postgresTake, key)
}

// Replace implements Store.
func (p *Postgres) Replace(ctx context.Context, key Key, version Version, value []byte, lifetime time.Duration) (Version, bool, error) {
	next, err := p.prepare(key, value, lifetime)
	if err != nil {
		return 0, false, err
	}
	tag, err := p.db.Exec(ctx, postgresReplace, key.OrgID, key.Kind, key.ID, notNull(value), next, lifetime.Microseconds(), version)
	if err != nil || tag.RowsAffected() == 0 {
		return 0, false, unavailable(err)
	}
	return next, true, nil
}

// Delete implements Store.
func (p *Postgres) Delete(ctx context.Context, key Key) error {
	if err := key.check(); err != nil {
		return err
	}
	_, err := p.db.Exec(ctx, postgresDelete, key.OrgID, key.Kind, key.ID)
	return unavailable(err)
}

// Increment implements Store.
func (p *Postgres) Increment(ctx context.Context, key Key, window time.Duration) (Count, error) {
	if err := key.checkWith(nil, window); err != nil {
		return Count{}, err
	}
	var value, microseconds int64
	err := p.db.QueryRow(ctx, postgresIncrement, key.OrgID, counterMark+key.Kind, key.ID, window.Microseconds()).
		Scan(&value, &microseconds)
	if err != nil {
		return Count{}, unavailable(err)
	}
	return Count{Value: value, Reset: time.Duration(microseconds) * time.Microsecond}, nil
}

// Birth implements Store.
func (p *Postgres) Birth(ctx context.Context) (time.Time, error) {
	var birth time.Time
	err := p.db.QueryRow(ctx, postgresBirth).Scan(&birth)
	return birth, unavailable(err)
}

// DeleteExpired removes up to limit expired entries and counters, the oldest first, and returns how
// many. A periodic job calls it until it returns less than the limit. Rows that others hold locked are
// left for the next time, so several replicas may clean up at once. (Redis does this by itself.)
func (p *Postgres) DeleteExpired(ctx context.Context, limit int) (int64, error) {
	tag, err := p.db.Exec(ctx, postgresDeleteExpired, limit)
	return tag.RowsAffected(), unavailable(err)
}

func (p *Postgres) prepare(key Key, value []byte, lifetime time.Duration) (Version, error) {
	if err := key.checkWith(value, lifetime); err != nil {
		return 0, err
	}
	return newVersion(p.random)
}

func (p *Postgres) one(ctx context.Context, statement string, key Key) (Entry, bool, error) {
	if err := key.check(); err != nil {
		return Entry{}, false, err
	}
	var entry Entry
	err := p.db.QueryRow(ctx, statement, key.OrgID, key.Kind, key.ID).Scan(&entry.Value, &entry.Version)
	if store.IsNotFound(err) {
		return Entry{}, false, nil
	}
	if err != nil {
		return Entry{}, false, unavailable(err)
	}
	return entry, true, nil
}

// notNull keeps an empty value from becoming NULL.
func notNull(value []byte) []byte {
	if value == nil {
		return []byte{}
	}
	return value
}

// unavailable gives the loss of the database the name that callers of this package know.
func unavailable(err error) error {
	if errors.Is(err, store.ErrUnavailable) {
		return ErrUnavailable.WithCause(err)
	}
	return err
}
