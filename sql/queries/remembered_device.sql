-- name: RememberDevice :exec
-- One for a person in a browser: another takes its place.
INSERT INTO remembered_devices (org_id, id, user_id, token_hash, browser_hash, user_agent, created_at, last_used_at, expires_at)
VALUES (@org_id, @id, @user_id, @token_hash, @browser_hash, @user_agent, @at, @at, @expires_at);

-- name: RememberedDevice :one
SELECT * FROM remembered_devices
WHERE org_id = @org_id AND user_id = @user_id AND browser_hash = @browser_hash AND token_hash = ANY (@token_hashes::bytea[])
  AND expires_at > @at AND created_at > @made_after::timestamptz;

-- name: UseRememberedDevice :execrows
-- Keeps the device until the transaction ends.
UPDATE remembered_devices SET last_used_at = @at WHERE org_id = @org_id AND user_id = @user_id AND id = @id AND expires_at > @at;

-- name: RememberedDevicesOfUser :many
SELECT * FROM remembered_devices WHERE org_id = @org_id AND user_id = @user_id AND expires_at > @at ORDER BY id DESC;

-- name: ForgetDevice :execrows
DELETE FROM remembered_devices WHERE org_id = @org_id AND user_id = @user_id AND id = @id;

-- name: ForgetDeviceOfBrowser :exec
DELETE FROM remembered_devices WHERE org_id = @org_id AND user_id = @user_id AND browser_hash = @browser_hash;

-- name: ForgetDevicesOfUser :execrows
DELETE FROM remembered_devices WHERE org_id = @org_id AND user_id = @user_id;

-- name: DeleteExpiredDevices :execrows
-- cross-tenant: periodic clean-up
DELETE FROM remembered_devices WHERE (org_id, id) IN (SELECT d.org_id, d.id FROM remembered_devices d WHERE d.expires_at < @before LIMIT @row_limit);
