-- name: InsertBackchannelRequest :exec
INSERT INTO backchannel_requests (org_id, id, client_id, user_id, auth_req_id_hash, delivery_mode, scopes, audience, authorization_details, acr_values,
    binding_message, poll_interval, sealed, sealed_by, created_at, expires_at)
VALUES (@org_id, @id, @client_id, @user_id, @auth_req_id_hash, @delivery_mode, @scopes, @audience, @authorization_details, @acr_values,
    @binding_message, @poll_interval, @sealed, @sealed_by, @created_at, @expires_at);

-- name: PendingBackchannelRequests :many
-- Those that wait for a decision, newest first: of one person, or of all when the user is the nil UUID.
SELECT b.id, b.client_id, c.client_id AS client_identifier, c.client_name, b.user_id, u.username, b.scopes, b.audience, b.authorization_details, b.acr_values,
    b.binding_message, b.created_at, b.expires_at
FROM backchannel_requests b
JOIN clients c ON c.org_id = b.org_id AND c.id = b.client_id
JOIN users u ON u.org_id = b.org_id AND u.id = b.user_id
WHERE b.org_id = @org_id AND b.status = 'pending' AND b.expires_at > @at AND c.status = 'active' AND u.status = 'active'
  AND (@user_id::uuid = '00000000-0000-0000-0000-000000000000'::uuid OR b.user_id = @user_id::uuid) AND b.id < @before
ORDER BY b.id DESC LIMIT @row_limit;

-- name: PendingBackchannelRequest :one
SELECT b.id, b.client_id, c.client_id AS client_identifier, c.client_name, b.user_id, u.username, b.scopes, b.audience, b.authorization_details, b.acr_values,
    b.binding_message, b.created_at, b.expires_at
FROM backchannel_requests b
JOIN clients c ON c.org_id = b.org_id AND c.id = b.client_id
JOIN users u ON u.org_id = b.org_id AND u.id = b.user_id
WHERE b.org_id = @org_id AND b.id = @id AND b.status = 'pending' AND b.expires_at > @at AND c.status = 'active' AND u.status = 'active';

-- name: PersonHasPendingBackchannelRequest :one
SELECT EXISTS (SELECT 1 FROM backchannel_requests WHERE org_id = @org_id AND user_id = @user_id AND status = 'pending' AND expires_at > @at)::boolean;

-- name: DecideBackchannelRequest :one
-- One conditional UPDATE: of two that decide at once, one does. Nobody but the person whom the request is about is
-- decided for, and only while the client is active.
UPDATE backchannel_requests b SET status = @status, notification = CASE WHEN b.delivery_mode = 'poll' THEN 'none' ELSE 'pending' END
FROM clients c
WHERE b.org_id = @org_id AND b.id = @id AND b.user_id = @user_id AND b.status = 'pending' AND b.expires_at > @at
  AND c.org_id = b.org_id AND c.id = b.client_id AND c.status = 'active'
RETURNING b.client_id, b.auth_req_id_hash, b.delivery_mode, b.scopes, b.audience, b.authorization_details, b.expires_at;

-- name: PollBackchannelRequest :one
-- As PollDeviceRequest (CIBA Core 1.0 §11). Who hears that the request expired is not told a second time.
UPDATE backchannel_requests SET
    status = CASE WHEN status = 'pending' AND expires_at <= @at::timestamptz THEN 'expired' ELSE status END,
    sealed = CASE WHEN status = 'pending' AND expires_at <= @at::timestamptz THEN NULL ELSE sealed END,
    sealed_by = CASE WHEN status = 'pending' AND expires_at <= @at::timestamptz THEN NULL ELSE sealed_by END,
    polled_early = polled_at IS NOT NULL AND polled_at + make_interval(secs => poll_interval - 1) > @at::timestamptz,
    poll_interval = poll_interval + CASE WHEN status = 'pending' AND polled_at + make_interval(secs => poll_interval - 1) > @at::timestamptz THEN 5 ELSE 0 END,
    polled_at = @at::timestamptz
WHERE org_id = @org_id AND auth_req_id_hash = @auth_req_id_hash AND client_id = @client_id AND delivery_mode <> 'push'
RETURNING status, polled_early, audience, authorization_details, expires_at;

-- name: ExpireBackchannelRequests :many
-- cross-tenant: periodic work. Requests that nobody answered in time, whose clients are to be told.
UPDATE backchannel_requests SET status = 'expired', notification = 'pending'
WHERE (org_id, id) IN (
    SELECT b.org_id, b.id FROM backchannel_requests b
    WHERE b.status = 'pending' AND b.delivery_mode <> 'poll' AND b.expires_at <= @at
    ORDER BY b.expires_at LIMIT @row_limit FOR UPDATE SKIP LOCKED)
RETURNING org_id, id;

-- name: BackchannelRequestByID :one
SELECT * FROM backchannel_requests WHERE org_id = @org_id AND id = @id;

-- name: RecordBackchannelNotification :exec
-- What a client is told with is forgotten when it was told, or will not be.
UPDATE backchannel_requests SET notification = @notification, attempts = attempts + 1, last_error = @last_error,
    sealed = CASE WHEN @notification = 'pending' THEN sealed END, sealed_by = CASE WHEN @notification = 'pending' THEN sealed_by END
WHERE org_id = @org_id AND id = @id;

-- name: PushedGrant :one
-- The grant of a request whose tokens are pushed, redeemed by an attempt before.
SELECT id, user_id, session_id, scopes, nonce, authenticated_at, methods, acr, audience, claims, authorization_details FROM grants
WHERE org_id = @org_id AND code_hash = @code_hash AND client_id = @client_id AND code_challenge = @code_challenge
  AND code_redeemed_at IS NOT NULL AND revoked_at IS NULL AND model_accepted(aaguid, attested, @refused_models::uuid[], sqlc.narg(accepted_models)::uuid[]);

-- name: BackchannelRequestsSealedByOthers :many
-- cross-tenant: re-sealing under the current key-encryption key
SELECT org_id, id, sealed, sealed_by FROM backchannel_requests WHERE sealed IS NOT NULL AND sealed_by <> @current ORDER BY org_id, id LIMIT @row_limit;

-- name: ResealBackchannelRequest :execrows
UPDATE backchannel_requests SET sealed = @sealed, sealed_by = @sealed_by WHERE org_id = @org_id AND id = @id AND sealed_by = @was_sealed_by;

-- name: DeleteExpiredBackchannelRequests :execrows
-- cross-tenant: periodic clean-up
DELETE FROM backchannel_requests WHERE (org_id, id) IN (SELECT b.org_id, b.id FROM backchannel_requests b WHERE b.expires_at < @before LIMIT @row_limit);
