-- +goose Up
-- Requests by which an application asks for a person who is elsewhere (OpenID Connect CIBA Core 1.0). What the person
-- allowed becomes a grant whose code is the auth_req_id; until then this is all there is. The auth_req_id is a digest.
-- Where the client is to be told of the end, what that takes is sealed beside it until it was told.
CREATE TABLE backchannel_requests (
    org_id                uuid        NOT NULL,
    id                    uuid        NOT NULL,
    client_id             uuid        NOT NULL,
    user_id               uuid        NOT NULL,
    auth_req_id_hash      bytea       NOT NULL,
    delivery_mode         text        NOT NULL CHECK (delivery_mode IN ('poll', 'ping', 'push')),
    scopes                text[]      NOT NULL,
    audience              text[]      NOT NULL DEFAULT '{}',
    authorization_details jsonb,
    acr_values            text[]      NOT NULL DEFAULT '{}', -- of which the sign-in must reach one
    binding_message       text        NOT NULL DEFAULT '',
    status                text        NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'approved', 'denied', 'expired')),
    poll_interval         integer     NOT NULL, -- seconds
    polled_at             timestamptz,
    polled_early          boolean     NOT NULL DEFAULT false,
    notification          text        NOT NULL DEFAULT 'none' CHECK (notification IN ('none', 'pending', 'delivered', 'failed')),
    sealed                bytea,
    sealed_by             text,
    attempts              integer     NOT NULL DEFAULT 0,
    last_error            text,
    created_at            timestamptz NOT NULL,
    expires_at            timestamptz NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, client_id) REFERENCES clients (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX backchannel_requests_auth_req_id ON backchannel_requests (org_id, auth_req_id_hash);
CREATE INDEX backchannel_requests_client ON backchannel_requests (org_id, client_id);
CREATE INDEX backchannel_requests_user ON backchannel_requests (org_id, user_id);
CREATE INDEX backchannel_requests_expires ON backchannel_requests (expires_at);
CREATE INDEX backchannel_requests_sealed ON backchannel_requests (sealed_by) WHERE sealed IS NOT NULL;
