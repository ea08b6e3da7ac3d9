-- +goose Up

-- What a changed e-mail address was before, while whoever reads the former mailbox may object to the change.
CREATE TABLE email_changes (
    org_id         uuid        NOT NULL,
    id             uuid        NOT NULL,
    user_id        uuid        NOT NULL,
    old_username   text        NOT NULL CHECK (length(old_username) BETWEEN 1 AND 254),
    old_email      text        NOT NULL CHECK (length(old_email) BETWEEN 3 AND 254),
    new_email      text        NOT NULL CHECK (length(new_email) BETWEEN 3 AND 254),
    objection_hash bytea       NOT NULL CHECK (octet_length(objection_hash) = 32), -- of the token in the letter to the former address
    created_at     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    closed_at      timestamptz,                        -- somebody objected, to this change or to an earlier one
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX email_changes_objection ON email_changes (org_id, objection_hash);
CREATE INDEX email_changes_user ON email_changes (org_id, user_id, id);
CREATE INDEX email_changes_expires ON email_changes (expires_at);
