-- name: IdentityProvidersOfOrganization :many
SELECT * FROM identity_providers WHERE org_id = @org_id ORDER BY name, id;

-- name: IdentityProviderByID :one
SELECT * FROM identity_providers WHERE org_id = @org_id AND id = @id;

-- name: CountIdentityProviders :one
SELECT count(*) FROM identity_providers WHERE org_id = @org_id;

-- name: InsertIdentityProvider :one
INSERT INTO identity_providers (org_id, id, alias, name, status, issuer, client_id, client_authentication, sealed, sealed_by, scopes, created_at, updated_at)
VALUES (@org_id, @id, @alias, @name, @status, @issuer, @client_id, @client_authentication, @sealed, @sealed_by, @scopes, @at, @at) RETURNING *;

-- name: UpdateIdentityProvider :one
UPDATE identity_providers SET alias = @alias, name = @name, status = @status, issuer = @issuer, client_id = @client_id,
    client_authentication = @client_authentication, sealed = @sealed, sealed_by = @sealed_by, scopes = @scopes, version = version + 1, updated_at = @at
WHERE org_id = @org_id AND id = @id AND version = @expected_version RETURNING *;

-- name: DeleteIdentityProvider :execrows
DELETE FROM identity_providers WHERE org_id = @org_id AND id = @id AND version = @expected_version;

-- name: IdentityProvidersSealedByOthers :many
-- cross-tenant: brings everything under the current key-encryption key
SELECT org_id, id, sealed, sealed_by FROM identity_providers WHERE sealed_by IS NOT NULL AND sealed_by <> @current LIMIT @row_limit;

-- name: ResealIdentityProvider :execrows
UPDATE identity_providers SET sealed = @sealed, sealed_by = @sealed_by WHERE org_id = @org_id AND id = @id AND sealed_by = @was_sealed_by;

-- name: InsertUpstreamIdentity :one
INSERT INTO upstream_identities (org_id, id, provider_id, subject, name, user_id, created_at, last_used_at)
VALUES (@org_id, @id, @provider_id, @subject, @name, @user_id, @at, @at) RETURNING *;

-- name: UpstreamIdentityBySubject :one
SELECT * FROM upstream_identities WHERE org_id = @org_id AND provider_id = @provider_id AND subject = @subject;

-- name: LockUpstreamIdentity :one
-- Keeps an identity of a person who may sign in, and the provider, as they are until the transaction ends; the person's row
-- first, as in LockPasswordOfUser.
SELECT i.id FROM users u JOIN upstream_identities i ON i.org_id = u.org_id AND i.user_id = u.id
JOIN identity_providers p ON p.org_id = i.org_id AND p.id = i.provider_id
WHERE u.org_id = @org_id AND u.id = @user_id AND u.status = 'active' AND i.id = @id AND p.status = 'active'
FOR KEY SHARE OF u FOR SHARE OF i, p;

-- name: UseUpstreamIdentity :execrows
UPDATE upstream_identities SET last_used_at = @at WHERE org_id = @org_id AND id = @id;

-- name: UpstreamIdentitiesOfUser :many
SELECT * FROM upstream_identities WHERE org_id = @org_id AND user_id = @user_id ORDER BY id;

-- name: DeleteUpstreamIdentity :one
DELETE FROM upstream_identities WHERE org_id = @org_id AND user_id = @user_id AND id = @id RETURNING *;
