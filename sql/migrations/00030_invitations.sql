-- +goose Up

-- That a person was invited by a letter to have their account: the last letter counts.
CREATE TABLE invitations (
    org_id      uuid        NOT NULL,
    user_id     uuid        NOT NULL,
    email       text        NOT NULL CHECK (length(email) BETWEEN 3 AND 254), -- where the letter went; of another address the link is worth nothing
    token_hash  bytea       NOT NULL CHECK (octet_length(token_hash) = 32),
    sent_at     timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    accepted_at timestamptz,
    revoked_at  timestamptz,                                                  -- by an administrator, or because they gave the person a password
    PRIMARY KEY (org_id, user_id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX invitations_token ON invitations (org_id, token_hash);
