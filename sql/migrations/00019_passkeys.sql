-- +goose Up

-- What authenticators know a person by: random, per organization and person, nothing that could be recognised elsewhere
-- (WebAuthn Level 3 §5.4.3, §14.6.1). Made with the first passkey and kept: a passkey that is made later replaces on the
-- same authenticator the one of before, and none of anybody else, although organizations on one host share an RP ID.
CREATE TABLE user_handles (
    org_id     uuid        NOT NULL,
    user_id    uuid        NOT NULL,
    handle     bytea       NOT NULL CHECK (octet_length(handle) = 64),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, user_id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX user_handles_handle ON user_handles (org_id, handle);

-- Public key credentials (WebAuthn Level 3 §4, "credential record").
CREATE TABLE passkeys (
    org_id             uuid        NOT NULL,
    id                 uuid        NOT NULL,
    user_id            uuid        NOT NULL,
    credential_id      bytea       NOT NULL CHECK (octet_length(credential_id) BETWEEN 16 AND 1023),
    public_key         bytea       NOT NULL CHECK (octet_length(public_key) <= 2048), -- COSE_Key
    rp_id              text        NOT NULL CHECK (length(rp_id) BETWEEN 1 AND 253),   -- that it was made for, whatever it is now
    sign_count         bigint      NOT NULL CHECK (sign_count BETWEEN 0 AND 4294967295),
    aaguid             uuid        NOT NULL,               -- all zeros when the authenticator does not say its model
    transports         text[]      NOT NULL DEFAULT '{}',
    discoverable       boolean,                            -- NULL when the client did not say
    backup_eligible    boolean     NOT NULL,
    backup_state       boolean     NOT NULL,
    user_verified      boolean     NOT NULL,               -- when it was made
    attestation_format text        NOT NULL CHECK (length(attestation_format) BETWEEN 1 AND 32),
    attestation_object bytea       CHECK (octet_length(attestation_object) <= 65536), -- NULL for the format none
    client_data_hash   bytea       CHECK (octet_length(client_data_hash) = 32),       -- that the attestation covers
    name               text        NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    created_at         timestamptz NOT NULL,
    last_used_at       timestamptz,
    suspended_at       timestamptz,                        -- its counter went back: it may have been copied (§6.1.1)
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE,
    CHECK (backup_eligible OR NOT backup_state),
    CHECK ((attestation_object IS NULL) = (client_data_hash IS NULL))
);
CREATE UNIQUE INDEX passkeys_credential_id ON passkeys (org_id, credential_id);
CREATE INDEX passkeys_user ON passkeys (org_id, user_id, id);
CREATE INDEX passkeys_aaguid ON passkeys (aaguid);

-- Which passkey a session was begun with, and of which model that was, which outlives the passkey.
ALTER TABLE sessions ADD COLUMN passkey_id uuid;
ALTER TABLE sessions ADD COLUMN aaguid uuid;
ALTER TABLE sessions
    ADD CONSTRAINT sessions_passkey FOREIGN KEY (org_id, passkey_id) REFERENCES passkeys (org_id, id) ON DELETE SET NULL (passkey_id) NOT VALID;
