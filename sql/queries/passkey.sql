-- name: InsertUserHandle :exec
INSERT INTO user_handles (org_id, user_id, handle, created_at) VALUES (@org_id, @user_id, @handle, @created_at)
ON CONFLICT (org_id, user_id) DO NOTHING;

-- name: UserHandle :one
SELECT handle FROM user_handles WHERE org_id = @org_id AND user_id = @user_id;

-- name: PasskeyByCredentialID :one
-- Everything that an assertion is judged by.
SELECT sqlc.embed(passkeys), sqlc.embed(users), h.handle
FROM passkeys
JOIN users ON users.org_id = passkeys.org_id AND users.id = passkeys.user_id
JOIN user_handles h ON h.org_id = passkeys.org_id AND h.user_id = passkeys.user_id
WHERE passkeys.org_id = @org_id AND passkeys.credential_id = @credential_id;

-- name: PasskeysOfUser :many
SELECT org_id, id, user_id, credential_id, public_key, rp_id, sign_count, aaguid, transports, discoverable, backup_eligible, backup_state, user_verified,
    attestation_format, attestation_object, client_data_hash, name, created_at, last_used_at, suspended_at, attested, suspension
FROM passkeys WHERE org_id = @org_id AND user_id = @user_id ORDER BY id;

-- name: InsertPasskey :execrows
-- Nothing is inserted when the person has as many as they may have.
INSERT INTO passkeys (org_id, id, user_id, credential_id, public_key, rp_id, sign_count, aaguid, transports, discoverable, backup_eligible, backup_state, user_verified,
    attestation_format, attestation_object, client_data_hash, name, created_at, attested)
SELECT @org_id, @id, @user_id, @credential_id, @public_key, @rp_id, @sign_count, @aaguid, @transports::text[], sqlc.narg(discoverable)::boolean, @backup_eligible, @backup_state, @user_verified,
    @attestation_format, sqlc.narg(attestation_object)::bytea, sqlc.narg(client_data_hash)::bytea, @name, @created_at::timestamptz, @attested
WHERE (SELECT count(*) FROM passkeys p WHERE p.org_id = @org_id AND p.user_id = @user_id) < @most::integer;

-- name: UsePasskey :one
-- WebAuthn Level 3 §7.2 steps 22 and 24, in one statement, so that of assertions with one counter one is counted: a
-- counter that is not used stays zero, any other one grows. A counter that does not grow suspends the passkey.
UPDATE passkeys SET
    sign_count = GREATEST(sign_count, @sign_count::bigint),
    backup_state = CASE WHEN @sign_count::bigint > sign_count OR @sign_count::bigint = 0 AND sign_count = 0 THEN @backup_state ELSE backup_state END,
    last_used_at = CASE WHEN @sign_count::bigint > sign_count OR @sign_count::bigint = 0 AND sign_count = 0 THEN @at::timestamptz ELSE last_used_at END,
    suspended_at = CASE WHEN @sign_count::bigint > sign_count OR @sign_count::bigint = 0 AND sign_count = 0 THEN NULL ELSE @at::timestamptz END,
    suspension = CASE WHEN @sign_count::bigint > sign_count OR @sign_count::bigint = 0 AND sign_count = 0 THEN NULL ELSE 'copied' END
WHERE org_id = @org_id AND id = @id AND suspended_at IS NULL
RETURNING (suspended_at IS NULL)::boolean AS counted;

-- name: LockUsablePasskey :one
-- Reads a passkey of a person who may sign in and keeps both as they are until the transaction ends; the person's row
-- first, as in LockPasswordOfUser.
SELECT p.id FROM users u JOIN passkeys p ON p.org_id = u.org_id AND p.user_id = u.id
WHERE u.org_id = @org_id AND u.id = @user_id AND u.status = 'active' AND p.id = @id AND p.suspended_at IS NULL
  AND model_accepted(p.aaguid, p.attested, @refused_models::uuid[], sqlc.narg(accepted_models)::uuid[])
FOR KEY SHARE OF u FOR SHARE OF p;

-- name: HasUsablePasskey :one
SELECT EXISTS (SELECT 1 FROM passkeys WHERE org_id = @org_id AND user_id = @user_id AND (@rp_id::text = '' OR rp_id = @rp_id::text) AND suspended_at IS NULL
  AND (@any_time::boolean OR created_at < @made_before::timestamptz)
  AND model_accepted(aaguid, attested, @refused_models::uuid[], sqlc.narg(accepted_models)::uuid[]))::boolean;

-- name: LockPasskeyOfUser :one
SELECT name FROM passkeys WHERE org_id = @org_id AND user_id = @user_id AND id = @id FOR UPDATE;

-- name: RenamePasskey :execrows
UPDATE passkeys SET name = @name WHERE org_id = @org_id AND user_id = @user_id AND id = @id;

-- name: DeletePasskey :execrows
DELETE FROM passkeys WHERE org_id = @org_id AND user_id = @user_id AND id = @id;

-- name: SuspendPasskeysOfModels :many
-- A batch of the passkeys of models that have a known weakness.
UPDATE passkeys x SET suspended_at = @at, suspension = 'model'
WHERE x.org_id = @org_id AND x.id IN (
    SELECT p.id FROM passkeys p WHERE p.org_id = @org_id AND p.aaguid = ANY (@models::uuid[]) AND p.suspended_at IS NULL
    ORDER BY p.id LIMIT @row_limit FOR NO KEY UPDATE SKIP LOCKED)
RETURNING x.id, x.user_id, x.name, x.aaguid;

-- name: CountPeopleByRelyingParty :one
-- How many people have passkeys of a relying party, and of others only.
SELECT (SELECT count(*) FROM (SELECT DISTINCT p.user_id FROM passkeys p WHERE p.org_id = @org_id AND p.rp_id = @rp_id LIMIT 10001) AS bounded_here)::bigint AS here,
    (SELECT count(*) FROM (SELECT DISTINCT p.user_id FROM passkeys p WHERE p.org_id = @org_id AND p.rp_id <> @rp_id
        AND NOT EXISTS (SELECT 1 FROM passkeys x WHERE x.org_id = p.org_id AND x.user_id = p.user_id AND x.rp_id = @rp_id) LIMIT 10001) AS bounded_elsewhere)::bigint AS elsewhere;
