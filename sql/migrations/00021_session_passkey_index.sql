-- +goose NO TRANSACTION
-- +goose Up
-- Apart from the migration that made the column, so that nobody's sign-in waits while a large table is read.
DROP INDEX CONCURRENTLY IF EXISTS sessions_passkey; -- what an attempt left that was interrupted
CREATE INDEX CONCURRENTLY sessions_passkey ON sessions (org_id, passkey_id) WHERE passkey_id IS NOT NULL;
