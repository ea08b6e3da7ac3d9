-- name: TermsOfOrganization :many
SELECT * FROM terms WHERE org_id = @org_id ORDER BY version DESC;

-- name: TermsThatCount :many
-- The upcoming version, if there is one, and that before it.
SELECT * FROM terms WHERE org_id = @org_id AND withdrawn_at IS NULL ORDER BY version DESC LIMIT 2;

-- name: TermsByVersion :one
SELECT * FROM terms WHERE org_id = @org_id AND version = @version;

-- name: LatestTermsVersion :one
SELECT COALESCE(max(version), 0)::integer FROM terms WHERE org_id = @org_id;

-- name: InsertTerms :one
INSERT INTO terms (org_id, id, version, texts, in_force_at, published_at)
VALUES (@org_id, @id, @version, @texts, @in_force_at, @at) RETURNING *;

-- name: WithdrawTerms :one
UPDATE terms SET withdrawn_at = @at WHERE org_id = @org_id AND version = @version AND withdrawn_at IS NULL RETURNING *;

-- name: AcceptedTermsVersion :one
SELECT COALESCE(max(version), 0)::integer FROM terms_acceptances WHERE org_id = @org_id AND user_id = @user_id;

-- name: InsertTermsAcceptance :exec
INSERT INTO terms_acceptances (org_id, id, user_id, version, language, accepted_at)
VALUES (@org_id, @id, @user_id, @version, @language, @at);

-- name: TermsAcceptancesOfUser :many
SELECT a.version, a.language, a.accepted_at, t.texts FROM terms_acceptances a JOIN terms t ON t.org_id = a.org_id AND t.version = a.version
WHERE a.org_id = @org_id AND a.user_id = @user_id ORDER BY a.id DESC;

-- name: CountPeopleOfTerms :one
-- Who would be asked for another version, and who has accepted this one or a later.
SELECT (SELECT count(*) FROM users u WHERE u.org_id = @org_id AND u.status <> 'disabled')::bigint AS people,
       (SELECT count(DISTINCT a.user_id) FROM terms_acceptances a WHERE a.org_id = @org_id AND a.version >= @version)::bigint AS accepted;

-- name: LockPersonOfTerms :one
-- Keeps two answers at once apart; whether the terms are to be accepted again.
SELECT ('accept_terms' = ANY (required_actions))::boolean AS again FROM users WHERE org_id = @org_id AND id = @user_id FOR NO KEY UPDATE;
