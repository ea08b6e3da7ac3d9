-- +goose Up

-- Requests of devices that have no browser (RFC 8628). What a person allowed becomes a grant whose code is the device
-- code; until then this is all there is. Both codes are digests: the one that people type is short, so its digest is
-- keyed.
CREATE TABLE device_requests (
    org_id           uuid        NOT NULL,
    id               uuid        NOT NULL,
    client_id        uuid        NOT NULL,
    device_code_hash bytea       NOT NULL,
    user_code_hash   bytea       NOT NULL,
    scopes           text[]      NOT NULL,
    audience         text[]      NOT NULL DEFAULT '{}',
    status           text        NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'approved', 'denied')),
    poll_interval    integer     NOT NULL, -- seconds
    polled_at        timestamptz,
    polled_early     boolean     NOT NULL DEFAULT false,
    created_at       timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, client_id) REFERENCES clients (org_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX device_requests_device_code ON device_requests (org_id, device_code_hash);
CREATE UNIQUE INDEX device_requests_user_code ON device_requests (org_id, user_code_hash);
CREATE INDEX device_requests_client ON device_requests (org_id, client_id);
CREATE INDEX device_requests_expires ON device_requests (expires_at);
