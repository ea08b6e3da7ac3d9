-- name: InsertClient :one
INSERT INTO clients (org_id, id, client_id, client_name, application_type, token_endpoint_auth_method, secret_hash, redirect_uris, origins,
    post_logout_redirect_uris, grant_types, response_types, scopes, id_token_signed_response_alg, logo_uri, client_uri, policy_uri, tos_uri, contacts,
    require_consent, access_token_lifetime_seconds, refresh_token_lifetime_seconds, origin, registration_access_token_hash,
    metadata, profile, sealed_secret, secret_sealed_by, initial_access_token_id, document_read_at, created_at, updated_at)
VALUES (@org_id, @id, @client_id, @client_name, @application_type, @token_endpoint_auth_method, @secret_hash, @redirect_uris, @origins,
    @post_logout_redirect_uris, @grant_types, @response_types, @scopes, @id_token_signed_response_alg, @logo_uri, @client_uri, @policy_uri, @tos_uri, @contacts,
    @require_consent, @access_token_lifetime_seconds, @refresh_token_lifetime_seconds, @origin, @registration_access_token_hash,
    @metadata, @profile, @sealed_secret, @secret_sealed_by, @initial_access_token_id, @document_read_at, @created_at, @created_at)
RETURNING *;

-- name: ClientByClientID :one
SELECT * FROM clients WHERE org_id = @org_id AND client_id = @client_id;

-- name: ClientByID :one
SELECT * FROM clients WHERE org_id = @org_id AND id = @id;

-- name: UpdateClient :one
UPDATE clients
SET client_name = @client_name, application_type = @application_type, token_endpoint_auth_method = @token_endpoint_auth_method,
    secret_hash = @secret_hash, redirect_uris = @redirect_uris, origins = @origins, post_logout_redirect_uris = @post_logout_redirect_uris,
    grant_types = @grant_types, response_types = @response_types, scopes = @scopes, id_token_signed_response_alg = @id_token_signed_response_alg,
    logo_uri = @logo_uri, client_uri = @client_uri, policy_uri = @policy_uri, tos_uri = @tos_uri, contacts = @contacts,
    require_consent = @require_consent, access_token_lifetime_seconds = @access_token_lifetime_seconds,
    refresh_token_lifetime_seconds = @refresh_token_lifetime_seconds, status = @status,
    registration_access_token_hash = @registration_access_token_hash, metadata = @metadata, profile = @profile, sealed_secret = @sealed_secret,
    secret_sealed_by = @secret_sealed_by, document_read_at = @document_read_at, version = version + 1, updated_at = @updated_at
WHERE org_id = @org_id AND id = @id AND version = @expected_version
RETURNING *;

-- name: DeleteClient :execrows
DELETE FROM clients WHERE org_id = @org_id AND id = @id AND version = @expected_version AND origin <> 'built_in';

-- name: OriginIsRegistered :one
SELECT EXISTS (SELECT 1 FROM clients WHERE org_id = @org_id AND origins @> ARRAY[@origin::text] AND status = 'active')::boolean;

-- name: AlignBuiltInClient :execrows
-- cross-tenant: the console's address is one setting of the installation, and every organization's console client follows it
UPDATE clients
SET redirect_uris = @redirect_uris, origins = @origins, post_logout_redirect_uris = @post_logout_redirect_uris, version = version + 1, updated_at = @updated_at
WHERE origin = 'built_in' AND client_id = @client_id
  AND (redirect_uris <> @redirect_uris OR post_logout_redirect_uris <> @post_logout_redirect_uris);

-- name: ClientSecretsSealedByOther :many
-- cross-tenant: a key-encryption key belongs to the installation
SELECT org_id, id, client_id, sealed_secret, secret_sealed_by FROM clients
WHERE secret_sealed_by IS NOT NULL AND secret_sealed_by <> @current LIMIT @row_limit;

-- name: ResealClientSecret :execrows
UPDATE clients SET sealed_secret = @sealed_secret, secret_sealed_by = @secret_sealed_by
WHERE org_id = @org_id AND id = @id AND secret_sealed_by = @expected_sealed_by;

-- name: ClientsWithoutProfile :many
SELECT * FROM clients WHERE org_id = @org_id AND profile IS NULL AND id > @after ORDER BY id LIMIT @row_limit;

-- name: RememberDocumentRead :exec
UPDATE clients SET document_read_at = @read_at WHERE org_id = @org_id AND id = @id AND document_read_at < @read_at;

-- name: DeleteUnusedDocumentClients :execrows
-- cross-tenant: what nobody uses any more goes everywhere
DELETE FROM clients WHERE (org_id, id) IN (
    SELECT c.org_id, c.id FROM clients c
    WHERE c.document_read_at < @before AND c.status = 'active' AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.org_id = c.org_id AND g.client_id = c.id)
    LIMIT @row_limit);
