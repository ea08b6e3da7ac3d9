-- name: UpsertPassword :exec
INSERT INTO credentials (org_id, id, user_id, kind, secret, by_link, created_at, updated_at)
VALUES (@org_id, @id, @user_id, 'password', @secret, @by_link, @at, @at)
ON CONFLICT (org_id, user_id) WHERE kind = 'password' DO UPDATE SET secret = EXCLUDED.secret, by_link = EXCLUDED.by_link, updated_at = EXCLUDED.updated_at;

-- name: RehashPassword :execrows
-- Only when it is still the hash that was just verified: a password changed meanwhile stays. It is the same password, so
-- when it was set (PasswordSince) stays, too.
UPDATE credentials SET secret = @secret
WHERE org_id = @org_id AND user_id = @user_id AND kind = 'password' AND secret = @verified_secret;

-- name: PasswordOfUser :one
SELECT secret FROM credentials WHERE org_id = @org_id AND user_id = @user_id AND kind = 'password';

-- name: WaysIn :one
-- What else than one passkey or one identity, which is about to be removed, signs a person in.
SELECT EXISTS (SELECT 1 FROM credentials c WHERE c.org_id = @org_id AND c.user_id = @user_id AND c.kind = 'password')::boolean AS password,
    EXISTS (SELECT 1 FROM passkeys p WHERE p.org_id = @org_id AND p.user_id = @user_id AND p.id <> @without AND p.rp_id = @rp_id AND p.suspended_at IS NULL
        AND model_accepted(p.aaguid, p.attested, @refused_models::uuid[], sqlc.narg(accepted_models)::uuid[]))::boolean AS passkey,
    EXISTS (SELECT 1 FROM upstream_identities i JOIN identity_providers x ON x.org_id = i.org_id AND x.id = i.provider_id
        WHERE i.org_id = @org_id AND i.user_id = @user_id AND i.id <> @without AND x.status = 'active')::boolean AS elsewhere;

-- name: PasswordByLink :one
SELECT by_link FROM credentials WHERE org_id = @org_id AND user_id = @user_id AND kind = 'password';

-- name: LockPasswordOfUser :one
-- Reads the password of a person who may sign in and keeps both as they are until the transaction ends. The person's
-- row is locked first, as by whoever changes a person, so that the two never wait for each other.
SELECT c.secret FROM users u JOIN credentials c ON c.org_id = u.org_id AND c.user_id = u.id AND c.kind = 'password'
WHERE u.org_id = @org_id AND u.id = @user_id AND u.status = 'active'
FOR KEY SHARE OF u FOR NO KEY UPDATE OF c;

-- name: InsertOneTimeLink :exec
INSERT INTO one_time_links (org_id, id, user_id, token_hash, created_at, expires_at)
VALUES (@org_id, @id, @user_id, @token_hash, @created_at, @expires_at);

-- name: OneTimeLink :one
SELECT l.id, l.user_id, u.username FROM one_time_links l JOIN users u ON u.org_id = l.org_id AND u.id = l.user_id
WHERE l.org_id = @org_id AND l.token_hash = @token_hash AND l.used_at IS NULL AND l.expires_at > @at AND u.status IN ('active', 'leaving');

-- name: UseOneTimeLink :one
UPDATE one_time_links SET used_at = @at
WHERE org_id = @org_id AND token_hash = @token_hash AND used_at IS NULL AND expires_at > @at
RETURNING user_id;

-- name: CancelOneTimeLinks :execrows
UPDATE one_time_links SET used_at = @at WHERE org_id = @org_id AND user_id = @user_id AND used_at IS NULL;

-- name: DeleteExpiredOneTimeLinks :execrows
-- cross-tenant: periodic clean-up
DELETE FROM one_time_links WHERE (org_id, id) IN (SELECT l.org_id, l.id FROM one_time_links l WHERE l.expires_at < @before LIMIT @row_limit);

-- name: ReserveSignInAttempt :one
-- Counts an attempt as failed before it is made, so that guesses made at the same moment count one after the other:
-- the row's lock puts them in order. An attempt inside a block changes nothing, and is recognised by not being the
-- row's attempt afterwards. Past the free failures each one doubles the wait, up to a limit: it never becomes a lock
-- for good. After a quiet time the count starts again. Where nothing is blocked the end of the block is long ago: attempts of the same
-- moment come in any order, and clocks of replicas differ.
INSERT INTO sign_in_failures AS f (org_id, subject_hash, failures, attempt, last_failed_at, blocked_until)
VALUES (@org_id, @subject_hash, 1, @attempt, @at, to_timestamp(0))
ON CONFLICT (org_id, subject_hash) DO UPDATE SET
    failures = CASE WHEN f.blocked_until > @at THEN f.failures WHEN f.last_failed_at < @quiet_since THEN 1 WHEN f.failures >= 1000000 THEN f.failures ELSE f.failures + 1 END,
    attempt = CASE WHEN f.blocked_until > @at THEN f.attempt ELSE @attempt END,
    last_failed_at = CASE WHEN f.blocked_until > @at THEN f.last_failed_at ELSE @at END,
    blocked_until = CASE WHEN f.blocked_until > @at OR f.last_failed_at < @quiet_since OR f.failures + 1 <= @free::integer THEN f.blocked_until
        WHEN f.failures - @free::integer >= @doublings::integer THEN EXCLUDED.last_failed_at + interval '1 second' * @longest_seconds::integer
        ELSE EXCLUDED.last_failed_at + interval '1 second' * power(2, f.failures - @free::integer) END
RETURNING f.attempt, f.blocked_until;

-- name: ForgiveSignInAttempt :exec
-- The attempt succeeded: it is not counted where others share the subject (an address).
UPDATE sign_in_failures SET failures = GREATEST(failures - 1, 0), blocked_until = CASE WHEN attempt = @attempt THEN to_timestamp(0) ELSE blocked_until END
WHERE org_id = @org_id AND subject_hash = ANY (@subjects::bytea[]);

-- name: ForgetSignInFailures :exec
DELETE FROM sign_in_failures WHERE org_id = @org_id AND subject_hash = ANY (@subjects::bytea[]);

-- name: DeleteOldSignInFailures :execrows
-- cross-tenant: periodic clean-up
DELETE FROM sign_in_failures WHERE (org_id, subject_hash) IN (SELECT f.org_id, f.subject_hash FROM sign_in_failures f WHERE f.last_failed_at < @before LIMIT @row_limit);

-- name: PasswordSince :one
SELECT updated_at FROM credentials WHERE org_id = @org_id AND user_id = @user_id AND kind = 'password';

-- name: DeletePassword :execrows
DELETE FROM credentials WHERE org_id = @org_id AND user_id = @user_id AND kind = 'password';
