-- name: AuthenticatorMetadata :one
-- cross-tenant: models of authenticators are nobody's
SELECT id, root_digest, number, digest, next_update, models, source, etag, loaded_at, checked_at, last_error FROM authenticator_metadata;

-- name: LockAuthenticatorMetadata :one
-- cross-tenant: models of authenticators are nobody's
-- Of several that load at the same moment, one is first.
INSERT INTO authenticator_metadata AS m (id) VALUES (true) ON CONFLICT (id) DO UPDATE SET id = m.id
RETURNING id, root_digest, number, digest, next_update, models, source, etag, loaded_at, checked_at, last_error;

-- name: StoreAuthenticatorMetadata :exec
-- cross-tenant: models of authenticators are nobody's
UPDATE authenticator_metadata SET root_digest = @root_digest, number = @number, digest = @digest, next_update = @next_update, models = @models, source = @source,
    etag = @etag, loaded_at = @at, checked_at = @at, last_error = '';

-- name: NoteAuthenticatorMetadata :exec
-- cross-tenant: models of authenticators are nobody's
-- What a look for newer metadata led to that changed nothing.
INSERT INTO authenticator_metadata AS m (id, source, etag, checked_at, last_error) VALUES (true, @source, @etag, @at, @last_error)
ON CONFLICT (id) DO UPDATE SET source = EXCLUDED.source, etag = EXCLUDED.etag, checked_at = EXCLUDED.checked_at, last_error = EXCLUDED.last_error;

-- name: DeleteAuthenticatorModels :exec
-- cross-tenant: models of authenticators are nobody's
DELETE FROM authenticator_models;

-- name: InsertAuthenticatorModels :exec
-- cross-tenant: models of authenticators are nobody's
INSERT INTO authenticator_models (aaguid, description, attestation_types, roots, reports)
SELECT m.aaguid, m.description, m.attestation_types, m.roots, m.reports
FROM jsonb_to_recordset(@models::jsonb) AS m(aaguid uuid, description text, attestation_types text[], roots text[], reports jsonb);

-- name: AuthenticatorModels :many
-- cross-tenant: models of authenticators are nobody's
-- What every replica remembers of each model.
SELECT aaguid, description, reports FROM authenticator_models;

-- name: AuthenticatorModel :one
-- cross-tenant: models of authenticators are nobody's
-- What an attestation is verified by.
SELECT attestation_types, roots FROM authenticator_models WHERE aaguid = @aaguid;

-- name: PasskeysByModel :many
-- How many passkeys of each model there are that sign in, and how many people have them.
SELECT p.aaguid, p.attested, count(*)::bigint AS passkeys, count(DISTINCT p.user_id)::bigint AS people
FROM passkeys p
WHERE p.org_id = @org_id AND p.suspended_at IS NULL
GROUP BY p.aaguid, p.attested;

-- name: PeopleOfUnacceptedPasskeys :one
-- How many people have passkeys on models that are not accepted, and how many of them nothing else to sign in with (WaysIn).
SELECT count(*)::bigint AS people, count(*) FILTER (WHERE NOT has_more)::bigint AS without_another
FROM (
    SELECT EXISTS (SELECT 1 FROM credentials c WHERE c.org_id = @org_id AND c.user_id = affected.user_id AND c.kind = 'password') OR EXISTS (
        SELECT 1 FROM passkeys o WHERE o.org_id = @org_id AND o.user_id = affected.user_id AND o.rp_id = @rp_id AND o.suspended_at IS NULL
          AND model_accepted(o.aaguid, o.attested, @refused_models::uuid[], sqlc.narg(accepted_models)::uuid[])) OR EXISTS (
        SELECT 1 FROM upstream_identities i JOIN identity_providers x ON x.org_id = i.org_id AND x.id = i.provider_id
        WHERE i.org_id = @org_id AND i.user_id = affected.user_id AND x.status = 'active') AS has_more
    FROM (
        SELECT DISTINCT p.user_id FROM passkeys p
        WHERE p.org_id = @org_id AND p.suspended_at IS NULL AND NOT model_accepted(p.aaguid, p.attested, @refused_models::uuid[], sqlc.narg(accepted_models)::uuid[])
    ) AS affected
) AS counted;

-- name: SomePeopleOfUnacceptedPasskeys :many
SELECT DISTINCT u.id, u.username FROM passkeys p JOIN users u ON u.org_id = p.org_id AND u.id = p.user_id
WHERE p.org_id = @org_id AND p.suspended_at IS NULL AND NOT model_accepted(p.aaguid, p.attested, @refused_models::uuid[], sqlc.narg(accepted_models)::uuid[])
ORDER BY u.username LIMIT @row_limit;

-- name: SessionsOfUnacceptedPasskeys :one
-- Live sessions that began with passkeys on models that are not accepted; it stops counting at 100 001.
SELECT count(*)::bigint FROM (
    SELECT 1 FROM sessions s WHERE s.org_id = @org_id AND s.aaguid IS NOT NULL AND s.ended_at IS NULL AND s.expires_at > @at AND s.idle_expires_at > @at
      AND NOT model_accepted(s.aaguid, s.attested, @refused_models::uuid[], sqlc.narg(accepted_models)::uuid[])
    LIMIT 100001) AS bounded;
