-- name: InsertResource :one
INSERT INTO resources (org_id, id, identifier, name, scopes, access_token_lifetime_seconds, introspection_clients, published, created_at, updated_at)
VALUES (@org_id, @id, @identifier, @name, @scopes, @access_token_lifetime_seconds, @introspection_clients, @published, @created_at, @created_at)
RETURNING *;

-- name: ResourceByID :one
SELECT * FROM resources WHERE org_id = @org_id AND id = @id;

-- name: ResourcesOfOrganization :many
-- All of them: an organization has a bounded number, and which scopes belong to others counts too.
SELECT * FROM resources WHERE org_id = @org_id ORDER BY id;

-- name: CountResources :one
SELECT count(*) FROM resources WHERE org_id = @org_id;

-- name: UpdateResource :one
UPDATE resources SET identifier = @identifier, name = @name, scopes = @scopes, access_token_lifetime_seconds = @access_token_lifetime_seconds,
    introspection_clients = @introspection_clients, published = @published, version = version + 1, updated_at = @updated_at
WHERE org_id = @org_id AND id = @id AND version = @expected_version
RETURNING *;

-- name: DeleteResource :execrows
DELETE FROM resources WHERE org_id = @org_id AND id = @id AND version = @expected_version;
