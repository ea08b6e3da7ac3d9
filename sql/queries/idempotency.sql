-- name: InsertIdempotencyKey :execrows
-- One row when the key is new or had expired, none when somebody used it meanwhile.
INSERT INTO idempotency_keys (org_id, actor_id, key_hash, request_hash, status, resource_id, expires_at)
VALUES (@org_id, @actor_id, @key_hash, @request_hash, @status, @resource_id, @expires_at)
ON CONFLICT (org_id, actor_id, key_hash) DO UPDATE SET request_hash = EXCLUDED.request_hash, status = EXCLUDED.status,
    resource_id = EXCLUDED.resource_id, expires_at = EXCLUDED.expires_at
WHERE idempotency_keys.expires_at <= @at;

-- name: IdempotencyKey :one
SELECT request_hash, status, resource_id FROM idempotency_keys
WHERE org_id = @org_id AND actor_id = @actor_id AND key_hash = @key_hash AND expires_at > @at;

-- name: DeleteExpiredIdempotencyKeys :execrows
-- cross-tenant: periodic clean-up
DELETE FROM idempotency_keys WHERE (org_id, actor_id, key_hash) IN (SELECT i.org_id, i.actor_id, i.key_hash FROM idempotency_keys i WHERE i.expires_at < @before LIMIT @row_limit);
