-- +goose NO TRANSACTION
-- +goose Up
-- What there is of a model at an organization. Apart from the migration that made the columns, so that nobody waits while
-- large tables are read; what an attempt left that was interrupted is made anew.
DROP INDEX CONCURRENTLY IF EXISTS sessions_model;
CREATE INDEX CONCURRENTLY sessions_model ON sessions (org_id, aaguid) WHERE aaguid IS NOT NULL AND ended_at IS NULL;
DROP INDEX CONCURRENTLY IF EXISTS grants_model;
CREATE INDEX CONCURRENTLY grants_model ON grants (org_id, aaguid) WHERE aaguid IS NOT NULL AND revoked_at IS NULL;
DROP INDEX CONCURRENTLY IF EXISTS passkeys_model;
CREATE INDEX CONCURRENTLY passkeys_model ON passkeys (org_id, aaguid, id);
DROP INDEX CONCURRENTLY IF EXISTS passkeys_aaguid;
