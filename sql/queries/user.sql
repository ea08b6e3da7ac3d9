-- name: InsertUser :one
INSERT INTO users (org_id, id, username, email, email_verified, phone_number, phone_number_verified, profile, attributes, status, required_actions, created_at, updated_at)
VALUES (@org_id, @id, @username, @email, @email_verified, @phone_number, @phone_number_verified, @profile, @attributes, @status, @required_actions, @created_at, @created_at)
RETURNING *;

-- name: UserByID :one
SELECT * FROM users WHERE org_id = @org_id AND id = @id;

-- name: UserByIdentifier :one
-- One identifier field: a username wins over an e-mail address, so nobody can shadow a username by claiming it as address.
SELECT sqlc.embed(users), c.secret AS password
FROM users LEFT JOIN credentials c ON c.org_id = users.org_id AND c.user_id = users.id AND c.kind = 'password'
WHERE users.org_id = @org_id AND (lower(users.username) = lower(@identifier) OR lower(users.email) = lower(@identifier))
ORDER BY (lower(users.username) = lower(@identifier)) DESC
LIMIT 1;

-- name: UpdateUser :one
UPDATE users
SET username = @username, email = @email, email_verified = @email_verified, phone_number = @phone_number,
    phone_number_verified = @phone_number_verified, profile = @profile, attributes = @attributes, status = @status,
    required_actions = @required_actions, version = version + 1, updated_at = @updated_at,
    erase_at = CASE WHEN @status::text = 'leaving' THEN erase_at END
WHERE org_id = @org_id AND id = @id AND version = @expected_version
RETURNING *;

-- name: RemoveRequiredAction :execrows
UPDATE users SET required_actions = array_remove(required_actions, @action::text), version = version + 1, updated_at = @updated_at
WHERE org_id = @org_id AND id = @id AND @action::text = ANY (required_actions);

-- name: DeleteUser :execrows
DELETE FROM users WHERE org_id = @org_id AND id = @id AND version = @expected_version;

-- name: UserRoles :many
SELECT role FROM role_assignments WHERE org_id = @org_id AND user_id = @user_id ORDER BY role;

-- name: InsertRoleAssignment :execrows
INSERT INTO role_assignments (org_id, user_id, role, created_at) VALUES (@org_id, @user_id, @role, @created_at) ON CONFLICT DO NOTHING;

-- name: DeleteRoleAssignment :execrows
DELETE FROM role_assignments WHERE org_id = @org_id AND user_id = @user_id AND role = @role;

-- name: LockRoleHolders :many
-- Locks the holders of a role who can sign in, so that of two administrators removing or disabling each
-- other one is refused. The persons are locked, too: disabling somebody changes no assignment.
SELECT ra.user_id FROM role_assignments ra JOIN users u ON u.org_id = ra.org_id AND u.id = ra.user_id
WHERE ra.org_id = @org_id AND ra.role = @role AND u.status = 'active' ORDER BY ra.user_id LIMIT 1000 FOR NO KEY UPDATE OF ra, u;

-- name: HoldUser :one
-- Keeps a person as they are until the transaction ends; rows that refer to them may be written meanwhile, so that whoever has
-- one of their sessions need not wait.
SELECT id FROM users WHERE org_id = @org_id AND id = @id FOR NO KEY UPDATE;

-- name: LockMailboxOfUser :one
-- Keeps a person who may sign in, and their address, as they are until the transaction ends; rows that refer to them may
-- be written meanwhile.
SELECT id FROM users WHERE org_id = @org_id AND id = @id AND status = 'active' AND lower(email) = lower(@email) FOR NO KEY UPDATE;

-- name: InsertUsers :copyfrom
INSERT INTO users (org_id, id, username, email, email_verified, phone_number, phone_number_verified, profile, attributes, status, required_actions, created_at, updated_at)
VALUES (@org_id, @id, @username, @email, @email_verified, @phone_number, @phone_number_verified, @profile, @attributes, @status, @required_actions, @created_at, @updated_at);

