-- +goose NO TRANSACTION
-- +goose Up
-- Apart from the migration that made the column, so that nobody's sign-in waits while a large table is read.
DROP INDEX CONCURRENTLY IF EXISTS sessions_device; -- what an attempt left that was interrupted
CREATE INDEX CONCURRENTLY sessions_device ON sessions (org_id, device_id) WHERE device_id IS NOT NULL;
