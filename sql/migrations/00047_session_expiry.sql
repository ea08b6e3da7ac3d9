-- +goose NO TRANSACTION
-- +goose Up
-- When to look next whether the session is over by time, so that the client is told; NULL: it has ended. It is not kept up with every
-- use of the session, which would cost each of them an index: whoever looks too early looks again. What is there already is looked at
-- once, also sessions that were over before: their clients were never told.
ALTER TABLE session_clients ADD COLUMN IF NOT EXISTS due_at timestamptz DEFAULT now();
DROP INDEX CONCURRENTLY IF EXISTS session_clients_due; -- what an attempt left that was interrupted
CREATE INDEX CONCURRENTLY session_clients_due ON session_clients (due_at) WHERE due_at IS NOT NULL;
