-- name: FirstWay :one
-- By what the person whom an identifier names signs in. Of nobody the same is looked for, for the same effort.
WITH who AS (
    SELECT COALESCE((SELECT u.id FROM users u WHERE u.org_id = @org_id AND (lower(u.username) = lower(@identifier::text) OR lower(u.email) = lower(@identifier::text))
        ORDER BY (lower(u.username) = lower(@identifier::text)) DESC LIMIT 1), '00000000-0000-0000-0000-000000000000'::uuid) AS id
)
SELECT lower(@identifier::text)::text AS folded, (who.id <> '00000000-0000-0000-0000-000000000000'::uuid)::boolean AS known,
    EXISTS (SELECT 1 FROM passkeys p WHERE p.org_id = @org_id AND p.user_id = who.id AND p.rp_id = @rp_id AND p.suspended_at IS NULL
        AND model_accepted(p.aaguid, p.attested, @refused_models::uuid[], sqlc.narg(accepted_models)::uuid[]))::boolean AS passkey,
    EXISTS (SELECT 1 FROM credentials c WHERE c.org_id = @org_id AND c.user_id = who.id AND c.kind = 'password')::boolean AS password,
    COALESCE((SELECT i.provider_id FROM upstream_identities i JOIN identity_providers x ON x.org_id = i.org_id AND x.id = i.provider_id
        WHERE i.org_id = @org_id AND i.user_id = who.id AND x.status = 'active' ORDER BY i.last_used_at DESC, i.id DESC LIMIT 1),
        '00000000-0000-0000-0000-000000000000'::uuid)::uuid AS provider_id,
    EXISTS (SELECT 1 FROM users u WHERE u.org_id = @org_id AND u.id = who.id AND u.email IS NOT NULL)::boolean AS mail
FROM who;

-- name: CountFirstWays :many
-- How many people sign in by what, by the domain of their addresses, whether they came before a moment, and whether their usernames
-- are no addresses and begin those that they have. Of many people those count who came first and last.
WITH people AS (
    (SELECT u.id, u.username, u.email, u.created_at FROM users u WHERE u.org_id = @org_id ORDER BY u.id LIMIT @most)
    UNION
    (SELECT u.id, u.username, u.email, u.created_at FROM users u WHERE u.org_id = @org_id ORDER BY u.id DESC LIMIT @most)
), ways AS (
    SELECT lower(COALESCE(substring(COALESCE(p.email, p.username) FROM '@([^@]*)$'), ''))::text AS domain, p.email IS NOT NULL AS mail,
        p.created_at < @settled_before::timestamptz AS settled, position('@' IN p.username) = 0 AS plain,
        COALESCE(lower(p.username) = lower(substring(p.email FROM '^(.*)@[^@]*$')), false) AS begins,
        EXISTS (SELECT 1 FROM passkeys k WHERE k.org_id = @org_id AND k.user_id = p.id AND k.rp_id = @rp_id AND k.suspended_at IS NULL
            AND model_accepted(k.aaguid, k.attested, @refused_models::uuid[], sqlc.narg(accepted_models)::uuid[])) AS passkey,
        EXISTS (SELECT 1 FROM credentials c WHERE c.org_id = @org_id AND c.user_id = p.id AND c.kind = 'password') AS password,
        COALESCE((SELECT i.provider_id FROM upstream_identities i JOIN identity_providers x ON x.org_id = i.org_id AND x.id = i.provider_id
            WHERE i.org_id = @org_id AND i.user_id = p.id AND x.status = 'active' ORDER BY i.last_used_at DESC, i.id DESC LIMIT 1),
            '00000000-0000-0000-0000-000000000000'::uuid)::uuid AS provider_id
    FROM people p
)
SELECT w.domain, w.passkey::boolean AS passkey, w.password::boolean AS password, w.provider_id, w.mail::boolean AS mail,
    w.settled::boolean AS settled, w.plain::boolean AS plain, w.begins::boolean AS begins, count(*) AS people
FROM ways w GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8;

-- name: Decoys :one
-- Of the shares those of everybody and of the domain of an identifier; of one that is no address, of the domain that usernames go with.
SELECT d.key, lower(@identifier::text)::text AS folded, s.counted_at, s.named_after, COALESCE(s.shares -> '', '[]')::jsonb AS everybody,
    COALESCE(s.shares -> COALESCE(NULLIF(substring(lower(@identifier) FROM '@([^@]*)$'), ''), s.named_after), '[]')::jsonb AS own
FROM decoys d JOIN decoy_shares s ON s.org_id = d.org_id WHERE d.org_id = @org_id AND s.rp_id = @rp_id;

-- name: InsertDecoys :exec
INSERT INTO decoys (org_id, key) VALUES (@org_id, @key) ON CONFLICT DO NOTHING;

-- name: InsertDecoyShares :exec
-- Nothing where there is no key yet.
INSERT INTO decoy_shares (org_id, rp_id, counted_at) SELECT d.org_id, @rp_id, @counted_at FROM decoys d WHERE d.org_id = @org_id ON CONFLICT DO NOTHING;

-- name: LockDecoyShares :one
-- Nothing while somebody counts already.
SELECT * FROM decoy_shares WHERE org_id = @org_id AND rp_id = @rp_id FOR UPDATE SKIP LOCKED;

-- name: UpdateDecoyShares :exec
UPDATE decoy_shares SET shares = @shares, named_after = @named_after, counted_at = @counted_at WHERE org_id = @org_id AND rp_id = @rp_id;
