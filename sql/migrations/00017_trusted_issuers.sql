-- +goose Up

-- Issuers elsewhere whose assertions about people an organization accepts in the place of a sign-in (RFC 7521, RFC 7523),
-- and how far.
CREATE TABLE trusted_issuers (
    org_id                   uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id                       uuid        NOT NULL,
    issuer                   text        NOT NULL CHECK (length(issuer) BETWEEN 1 AND 2000), -- `iss`, character by character
    name                     text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    status                   text        NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
    jwks                     jsonb,
    jwks_uri                 text,
    algorithms               text[]      NOT NULL,
    assertion_types          text[]      NOT NULL, -- `typ`
    subject_claim            text        NOT NULL CHECK (length(subject_claim) BETWEEN 1 AND 100),
    subject_match            text        NOT NULL CHECK (subject_match IN ('linked_identity', 'username', 'verified_email')),
    clients                  text[]      NOT NULL, -- client_id of those that may present its assertions
    scopes                   text[]      NOT NULL, -- at most
    resources                text[]      NOT NULL, -- at most; none: the issuer of the organization itself
    maximum_lifetime_seconds integer     NOT NULL CHECK (maximum_lifetime_seconds BETWEEN 30 AND 3600),
    version                  bigint      NOT NULL DEFAULT 1,
    created_at               timestamptz NOT NULL,
    updated_at               timestamptz NOT NULL,
    PRIMARY KEY (org_id, id),
    CHECK ((jwks IS NULL) <> (jwks_uri IS NULL))
);
CREATE UNIQUE INDEX trusted_issuers_issuer ON trusted_issuers (org_id, issuer);
CREATE TRIGGER trusted_issuers_invalidation AFTER INSERT OR UPDATE OR DELETE ON trusted_issuers
    FOR EACH ROW EXECUTE FUNCTION notify_invalidation('id');

-- Who somebody is whom such an issuer knows by another name.
CREATE TABLE linked_identities (
    org_id            uuid        NOT NULL,
    id                uuid        NOT NULL,
    trusted_issuer_id uuid        NOT NULL,
    subject           text        NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
    user_id           uuid        NOT NULL,
    created_at        timestamptz NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, trusted_issuer_id) REFERENCES trusted_issuers (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX linked_identities_subject ON linked_identities (org_id, trusted_issuer_id, subject);
CREATE INDEX linked_identities_user ON linked_identities (org_id, user_id);

-- A grant without a session: an issuer elsewhere vouched for the person, and the grant lives no longer than the trust in it.
ALTER TABLE grants ADD COLUMN trusted_issuer_id uuid;
ALTER TABLE grants
    ADD CONSTRAINT grants_trusted_issuer FOREIGN KEY (org_id, trusted_issuer_id) REFERENCES trusted_issuers (org_id, id) ON DELETE CASCADE NOT VALID,
    ADD CONSTRAINT grants_session_or_issuer CHECK (trusted_issuer_id IS NULL OR session_id IS NULL) NOT VALID;
CREATE INDEX grants_trusted_issuer ON grants (org_id, trusted_issuer_id) WHERE trusted_issuer_id IS NOT NULL;

-- Clients whose instances are attested by somebody (draft-ietf-oauth-attestation-based-client-auth) have no secret either.
ALTER TABLE clients
    DROP CONSTRAINT clients_token_endpoint_auth_method_check,
    ADD CONSTRAINT clients_token_endpoint_auth_method_check CHECK (token_endpoint_auth_method IN ('none', 'client_secret_basic', 'client_secret_post',
        'client_secret_jwt', 'private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth', 'attest_jwt_client_auth')),
    DROP CONSTRAINT clients_secret_hash,
    ADD CONSTRAINT clients_secret_hash CHECK ((token_endpoint_auth_method IN
        ('none', 'private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth', 'attest_jwt_client_auth')) = (secret_hash IS NULL));
