-- name: FirstWay :one
-- By what the person whom an identifier names signs in. Of nobody the same is looked for, for the same effort.
WITH who AS (
    SELECT COALESCE((SELECT u.id FROM users u WHERE u.org_id = @org_id AND (lower(u.username) = lower(@identifier::text) OR lower(u.email) = lower(@identifier::text))
        ORDER BY (lower(u.username) = lower(@identifier::text)) DESC LIMIT 1), '00000000-0000-0000-0000-000000000000'::uuid) AS id
)
SELECT lower(@identifier::text)::text AS folded, (who.id <> '00000000-0000-0000-0000-000000000000'::uuid)::boolean AS known,
    EXISTS (SELECT 1 FROM passkeys p WHERE p.org_id = @org_id AND p.user_id = who.id AND p.rp_id = @rp_id AND p.suspended_at IS NULL
        AND p.aaguid <> ALL (@refused_models::uuid[]))::boolean AS passkey,
    EXISTS (SELECT 1 FROM credentials c WHERE c.org_id = @org_id AND c.user_id = who.id AND c.kind = 'password')::boolean AS password,
    COALESCE((SELECT i.provider_id FROM upstream_identities i JOIN identity_providers x ON x.org_id = i.org_id AND x.id = i.provider_id
        WHERE i.org_id = @org_id AND i.user_id = who.id AND x.status = 'active' ORDER BY i.last_used_at DESC, i.id DESC LIMIT 1),
        '00000000-0000-0000-0000-000000000000'::uuid)::uuid AS provider_id,
    EXISTS (SELECT 1 FROM users u WHERE u.org_id = @org_id AND u.id = who.id AND u.email IS NOT NULL)::boolean AS mail
FROM who;

-- name: CountFirstWays :many
-- How many people sign in by what, by the domain of their addresses. Of many people those count who came first and last.
WITH people AS (
    (SELECT u.id, u.username, u.email FROM users u WHERE u.org_id = @org_id ORDER BY u.id LIMIT @most)
    UNION
    (SELECT u.id, u.username, u.email FROM users u WHERE u.org_id = @org_id ORDER BY u.id DESC LIMIT @most)
), ways AS (
    SELECT lower(COALESCE(substring(COALESCE(p.email, p.username) FROM '@([^@]*)$'), ''))::text AS domain, p.email IS NOT NULL AS mail,
        EXISTS (SELECT 1 FROM passkeys k WHERE k.org_id = @org_id AND k.user_id = p.id AND k.rp_id = @rp_id AND k.suspended_at IS NULL
            AND k.aaguid <> ALL (@refused_models::uuid[])) AS passkey,
        EXISTS (SELECT 1 FROM credentials c WHERE c.org_id = @org_id AND c.user_id = p.id AND c.kind = 'password') AS password,
        COALESCE((SELECT i.provider_id FROM upstream_identities i JOIN identity_providers x ON x.org_id = i.org_id AND x.id = i.provider_id
            WHERE i.org_id = @org_id AND i.user_id = p.id AND x.status = 'active' ORDER BY i.last_used_at DESC, i.id DESC LIMIT 1),
            '00000000-0000-0000-0000-000000000000'::uuid)::uuid AS provider_id
    FROM people p
)
SELECT w.domain, w.passkey::boolean AS passkey, w.password::boolean AS password, w.provider_id, w.mail::boolean AS mail, count(*) AS people
FROM ways w GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5;

-- name: Decoys :one
SELECT * FROM decoys WHERE org_id = @org_id;

-- name: InsertDecoys :exec
INSERT INTO decoys (org_id, key, counted_at) VALUES (@org_id, @key, @counted_at) ON CONFLICT DO NOTHING;

-- name: LockDecoys :one
SELECT * FROM decoys WHERE org_id = @org_id FOR UPDATE;

-- name: LockFreeDecoys :one
-- Nothing while somebody counts already.
SELECT * FROM decoys WHERE org_id = @org_id FOR UPDATE SKIP LOCKED;

-- name: UpdateDecoys :exec
UPDATE decoys SET shares = @shares, counted_for = @counted_for, counted_at = @counted_at WHERE org_id = @org_id;
