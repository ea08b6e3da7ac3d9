-- +goose Up

-- Mails on their way, and for a while how they arrived. To whom a mail goes and what is written in it, links and codes
-- included, is sealed with the key-encryption key and leaves the row when the mail is over. A row outlives its person.
CREATE TABLE mails (
    org_id          uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id              uuid        NOT NULL,
    kind            text        NOT NULL CHECK (length(kind) BETWEEN 1 AND 40), -- what it is about: verify_address …
    user_id         uuid,                         -- whom it concerns; NULL when that is nobody yet
    sealed_by       text,                         -- id of the key-encryption key
    sealed          bytea       CHECK (octet_length(sealed) <= 131072),
    state           text        NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'failed')),
    attempts        integer     NOT NULL DEFAULT 0,
    last_error      text,                         -- code and reply of the server, nothing personal; NULL when nothing went wrong
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,         -- after which it is of no use to anybody
    last_attempt_at timestamptz,
    next_attempt_at timestamptz,                  -- NULL when it is over
    PRIMARY KEY (org_id, id),
    CHECK ((state = 'pending') = (next_attempt_at IS NOT NULL)),
    CHECK ((state = 'pending') = (sealed IS NOT NULL)),
    CHECK ((sealed IS NULL) = (sealed_by IS NULL))
);
CREATE INDEX mails_state ON mails (org_id, state, id);
CREATE INDEX mails_user ON mails (org_id, user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX mails_created ON mails (created_at);
CREATE INDEX mails_sealed ON mails (sealed_by) WHERE sealed_by IS NOT NULL;
