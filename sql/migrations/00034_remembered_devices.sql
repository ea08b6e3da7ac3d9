-- +goose Up

-- Browsers in which a person is not asked for a second factor for a while, because they said so when they proved it. The token
-- is in a cookie of the browser; it counts only beside the browser's own one.
CREATE TABLE remembered_devices (
    org_id       uuid        NOT NULL,
    id           uuid        NOT NULL,
    user_id      uuid        NOT NULL,
    token_hash   bytea       NOT NULL CHECK (octet_length(token_hash) = 32),
    browser_hash bytea       NOT NULL CHECK (octet_length(browser_hash) = 32),
    user_agent   text        NOT NULL,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX remembered_devices_browser ON remembered_devices (org_id, user_id, browser_hash);
CREATE INDEX remembered_devices_expiry ON remembered_devices (expires_at);

-- In whose stead a session was begun without a second factor. When the device is forgotten, the session stands for itself.
ALTER TABLE sessions ADD COLUMN device_id uuid;
ALTER TABLE sessions
    ADD CONSTRAINT sessions_device FOREIGN KEY (org_id, device_id) REFERENCES remembered_devices (org_id, id) ON DELETE SET NULL (device_id) NOT VALID;
