-- name: CopyPasswords :copyfrom
INSERT INTO credentials (org_id, id, user_id, kind, secret, imported, created_at, updated_at) VALUES (@org_id, @id, @user_id, @kind, @secret, @imported, @created_at, @updated_at);

-- name: PasswordsOfPeople :many
-- The hashes that people have, with what CountFirstWays says of them. Of many people those count who came first and last.
WITH people AS (
    (SELECT u.id, u.username, u.email, u.created_at FROM users u WHERE u.org_id = @org_id ORDER BY u.id LIMIT @most)
    UNION
    (SELECT u.id, u.username, u.email, u.created_at FROM users u WHERE u.org_id = @org_id ORDER BY u.id DESC LIMIT @most)
)
SELECT c.secret, lower(COALESCE(substring(COALESCE(p.email, p.username) FROM '@([^@]*)$'), ''))::text AS domain,
    (p.created_at < @settled_before::timestamptz)::boolean AS settled, c.imported, (position('@' IN p.username) = 0)::boolean AS plain,
    COALESCE(lower(p.username) = lower(substring(p.email FROM '^(.*)@[^@]*$')), false)::boolean AS begins
FROM people p JOIN credentials c ON c.org_id = @org_id AND c.user_id = p.id AND c.kind = 'password';

-- name: ExpireDecoyShares :exec
UPDATE decoy_shares SET counted_at = @counted_at WHERE org_id = @org_id AND rp_id = @rp_id;
