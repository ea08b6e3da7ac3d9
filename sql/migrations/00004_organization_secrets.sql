-- +goose Up

-- Random secrets of an organization that are derived from but never shown, one for each purpose: what pairwise
-- subject identifiers are made with, for instance. They never change: what was derived from them lives elsewhere.
CREATE TABLE organization_secrets (
    org_id     uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name       text        NOT NULL CHECK (length(name) BETWEEN 1 AND 50),
    sealed     bytea       NOT NULL, -- 32 bytes, sealed; additional data is the organization and the name
    sealed_by  text        NOT NULL, -- id of the key-encryption key
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, name)
);
