-- +goose Up

-- Short-lived state that may be lost: login transactions, pushed requests, replay marks, rate counters.
-- Unlogged: no write-ahead log, empty after a crash or on a promoted standby. Package kv says how it
-- notices. No foreign key to organizations: entries end by themselves, and most writes to this table
-- sit on the way of a person who waits.
CREATE UNLOGGED TABLE kv_entries (
    org_id     uuid        NOT NULL,
    kind       text        NOT NULL,
    id         text        NOT NULL,
    value      bytea       NOT NULL CHECK (octet_length(value) <= 65536),
    version    bigint      NOT NULL, -- random for entries, the count for counters
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, kind, id)
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.2);
CREATE INDEX kv_entries_expires_at ON kv_entries (expires_at);

-- When the table above last began empty. Unlogged like it, so that both are lost together.
CREATE UNLOGGED TABLE kv_birth (
    singleton boolean     PRIMARY KEY DEFAULT true CHECK (singleton),
    born_at   timestamptz NOT NULL
);
-- What has just been created cannot have lost anything: nothing is older than this birth. After a
-- crash this row is gone, and the first use writes the real time.
INSERT INTO kv_birth (born_at) VALUES ('epoch');
