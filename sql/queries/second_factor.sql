-- name: InsertTOTP :exec
INSERT INTO totp_credentials (org_id, id, user_id, sealed_by, sealed, last_used_step, confirmed_at, last_used_at)
VALUES (@org_id, @id, @user_id, @sealed_by, @sealed, @last_used_step, @at, @at);

-- name: TOTPOfUser :one
SELECT * FROM totp_credentials WHERE org_id = @org_id AND user_id = @user_id;

-- name: UseTOTPStep :execrows
-- Of several requests with codes of one step exactly one changes the row: the others see it changed.
UPDATE totp_credentials SET last_used_step = @step, last_used_at = @at
WHERE org_id = @org_id AND user_id = @user_id AND id = @id AND last_used_step < @step;

-- name: LockTOTP :one
-- Keeps an authenticator from being removed until the transaction ends. The person's row is locked first, as by whoever
-- changes a person.
SELECT t.id FROM users u JOIN totp_credentials t ON t.org_id = u.org_id AND t.user_id = u.id
WHERE u.org_id = @org_id AND u.id = @user_id AND u.status = 'active' AND t.id = @id
FOR KEY SHARE OF u, t;

-- name: DeleteTOTP :execrows
DELETE FROM totp_credentials WHERE org_id = @org_id AND user_id = @user_id;

-- name: TOTPsSealedByOthers :many
-- cross-tenant: brings everything under the current key-encryption key
SELECT org_id, id, sealed_by, sealed FROM totp_credentials WHERE sealed_by <> @current LIMIT @row_limit;

-- name: ResealTOTP :execrows
UPDATE totp_credentials SET sealed_by = @sealed_by, sealed = @sealed WHERE org_id = @org_id AND id = @id AND sealed_by = @was_sealed_by;

-- name: InsertRecoveryCodes :exec
INSERT INTO recovery_codes (org_id, id, user_id, code_hash, created_at)
SELECT @org_id, unnest(@ids::uuid[]), @user_id, unnest(@hashes::bytea[]), @at;

-- name: UseRecoveryCode :execrows
UPDATE recovery_codes SET used_at = @at WHERE org_id = @org_id AND user_id = @user_id AND code_hash = ANY (@hashes::bytea[]) AND used_at IS NULL;

-- name: RecoveryCodesLeft :one
SELECT count(*)::integer FROM recovery_codes WHERE org_id = @org_id AND user_id = @user_id AND used_at IS NULL;

-- name: DeleteRecoveryCodes :execrows
DELETE FROM recovery_codes WHERE org_id = @org_id AND user_id = @user_id;
