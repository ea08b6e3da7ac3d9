-- name: SigningKeys :many
SELECT * FROM signing_keys WHERE org_id = @org_id ORDER BY id;

-- name: InsertSigningKey :execrows
INSERT INTO signing_keys (org_id, id, key_id, algorithm, state, public_key, private_key, sealed_by, created_at, activated_at)
VALUES (@org_id, @id, @key_id, @algorithm, @state, @public_key, @private_key, @sealed_by, @created_at, @activated_at)
ON CONFLICT DO NOTHING;

-- name: RetireActiveSigningKey :execrows
UPDATE signing_keys SET state = 'retired', retired_at = @at WHERE org_id = @org_id AND algorithm = @algorithm AND state = 'active';

-- name: ActivateNextSigningKey :execrows
UPDATE signing_keys SET state = 'active', activated_at = @at WHERE org_id = @org_id AND algorithm = @algorithm AND state = 'next';

-- name: LockSigningKeys :many
SELECT * FROM signing_keys WHERE org_id = @org_id AND algorithm = @algorithm ORDER BY id FOR UPDATE;

-- name: DeleteRetiredSigningKeys :execrows
-- cross-tenant: periodic clean-up; nothing signed by these can be alive
DELETE FROM signing_keys WHERE (org_id, id) IN (SELECT k.org_id, k.id FROM signing_keys k WHERE k.state = 'retired' AND k.retired_at < @before LIMIT @row_limit);

-- name: SigningKeysDueForRotation :many
-- cross-tenant: periodic scan for what is due, never one job per organization
SELECT org_id, algorithm FROM signing_keys WHERE state = 'active' AND activated_at < @before ORDER BY activated_at LIMIT @row_limit;

-- name: SigningKeysSealedByOther :many
-- cross-tenant: re-wrapping after the key-encryption key changed
SELECT org_id, id, key_id, private_key, sealed_by FROM signing_keys WHERE sealed_by <> @current LIMIT @row_limit;

-- name: ResealSigningKey :execrows
UPDATE signing_keys SET private_key = @private_key, sealed_by = @sealed_by WHERE org_id = @org_id AND id = @id AND sealed_by = @expected_sealed_by;

-- name: TakePooledSigningKey :one
-- cross-tenant: pooled keys belong to nobody yet
DELETE FROM signing_key_pool WHERE id = (SELECT p.id FROM signing_key_pool p WHERE p.algorithm = @algorithm ORDER BY p.id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING *;

-- name: InsertPooledSigningKey :exec
-- cross-tenant: pooled keys belong to nobody yet
INSERT INTO signing_key_pool (id, key_id, algorithm, public_key, private_key, sealed_by, created_at)
VALUES (@id, @key_id, @algorithm, @public_key, @private_key, @sealed_by, @created_at);

-- name: CountPooledSigningKeys :one
-- cross-tenant: pooled keys belong to nobody yet
SELECT count(*) FROM signing_key_pool WHERE algorithm = @algorithm;

-- name: DeletePooledSigningKeysSealedByOther :execrows
-- cross-tenant: pooled keys are cheap to make again, so they are dropped rather than re-wrapped
DELETE FROM signing_key_pool WHERE sealed_by <> @current;

-- name: OrganizationSecret :one
SELECT sealed, sealed_by FROM organization_secrets WHERE org_id = @org_id AND name = @name;

-- name: InsertOrganizationSecret :execrows
INSERT INTO organization_secrets (org_id, name, sealed, sealed_by, created_at)
VALUES (@org_id, @name, @sealed, @sealed_by, @created_at)
ON CONFLICT DO NOTHING;

-- name: OrganizationSecretsSealedByOther :many
-- cross-tenant: re-wrapping after the key-encryption key changed
SELECT org_id, name, sealed, sealed_by FROM organization_secrets WHERE sealed_by <> @current LIMIT @row_limit;

-- name: ResealOrganizationSecret :execrows
UPDATE organization_secrets SET sealed = @sealed, sealed_by = @sealed_by WHERE org_id = @org_id AND name = @name AND sealed_by = @expected_sealed_by;
