-- name: OrganizationBySlug :one
-- cross-tenant: resolves the organization of a URL
SELECT id, slug, display_name, status, branding, policies, version, created_at, updated_at, domain, former_domain, former_until FROM organizations WHERE slug = @slug;

-- name: OrganizationByID :one
-- cross-tenant: organizations are the tenants themselves
SELECT id, slug, display_name, status, branding, policies, version, created_at, updated_at, domain, former_domain, former_until FROM organizations WHERE id = @id;

-- name: InsertOrganization :one
-- cross-tenant: makes a tenant
INSERT INTO organizations (id, slug, display_name, branding, policies, created_at, updated_at)
VALUES (@id, @slug, @display_name, @branding, @policies, @created_at, @created_at)
RETURNING id, slug, display_name, status, branding, policies, version, created_at, updated_at, domain, former_domain, former_until;

-- name: UpdateOrganization :one
-- cross-tenant: organizations are the tenants themselves
UPDATE organizations
SET display_name = @display_name, branding = @branding, policies = @policies, status = @status,
    version = version + 1, updated_at = @updated_at
WHERE id = @id AND version = @expected_version
RETURNING id, slug, display_name, status, branding, policies, version, created_at, updated_at, domain, former_domain, former_until;

-- name: DeleteOrganizationRow :execrows
-- cross-tenant: the last step of deleting a tenant, when nothing of it is left
DELETE FROM organizations WHERE id = @id AND status = 'deleting';

-- name: DeleteBatchOfRefreshTokens :execrows
DELETE FROM refresh_tokens r USING (SELECT x.org_id, x.id FROM refresh_tokens x WHERE x.org_id = @org_id LIMIT @row_limit) d WHERE r.org_id = d.org_id AND r.id = d.id;
-- name: DeleteBatchOfDeviceRequests :execrows
DELETE FROM device_requests r USING (SELECT x.org_id, x.id FROM device_requests x WHERE x.org_id = @org_id LIMIT @row_limit) d WHERE r.org_id = d.org_id AND r.id = d.id;
-- name: DeleteBatchOfBackchannelRequests :execrows
DELETE FROM backchannel_requests r USING (SELECT x.org_id, x.id FROM backchannel_requests x WHERE x.org_id = @org_id LIMIT @row_limit) d WHERE r.org_id = d.org_id AND r.id = d.id;
-- name: DeleteBatchOfGrants :execrows
DELETE FROM grants g USING (SELECT x.org_id, x.id FROM grants x WHERE x.org_id = @org_id LIMIT @row_limit) d WHERE g.org_id = d.org_id AND g.id = d.id;
-- name: DeleteBatchOfLogoutDeliveries :execrows
DELETE FROM logout_deliveries l USING (SELECT x.org_id, x.id FROM logout_deliveries x WHERE x.org_id = @org_id LIMIT @row_limit) d WHERE l.org_id = d.org_id AND l.id = d.id;
-- name: DeleteBatchOfSessions :execrows
DELETE FROM sessions s USING (SELECT x.org_id, x.id FROM sessions x WHERE x.org_id = @org_id LIMIT @row_limit) d WHERE s.org_id = d.org_id AND s.id = d.id;
-- name: DeleteBatchOfConsents :execrows
DELETE FROM consents c USING (SELECT x.org_id, x.id FROM consents x WHERE x.org_id = @org_id LIMIT @row_limit) d WHERE c.org_id = d.org_id AND c.id = d.id;
-- name: DeleteBatchOfUsers :execrows
DELETE FROM users u USING (SELECT x.org_id, x.id FROM users x WHERE x.org_id = @org_id LIMIT @row_limit) d WHERE u.org_id = d.org_id AND u.id = d.id;
-- name: DeleteBatchOfClients :execrows
DELETE FROM clients c USING (SELECT x.org_id, x.id FROM clients x WHERE x.org_id = @org_id LIMIT @row_limit) d WHERE c.org_id = d.org_id AND c.id = d.id;
-- name: DeleteBatchOfRevokedTokens :execrows
DELETE FROM revoked_tokens r USING (SELECT x.org_id, x.token_id FROM revoked_tokens x WHERE x.org_id = @org_id LIMIT @row_limit) d WHERE r.org_id = d.org_id AND r.token_id = d.token_id;
-- name: DeleteBatchOfAuditEvents :execrows
DELETE FROM audit_events a USING (SELECT x.org_id, x.id FROM audit_events x WHERE x.org_id = @org_id LIMIT @row_limit) d WHERE a.org_id = d.org_id AND a.id = d.id;
-- name: DeleteBatchOfSignInFailures :execrows
DELETE FROM sign_in_failures f USING (SELECT x.org_id, x.subject_hash FROM sign_in_failures x WHERE x.org_id = @org_id LIMIT @row_limit) d WHERE f.org_id = d.org_id AND f.subject_hash = d.subject_hash;

-- name: UpsertOrganizationLogo :exec
INSERT INTO organization_logos (org_id, media_type, content, digest, updated_at)
VALUES (@org_id, @media_type, @content, @digest, @updated_at)
ON CONFLICT (org_id) DO UPDATE SET media_type = EXCLUDED.media_type, content = EXCLUDED.content, digest = EXCLUDED.digest, updated_at = EXCLUDED.updated_at;

-- name: OrganizationLogo :one
SELECT media_type, content, digest FROM organization_logos WHERE org_id = @org_id;

-- name: DeleteOrganizationLogo :execrows
DELETE FROM organization_logos WHERE org_id = @org_id;

-- name: OrganizationCounts :one
SELECT (SELECT count(*) FROM (SELECT 1 FROM users u WHERE u.org_id = @org_id LIMIT 10001) AS bounded_users)::bigint AS users,
       (SELECT count(*) FROM (SELECT 1 FROM clients c WHERE c.org_id = @org_id LIMIT 10001) AS bounded_clients)::bigint AS clients,
       (SELECT count(*) FROM (SELECT 1 FROM sessions s WHERE s.org_id = @org_id AND s.ended_at IS NULL AND s.expires_at > @at AND s.idle_expires_at > @at LIMIT 10001) AS bounded_sessions)::bigint AS sessions;

-- name: CountOrganizations :one
-- cross-tenant: for platform administrators
SELECT count(*) FROM (SELECT 1 FROM organizations LIMIT 10001) AS bounded;

-- name: HoldOrganization :one
-- cross-tenant: organizations are the tenants themselves
SELECT id, slug, display_name, status, branding, policies, version, created_at, updated_at, domain, former_domain, former_until FROM organizations WHERE id = @id FOR SHARE;

-- name: OrganizationsAfter :many
-- cross-tenant: a job walks through the organizations
SELECT id FROM organizations WHERE id > @after AND status <> 'deleting' ORDER BY id LIMIT @row_limit;

-- name: SetOrganizationAddress :one
-- cross-tenant: organizations are the tenants themselves
UPDATE organizations SET domain = @domain, former_domain = @former_domain, former_until = @former_until, version = version + 1, updated_at = @updated_at
WHERE id = @id AND version = @expected_version
RETURNING id, slug, display_name, status, branding, policies, version, created_at, updated_at, domain, former_domain, former_until;

-- name: LockOrganization :one
-- cross-tenant: organizations are the tenants themselves. Of those that change its domains or its address one at a time goes on.
SELECT id, slug, display_name, status, branding, policies, version, created_at, updated_at, domain, former_domain, former_until FROM organizations WHERE id = @id FOR NO KEY UPDATE;
