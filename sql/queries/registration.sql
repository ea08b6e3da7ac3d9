-- name: InsertInitialAccessToken :one
INSERT INTO initial_access_tokens (org_id, id, name, token_hash, max_uses, expires_at, created_by, created_at)
VALUES (@org_id, @id, @name, @token_hash, @max_uses, @expires_at, @created_by, @created_at)
RETURNING *;

-- name: InitialAccessTokenByHash :one
SELECT * FROM initial_access_tokens
WHERE org_id = @org_id AND token_hash = @token_hash AND revoked_at IS NULL AND expires_at > @at AND (max_uses IS NULL OR uses < max_uses);

-- name: UseInitialAccessToken :one
UPDATE initial_access_tokens SET uses = uses + 1
WHERE org_id = @org_id AND token_hash = @token_hash AND revoked_at IS NULL AND expires_at > @at AND (max_uses IS NULL OR uses < max_uses)
RETURNING id;

-- name: InitialAccessTokenByID :one
SELECT * FROM initial_access_tokens WHERE org_id = @org_id AND id = @id;

-- name: RevokeInitialAccessToken :one
UPDATE initial_access_tokens SET revoked_at = coalesce(revoked_at, @at) WHERE org_id = @org_id AND id = @id
RETURNING *;
