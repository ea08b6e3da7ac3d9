-- +goose Up

-- OpenID providers elsewhere at which people of an organization may sign in.
CREATE TABLE identity_providers (
    org_id                uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id                    uuid        NOT NULL,
    alias                 text        NOT NULL CHECK (alias ~ '^[a-z0-9](-?[a-z0-9])*$' AND length(alias) BETWEEN 2 AND 40), -- in addresses
    name                  text        NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    status                text        NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
    issuer                text        NOT NULL CHECK (length(issuer) BETWEEN 1 AND 2000), -- `iss`, character by character
    client_id             text        NOT NULL CHECK (length(client_id) BETWEEN 1 AND 500), -- that the provider knows us by
    client_authentication text        NOT NULL CHECK (client_authentication IN ('client_secret_basic', 'client_secret_post', 'none')),
    sealed                bytea,                                                           -- the client secret; bound to org_id and id
    sealed_by             text,
    scopes                text[]      NOT NULL,
    version               bigint      NOT NULL DEFAULT 1,
    created_at            timestamptz NOT NULL,
    updated_at            timestamptz NOT NULL,
    PRIMARY KEY (org_id, id),
    CHECK ((client_authentication = 'none') = (sealed IS NULL)),
    CHECK ((sealed IS NULL) = (sealed_by IS NULL))
);
CREATE UNIQUE INDEX identity_providers_alias ON identity_providers (org_id, alias);
CREATE TRIGGER identity_providers_invalidation AFTER INSERT OR UPDATE OR DELETE ON identity_providers
    FOR EACH ROW EXECUTE FUNCTION notify_invalidation('id');

-- Whom a provider's subjects are here. A row is made by somebody who proved both accounts, and by nobody else.
CREATE TABLE upstream_identities (
    org_id       uuid        NOT NULL,
    id           uuid        NOT NULL,
    provider_id  uuid        NOT NULL,
    subject      text        NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
    name         text        NOT NULL CHECK (length(name) <= 254), -- what the provider called them when they were linked; for people to read
    user_id      uuid        NOT NULL,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, provider_id) REFERENCES identity_providers (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX upstream_identities_subject ON upstream_identities (org_id, provider_id, subject);
CREATE INDEX upstream_identities_user ON upstream_identities (org_id, user_id, id);
