-- name: UpsertInvitation :exec
-- The letter before this one is worth nothing any more.
INSERT INTO invitations (org_id, user_id, email, token_hash, sent_at, expires_at)
VALUES (@org_id, @user_id, @email, @token_hash, @sent_at, @expires_at)
ON CONFLICT (org_id, user_id) DO UPDATE SET email = EXCLUDED.email, token_hash = EXCLUDED.token_hash, sent_at = EXCLUDED.sent_at,
    expires_at = EXCLUDED.expires_at, accepted_at = NULL, revoked_at = NULL;

-- name: OpenInvitation :one
SELECT i.user_id FROM invitations i JOIN users u ON u.org_id = i.org_id AND u.id = i.user_id
WHERE i.org_id = @org_id AND i.token_hash = @token_hash AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > @at
    AND u.status = 'active' AND lower(u.email) = lower(i.email);

-- name: AcceptInvitation :one
UPDATE invitations i SET accepted_at = @at
FROM users u
WHERE i.org_id = @org_id AND i.user_id = @user_id AND i.token_hash = @token_hash AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > @at
    AND u.org_id = i.org_id AND u.id = i.user_id AND u.status = 'active' AND lower(u.email) = lower(i.email)
RETURNING i.email;

-- name: RevokeInvitation :execrows
UPDATE invitations SET revoked_at = @at WHERE org_id = @org_id AND user_id = @user_id AND accepted_at IS NULL AND revoked_at IS NULL;

-- name: SettleInvitation :execrows
-- Whoever has something to sign in by needs no invitation: it was accepted where they came by it themselves.
UPDATE invitations SET accepted_at = CASE WHEN @by_themselves::boolean THEN @at::timestamptz END, revoked_at = CASE WHEN @by_themselves::boolean THEN NULL ELSE @at::timestamptz END
WHERE org_id = @org_id AND user_id = @user_id AND accepted_at IS NULL AND revoked_at IS NULL;

-- name: InvitationsOfUsers :many
SELECT user_id, email, sent_at, expires_at, accepted_at, revoked_at FROM invitations WHERE org_id = @org_id AND user_id = ANY (@user_ids::uuid[]);

-- name: CanSignIn :one
-- Whether a person has anything to sign in by.
SELECT EXISTS (SELECT 1 FROM credentials c WHERE c.org_id = @org_id AND c.user_id = @user_id)
    OR EXISTS (SELECT 1 FROM passkeys p WHERE p.org_id = @org_id AND p.user_id = @user_id)
    OR EXISTS (SELECT 1 FROM upstream_identities i WHERE i.org_id = @org_id AND i.user_id = @user_id) AS able;
