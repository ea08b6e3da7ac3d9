-- name: InsertDeviceRequest :execrows
-- No row when the code for people is taken: the caller makes another one.
INSERT INTO device_requests (org_id, id, client_id, device_code_hash, user_code_hash, scopes, audience, poll_interval, created_at, expires_at)
VALUES (@org_id, @id, @client_id, @device_code_hash, @user_code_hash, @scopes, @audience, @poll_interval, @created_at, @expires_at)
ON CONFLICT DO NOTHING;

-- name: PendingDeviceRequest :one
SELECT d.id, d.client_id, c.client_id AS client_identifier, d.scopes, d.audience, d.created_at
FROM device_requests d JOIN clients c ON c.org_id = d.org_id AND c.id = d.client_id
WHERE d.org_id = @org_id AND d.user_code_hash = @user_code_hash AND d.status = 'pending' AND d.expires_at > @at AND c.status = 'active';

-- name: DecideDeviceRequest :one
-- One conditional UPDATE: of two people who decide at once, one does.
UPDATE device_requests SET status = @status
WHERE org_id = @org_id AND id = @id AND status = 'pending' AND expires_at > @at
RETURNING client_id, device_code_hash, scopes, audience, expires_at;

-- name: PollDeviceRequest :one
-- What a device hears, and whether it asked too early (RFC 8628 §3.5: then it waits five seconds longer from now on). A
-- second's grace is for the way. Replicas that are asked at once take turns at the row.
UPDATE device_requests SET
    polled_early = polled_at IS NOT NULL AND polled_at + make_interval(secs => poll_interval - 1) > @at::timestamptz,
    poll_interval = poll_interval + CASE WHEN status = 'pending' AND polled_at + make_interval(secs => poll_interval - 1) > @at::timestamptz THEN 5 ELSE 0 END,
    polled_at = @at::timestamptz
WHERE org_id = @org_id AND device_code_hash = @device_code_hash AND client_id = @client_id
RETURNING status, polled_early, audience, expires_at;

-- name: DeleteExpiredDeviceRequests :execrows
-- cross-tenant: periodic clean-up
DELETE FROM device_requests WHERE (org_id, id) IN (SELECT d.org_id, d.id FROM device_requests d WHERE d.expires_at < @before LIMIT @row_limit);