-- name: TakenIdentifiers :many
-- Which of these, by their places from 1, somebody of the organization has already, or one before it in the same lists.
-- An empty address is none.
WITH usernames AS (
    SELECT w.place, w.value, row_number() OVER (PARTITION BY lower(w.value) ORDER BY w.place) AS turn FROM unnest(@usernames::text[]) WITH ORDINALITY AS w (value, place)
), emails AS (
    SELECT w.place, w.value, row_number() OVER (PARTITION BY lower(w.value) ORDER BY w.place) AS turn FROM unnest(@emails::text[]) WITH ORDINALITY AS w (value, place) WHERE w.value <> ''
), ids AS (
    SELECT w.place, w.value, row_number() OVER (PARTITION BY w.value ORDER BY w.place) AS turn FROM unnest(@ids::uuid[]) WITH ORDINALITY AS w (value, place)
)
SELECT w.place::bigint AS place, 'username'::text AS kind FROM usernames w
WHERE w.turn > 1 OR EXISTS (SELECT 1 FROM users u WHERE u.org_id = @org_id AND lower(u.username) = lower(w.value))
UNION ALL
SELECT w.place::bigint, 'email' FROM emails w
WHERE w.turn > 1 OR EXISTS (SELECT 1 FROM users u WHERE u.org_id = @org_id AND lower(u.email) = lower(w.value) AND u.email IS NOT NULL)
UNION ALL
SELECT w.place::bigint, 'id' FROM ids w
WHERE w.turn > 1 OR EXISTS (SELECT 1 FROM users u WHERE u.org_id = @org_id AND u.id = w.value);

-- name: InsertEmailChange :exec
INSERT INTO email_changes (org_id, id, user_id, old_username, old_email, new_email, objection_hash, created_at, expires_at)
VALUES (@org_id, @id, @user_id, @old_username, @old_email, @new_email, @objection_hash, @created_at, @expires_at);

-- name: EmailChangesOfUser :many
SELECT old_username, old_email, new_email, created_at FROM email_changes WHERE org_id = @org_id AND user_id = @user_id ORDER BY id;

-- name: OpenEmailChange :one
-- A change that may still be objected to: nobody but the person changed the address since. What was undone already counts no
-- more, or whoever undoes a later change of their own keeps everybody from undoing the one before.
SELECT c.* FROM email_changes c JOIN users u ON u.org_id = c.org_id AND u.id = c.user_id
WHERE c.org_id = @org_id AND c.objection_hash = @objection_hash AND c.closed_at IS NULL AND c.expires_at > @at
    AND lower(u.email) = (SELECT lower(l.new_email) FROM email_changes l WHERE l.org_id = c.org_id AND l.user_id = c.user_id AND l.closed_at IS NULL ORDER BY l.id DESC LIMIT 1);

-- name: CloseEmailChanges :execrows
-- This change and every later one.
UPDATE email_changes SET closed_at = @at WHERE org_id = @org_id AND user_id = @user_id AND id >= @id AND closed_at IS NULL;

-- name: DeleteExpiredEmailChanges :execrows
-- cross-tenant: periodic clean-up
DELETE FROM email_changes WHERE (org_id, id) IN (SELECT c.org_id, c.id FROM email_changes c WHERE c.expires_at < @before LIMIT @row_limit);

-- name: LeaveUser :one
UPDATE users SET status = 'leaving', erase_at = @erase_at::timestamptz, version = version + 1, updated_at = @at
WHERE org_id = @org_id AND id = @id AND status = 'active' RETURNING *;

-- name: KeepUser :one
UPDATE users SET status = 'active', erase_at = NULL, version = version + 1, updated_at = @at
WHERE org_id = @org_id AND id = @id AND status = 'leaving' RETURNING *;

-- name: DueErasures :many
-- cross-tenant: a job erases whose time has come
SELECT org_id, id FROM users WHERE erase_at <= @at::timestamptz ORDER BY erase_at, id LIMIT @row_limit;

-- name: EraseUser :one
DELETE FROM users WHERE org_id = @org_id AND id = @id AND erase_at <= @at::timestamptz RETURNING *;

-- name: InsertErasure :exec
INSERT INTO erasures (org_id, user_id, pseudonym, erased_at) VALUES (@org_id, @user_id, @pseudonym, @erased_at);

-- name: OpenErasures :many
-- cross-tenant: a job finishes them
SELECT * FROM erasures WHERE (erased_at, user_id) > (@erased_at::timestamptz, @user_id::uuid) ORDER BY erased_at, user_id LIMIT @row_limit;

-- name: DeleteErasure :exec
DELETE FROM erasures WHERE org_id = @org_id AND user_id = @user_id;

-- name: DeleteLogoutDeliveriesOfUser :execrows
DELETE FROM logout_deliveries WHERE org_id = @org_id AND user_id = @user_id;
