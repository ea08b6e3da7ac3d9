-- +goose Up
-- What the pages of an organization that asks for the identifier first show for identifiers that nobody has (package credential,
-- Decoys). The key outlives restarts and new keys of the configuration, so that the answers stay; who reads it reads who exists, too.
CREATE TABLE decoys (
    org_id      uuid        PRIMARY KEY REFERENCES organizations (id) ON DELETE CASCADE,
    key         bytea       NOT NULL CHECK (octet_length(key) = 32),
    shares      jsonb       NOT NULL DEFAULT '{}', -- by domain, "" for everybody: which part of the people signs in by what
    counted_for text        NOT NULL DEFAULT '',   -- the ways that the organization had then
    counted_at  timestamptz NOT NULL
);
