-- name: DomainsOfOrganization :many
SELECT * FROM domains WHERE org_id = @org_id ORDER BY host;

-- name: DomainByID :one
SELECT * FROM domains WHERE org_id = @org_id AND id = @id;

-- name: DomainByHost :one
SELECT * FROM domains WHERE org_id = @org_id AND host = @host;

-- name: CountDomains :one
SELECT count(*) FROM domains WHERE org_id = @org_id;

-- name: InsertDomain :one
INSERT INTO domains (org_id, id, host, token, created_at) VALUES (@org_id, @id, @host, @token, @created_at) RETURNING *;

-- name: VerifyDomain :one
UPDATE domains SET verified_at = @at, verified_by = @by WHERE org_id = @org_id AND id = @id AND verified_at IS NULL RETURNING *;

-- name: DeleteDomain :execrows
DELETE FROM domains WHERE org_id = @org_id AND id = @id;

-- name: VerifiedHosts :many
-- cross-tenant: resolves the organization of a request by its host
SELECT d.host, d.token, o.slug FROM domains d JOIN organizations o ON o.id = d.org_id WHERE d.verified_at IS NOT NULL;
