-- +goose Up

-- To whom the end of a session is told by back-channel logout, and how that went. A row outlives its session and
-- its person (deleting a person ends their sessions, too), so it references neither.
CREATE TABLE logout_deliveries (
    org_id          uuid        NOT NULL,
    id              uuid        NOT NULL,
    session_id      uuid        NOT NULL,
    client_id       uuid        NOT NULL,
    user_id         uuid        NOT NULL,
    state           text        NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
    attempts        integer     NOT NULL DEFAULT 0,
    last_status     integer,                      -- of HTTP; NULL when there was no answer
    last_error      text,                         -- what went wrong last, in words; NULL when nothing did
    created_at      timestamptz NOT NULL DEFAULT now(),
    last_attempt_at timestamptz,
    next_attempt_at timestamptz,                  -- NULL when it is over
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, client_id) REFERENCES clients (org_id, id) ON DELETE CASCADE,
    CHECK ((state = 'pending') = (next_attempt_at IS NOT NULL))
);
-- A session ends once, so each of its clients is told once.
CREATE UNIQUE INDEX logout_deliveries_session ON logout_deliveries (org_id, session_id, client_id);
CREATE INDEX logout_deliveries_client ON logout_deliveries (org_id, client_id, id);
CREATE INDEX logout_deliveries_state ON logout_deliveries (org_id, state, id);
CREATE INDEX logout_deliveries_created ON logout_deliveries (created_at);
