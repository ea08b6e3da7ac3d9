-- +goose Up

-- Initial access tokens (RFC 7591 §3): an administrator issues one, and whoever has it registers clients with it
-- until it expires, is used up, or is revoked. A client says which token it came with.
CREATE TABLE initial_access_tokens (
    org_id     uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id         uuid        NOT NULL,
    name       text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    token_hash bytea       NOT NULL CHECK (length(token_hash) = 32),
    max_uses   integer     CHECK (max_uses > 0), -- NULL: any number
    uses       integer     NOT NULL DEFAULT 0 CHECK (uses >= 0 AND (max_uses IS NULL OR uses <= max_uses)),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    created_by text        NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX initial_access_tokens_token_hash ON initial_access_tokens (org_id, token_hash);

ALTER TABLE clients
    ADD COLUMN initial_access_token_id uuid,
    ADD FOREIGN KEY (org_id, initial_access_token_id) REFERENCES initial_access_tokens (org_id, id) ON DELETE SET NULL (initial_access_token_id);
CREATE INDEX clients_initial_access_token ON clients (org_id, initial_access_token_id) WHERE initial_access_token_id IS NOT NULL;
