-- name: MailServerByOrganization :one
SELECT * FROM mail_servers WHERE org_id = @org_id;

-- name: InsertMailServer :one
INSERT INTO mail_servers (org_id, host, port, tls, username, sealed, sealed_by, from_address, reply_to, created_at, updated_at)
VALUES (@org_id, @host, @port, @tls, @username, @sealed, @sealed_by, @from_address, @reply_to, @at, @at)
ON CONFLICT (org_id) DO NOTHING RETURNING *;

-- name: UpdateMailServer :one
UPDATE mail_servers SET host = @host, port = @port, tls = @tls, username = @username, sealed = @sealed, sealed_by = @sealed_by,
    from_address = @from_address, reply_to = @reply_to, version = version + 1, updated_at = @at
WHERE org_id = @org_id AND version = @expected_version RETURNING *;

-- name: DeleteMailServer :execrows
DELETE FROM mail_servers WHERE org_id = @org_id AND version = @expected_version;

-- name: MailServersSealedByOthers :many
-- cross-tenant: brings everything under the current key-encryption key
SELECT org_id, sealed, sealed_by FROM mail_servers WHERE sealed_by IS NOT NULL AND sealed_by <> @current LIMIT @row_limit;

-- name: ResealMailServer :execrows
UPDATE mail_servers SET sealed = @sealed, sealed_by = @sealed_by WHERE org_id = @org_id AND sealed_by = @was_sealed_by;
