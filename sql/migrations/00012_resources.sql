-- +goose Up

-- The resource servers that an organization's applications ask for tokens for (RFC 8707): an access token names them as
-- its audience. A scope that one of them lists is no use at another.
CREATE TABLE resources (
    org_id                        uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id                            uuid        NOT NULL,
    identifier                    text        NOT NULL CHECK (length(identifier) BETWEEN 1 AND 2000), -- an absolute URI without fragment
    name                          text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    scopes                        text[]      NOT NULL DEFAULT '{}',
    access_token_lifetime_seconds integer     CHECK (access_token_lifetime_seconds BETWEEN 30 AND 86400), -- NULL: the client's
    introspection_clients         text[]      NOT NULL DEFAULT '{}', -- client_id of those that may ask about its tokens
    version                       bigint      NOT NULL DEFAULT 1,
    created_at                    timestamptz NOT NULL,
    updated_at                    timestamptz NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX resources_identifier ON resources (org_id, identifier);
CREATE TRIGGER resources_invalidation AFTER INSERT OR UPDATE OR DELETE ON resources
    FOR EACH ROW EXECUTE FUNCTION notify_invalidation('id');

-- What a person allowed in detail (RFC 9396); NULL when the request had no authorization_details.
ALTER TABLE grants ADD COLUMN authorization_details jsonb;
