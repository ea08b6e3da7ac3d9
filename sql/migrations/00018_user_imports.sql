-- +goose Up

-- How far the import of a file has come, so that one that was interrupted goes on where it stopped. What a line made and
-- how far the import is are written in one transaction.
CREATE TABLE user_imports (
    org_id     uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    digest     bytea       NOT NULL CHECK (length(digest) = 32), -- SHA-256 of the file
    lines      bigint      NOT NULL, -- read so far
    imported   bigint      NOT NULL,
    refused    bigint      NOT NULL,
    finished   boolean     NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, digest)
);
