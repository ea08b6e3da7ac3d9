-- +goose Up

-- Authenticator apps (RFC 6238). The seed is sealed with the key-encryption key. A time step is accepted once.
CREATE TABLE totp_credentials (
    org_id         uuid        NOT NULL,
    id             uuid        NOT NULL,
    user_id        uuid        NOT NULL,
    sealed_by      text        NOT NULL,               -- id of the key-encryption key
    sealed         bytea       NOT NULL CHECK (octet_length(sealed) <= 1024),
    last_used_step bigint      NOT NULL,               -- that of the code which was accepted last
    confirmed_at   timestamptz NOT NULL,               -- when its first code was right
    last_used_at   timestamptz NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX totp_credentials_user ON totp_credentials (org_id, user_id);
CREATE INDEX totp_credentials_sealed ON totp_credentials (sealed_by);

-- Codes for who has lost the authenticator: each is good once. They are short enough to be tried out, so their hash is
-- keyed.
CREATE TABLE recovery_codes (
    org_id     uuid        NOT NULL,
    id         uuid        NOT NULL,
    user_id    uuid        NOT NULL,
    code_hash  bytea       NOT NULL CHECK (octet_length(code_hash) = 32),
    created_at timestamptz NOT NULL,
    used_at    timestamptz,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX recovery_codes_code ON recovery_codes (org_id, user_id, code_hash);
