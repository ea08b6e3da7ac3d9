-- name: InsertMail :exec
INSERT INTO mails (org_id, id, kind, user_id, sealed_by, sealed, created_at, expires_at, next_attempt_at)
VALUES (@org_id, @id, @kind, @user_id, @sealed_by, @sealed, @at, @expires_at, @at);

-- name: MailByID :one
SELECT * FROM mails WHERE org_id = @org_id AND id = @id;

-- name: RecordMailAttempt :execrows
-- What was written leaves the row when the mail is over.
UPDATE mails SET state = @state::text, attempts = attempts + 1, last_error = @last_error, last_attempt_at = @at, next_attempt_at = @next_attempt_at,
    sealed = CASE WHEN @state::text = 'pending' THEN sealed END, sealed_by = CASE WHEN @state::text = 'pending' THEN sealed_by END
WHERE org_id = @org_id AND id = @id AND state = 'pending';

-- name: DeleteOldMails :execrows
-- cross-tenant: periodic clean-up
DELETE FROM mails WHERE (org_id, id) IN (SELECT m.org_id, m.id FROM mails m WHERE m.created_at < @before LIMIT @row_limit);

-- name: DeleteBatchOfMails :execrows
DELETE FROM mails m USING (SELECT x.org_id, x.id FROM mails x WHERE x.org_id = @org_id LIMIT @row_limit) d WHERE m.org_id = d.org_id AND m.id = d.id;

-- name: MailsSealedByOthers :many
-- cross-tenant: brings everything under the current key-encryption key
SELECT org_id, id, sealed_by, sealed FROM mails WHERE sealed_by IS NOT NULL AND sealed_by <> @current LIMIT @row_limit;

-- name: ResealMail :execrows
UPDATE mails SET sealed_by = @sealed_by, sealed = @sealed WHERE org_id = @org_id AND id = @id AND sealed_by = @was_sealed_by;

-- name: DeleteMail :execrows
DELETE FROM mails WHERE org_id = @org_id AND id = @id;

-- name: MailsOfUser :many
SELECT id, kind, state, attempts, created_at, last_attempt_at FROM mails WHERE org_id = @org_id AND user_id = @user_id::uuid ORDER BY id DESC;

-- name: CountMailsOfUser :one
SELECT count(*) FROM mails WHERE org_id = @org_id AND user_id = @user_id::uuid AND kind = @kind AND created_at > @since;

-- name: DeleteMailsOfUser :execrows
DELETE FROM mails WHERE org_id = @org_id AND user_id = @user_id::uuid;
