-- name: InsertSession :exec
INSERT INTO sessions (org_id, id, user_id, token_hash, browser_hash, authenticated_at, methods, address, user_agent, created_at, last_seen_at, idle_expires_at, expires_at,
    passkey_id, aaguid, countries, device_id, domain, vouched, persistent, agent, attested)
VALUES (@org_id, @id, @user_id, @token_hash, @browser_hash, @authenticated_at, @methods, @address, @user_agent, @created_at, @created_at, @idle_expires_at, @expires_at,
    sqlc.narg(passkey_id), sqlc.narg(aaguid), @countries::text[], sqlc.narg(device_id), @domain, @vouched, @persistent, @agent,
    COALESCE((SELECT p.attested FROM passkeys p WHERE p.org_id = @org_id AND p.id = sqlc.narg(passkey_id)), false));

-- name: DomainOfSession :one
SELECT domain FROM sessions WHERE org_id = @org_id AND id = @id;

-- name: LiveSessions :many
-- The one read of an authorization request: the sessions of a browser, their people, and what each of them allowed the client.
SELECT sqlc.embed(sessions), sqlc.embed(users), c.scopes AS consented_scopes
FROM sessions
JOIN users ON users.org_id = sessions.org_id AND users.id = sessions.user_id
LEFT JOIN consents c ON c.org_id = sessions.org_id AND c.user_id = sessions.user_id AND c.client_id = @client_id
WHERE sessions.org_id = @org_id AND sessions.token_hash = ANY (@token_hashes::bytea[])
  AND sessions.ended_at IS NULL AND sessions.expires_at > @at AND sessions.idle_expires_at > @at AND users.status = 'active'
  AND model_accepted(sessions.aaguid, sessions.attested, @refused_models::uuid[], sqlc.narg(accepted_models)::uuid[]);

-- name: LiveSessionsOfUser :many
SELECT org_id, id, user_id, token_hash, browser_hash, authenticated_at, methods, address, user_agent, created_at, last_seen_at, idle_expires_at, expires_at, ended_at, end_reason,
    passkey_id, aaguid, countries, device_id, domain, vouched, persistent, agent, strayed_at, attested
FROM sessions
WHERE org_id = @org_id AND user_id = @user_id AND ended_at IS NULL AND expires_at > @at AND idle_expires_at > @at AND id < @before
  AND model_accepted(aaguid, attested, @refused_models::uuid[], sqlc.narg(accepted_models)::uuid[])
ORDER BY id DESC LIMIT @row_limit;

-- name: TouchSession :exec
UPDATE sessions SET last_seen_at = @at, idle_expires_at = LEAST(@idle_expires_at, expires_at)
WHERE org_id = @org_id AND id = @id AND ended_at IS NULL AND last_seen_at < @at;

-- name: ShortenSessions :exec
-- What an organization allows has become less. Those that are over by it are looked at at once, so that clients are told.
WITH allowed AS (
    SELECT false AS persistent, make_interval(secs => @absolute_seconds::float8) AS absolute, make_interval(secs => @idle_seconds::float8) AS idle
    UNION ALL SELECT true, make_interval(secs => @persistent_absolute_seconds::float8), make_interval(secs => @persistent_idle_seconds::float8)
), shortened AS (
    UPDATE sessions s SET expires_at = LEAST(s.expires_at, s.authenticated_at + a.absolute),
        idle_expires_at = LEAST(s.idle_expires_at, s.last_seen_at + a.idle, s.authenticated_at + a.absolute)
    FROM allowed a
    WHERE s.org_id = @org_id AND s.persistent = a.persistent AND s.ended_at IS NULL AND s.expires_at > @at AND s.idle_expires_at > @at
      AND (s.expires_at > s.authenticated_at + a.absolute OR s.idle_expires_at > s.last_seen_at + a.idle)
    RETURNING s.org_id, s.id, s.idle_expires_at
)
UPDATE session_clients l SET due_at = LEAST(l.due_at, x.idle_expires_at)
FROM shortened x WHERE l.org_id = @org_id AND l.session_id = x.id;

-- name: StraySession :execrows
UPDATE sessions SET strayed_at = @at WHERE org_id = @org_id AND id = @id AND ended_at IS NULL AND (strayed_at IS NULL OR strayed_at <= @before);

-- name: RenewSession :execrows
-- The same person proved who they are again: a fresh token, so an old one stolen earlier is worth nothing.
UPDATE sessions s SET token_hash = @token_hash, authenticated_at = @authenticated_at, methods = @methods, last_seen_at = @at,
    idle_expires_at = @idle_expires_at, expires_at = @expires_at, address = @address, user_agent = @user_agent, passkey_id = sqlc.narg(passkey_id), aaguid = sqlc.narg(aaguid),
    attested = COALESCE((SELECT p.attested FROM passkeys p WHERE p.org_id = @org_id AND p.id = sqlc.narg(passkey_id)), false),
    device_id = sqlc.narg(device_id), persistent = @persistent, agent = @agent, strayed_at = NULL,
    countries = CASE WHEN @country::text = '' THEN s.countries ELSE array_append(array_remove(s.countries, @country), @country) END
WHERE s.org_id = @org_id AND s.id = @id AND s.user_id = @user_id AND s.ended_at IS NULL;

-- name: ReplaceSessionToken :execrows
UPDATE sessions SET token_hash = @token_hash WHERE org_id = @org_id AND id = @id AND token_hash = @former_hash AND ended_at IS NULL;

-- name: EndSession :one
UPDATE sessions SET ended_at = @at, end_reason = @reason WHERE org_id = @org_id AND id = @id AND ended_at IS NULL RETURNING user_id;

-- name: EndSessionOfUser :execrows
UPDATE sessions SET ended_at = @at, end_reason = @reason WHERE org_id = @org_id AND user_id = @user_id AND id = @id AND ended_at IS NULL;

-- name: EndSessionsOfUser :many
UPDATE sessions SET ended_at = @at, end_reason = @reason
WHERE org_id = @org_id AND user_id = @user_id AND ended_at IS NULL AND id <> @keep_id
RETURNING id;

-- name: EndSurplusSessions :many
-- Leaves a person as many sessions as there may be beside the one that is kept: those used last. Sessions that no browser has
-- do not count, nor those of another address of the organization: a browser has one at each; those that began with a passkey of a refused model do until the job ends them. Whoever begins sessions of the person holds the person's row.
UPDATE sessions x SET ended_at = @at, end_reason = @reason
WHERE x.org_id = @org_id AND x.ended_at IS NULL AND x.id IN (
    SELECT s.id FROM sessions s
    WHERE s.org_id = @org_id AND s.user_id = @user_id AND s.ended_at IS NULL AND s.expires_at > @at AND s.idle_expires_at > @at AND NOT s.vouched
      AND s.id <> @keep_id AND s.domain = @domain
    ORDER BY s.last_seen_at DESC, s.id DESC OFFSET @others::int)
RETURNING x.id;

-- name: EndSessionsOfPasskey :many
UPDATE sessions SET ended_at = @at, end_reason = @reason
WHERE org_id = @org_id AND user_id = @user_id AND passkey_id = @passkey_id AND ended_at IS NULL AND id <> @keep_id
RETURNING id;

-- name: EndSessionsOfModels :many
-- A batch of the sessions that began with passkeys of refused models. What somebody else is changing is left to another batch.
UPDATE sessions x SET ended_at = @at, end_reason = @reason
WHERE x.org_id = @org_id AND x.id IN (
    SELECT s.id FROM sessions s WHERE s.org_id = @org_id AND s.aaguid = ANY (@models::uuid[]) AND s.ended_at IS NULL
    ORDER BY s.id LIMIT @row_limit FOR NO KEY UPDATE SKIP LOCKED)
RETURNING x.id, x.user_id;

-- name: EndSessionsOfUnmetPasskeys :many
-- The same for passkeys that do not prove to be of a model that an organization accepts.
UPDATE sessions x SET ended_at = @at, end_reason = @reason
WHERE x.org_id = @org_id AND x.id IN (
    SELECT s.id FROM sessions s
    WHERE s.org_id = @org_id AND s.aaguid IS NOT NULL AND s.ended_at IS NULL AND NOT model_accepted(s.aaguid, s.attested, '{}', @accepted_models::uuid[])
    ORDER BY s.id LIMIT @row_limit FOR NO KEY UPDATE SKIP LOCKED)
RETURNING x.id, x.user_id;

-- name: SessionsDue :many
-- cross-tenant: periodic look at sessions that may be over by time, and whose clients wait to hear of it
SELECT l.org_id, l.session_id FROM session_clients l WHERE l.due_at <= @at ORDER BY l.due_at LIMIT @row_limit;

-- name: EndExpiredSessions :many
-- Of some sessions those that are over by time and whose end a client is told of at its own address: a browser in which nobody
-- is tells nobody. Whoever uses or ends one at this moment is left alone: it is looked at again.
UPDATE sessions x SET ended_at = @at, end_reason = @reason
WHERE x.org_id = @org_id AND x.id IN (
    SELECT s.id FROM sessions s
    WHERE s.org_id = @org_id AND s.id = ANY (@ids::uuid[]) AND s.ended_at IS NULL AND (s.expires_at <= @at OR s.idle_expires_at <= @at)
      AND EXISTS (SELECT FROM session_clients l JOIN clients c ON c.org_id = l.org_id AND c.id = l.client_id
          WHERE l.org_id = s.org_id AND l.session_id = s.id AND c.status = 'active' AND c.metadata ->> 'backchannel_logout_uri' <> '')
    ORDER BY s.id FOR NO KEY UPDATE SKIP LOCKED)
RETURNING x.id, x.user_id;

-- name: HoldSessions :many
-- Before LookLater: whoever changes how long one of them lives comes first and is seen, or comes last. What somebody else is changing is left out.
SELECT id FROM sessions WHERE org_id = @org_id AND id = ANY (@ids::uuid[]) ORDER BY id FOR SHARE SKIP LOCKED;

-- name: LookLater :execrows
-- Never again for clients of which none is told, and at sessions that have ended; at others when they are over unless they are used,
-- and in any case not at once.
UPDATE session_clients l SET due_at = CASE
    WHEN s.ended_at IS NULL AND (s.expires_at > @at AND s.idle_expires_at > @at OR c.status = 'active' AND c.metadata ->> 'backchannel_logout_uri' <> '')
    THEN GREATEST(LEAST(s.expires_at, s.idle_expires_at), @soonest::timestamptz) END
FROM sessions s, clients c
WHERE l.org_id = @org_id AND l.session_id = ANY (@session_ids::uuid[]) AND l.due_at <= @at AND s.org_id = l.org_id AND s.id = l.session_id AND c.org_id = l.org_id AND c.id = l.client_id;

-- name: ClientsToTell :many
-- The clients that signed in within sessions and want to hear of their end.
SELECT l.session_id, l.client_id, COALESCE(c.metadata ->> 'backchannel_logout_uri', '')::text AS backchannel_logout_uri,
    COALESCE(c.metadata ->> 'frontchannel_logout_uri', '')::text AS frontchannel_logout_uri
FROM session_clients l
JOIN clients c ON c.org_id = l.org_id AND c.id = l.client_id
WHERE l.org_id = @org_id AND l.session_id = ANY (@session_ids::uuid[]) AND c.status = 'active'
ORDER BY l.session_id, l.client_id;

-- name: InsertLogoutDeliveries :exec
INSERT INTO logout_deliveries (org_id, id, session_id, client_id, user_id, created_at, next_attempt_at)
SELECT @org_id, unnest(@ids::uuid[]), unnest(@session_ids::uuid[]), unnest(@client_ids::uuid[]), @user_id, @at, @at;

-- name: LogoutDelivery :one
SELECT id, session_id, client_id, user_id, state, attempts, last_status, last_error, created_at, last_attempt_at, next_attempt_at
FROM logout_deliveries WHERE org_id = @org_id AND id = @id;

-- name: RecordLogoutAttempt :execrows
UPDATE logout_deliveries SET state = @state, attempts = attempts + 1, last_status = @last_status, last_error = @last_error, last_attempt_at = @at,
    next_attempt_at = @next_attempt_at
WHERE org_id = @org_id AND id = @id AND state = 'pending';

-- name: DeleteOldLogoutDeliveries :execrows
-- cross-tenant: periodic clean-up
DELETE FROM logout_deliveries WHERE (org_id, id) IN (SELECT d.org_id, d.id FROM logout_deliveries d WHERE d.created_at < @before LIMIT @row_limit);

-- name: RevokeGrantsOfSessions :execrows
-- What offline_access lets go on is what its code was redeemed for.
UPDATE grants SET revoked_at = @at, revoke_reason = @reason
WHERE org_id = @org_id AND session_id = ANY (@session_ids::uuid[]) AND revoked_at IS NULL
  AND NOT ('offline_access' = ANY (scopes) AND code_redeemed_at IS NOT NULL);

-- name: RevokeGrantsOfModels :many
-- A batch of what was granted in sessions that began with passkeys of refused models, offline access included.
UPDATE grants x SET revoked_at = @at, revoke_reason = @reason
WHERE x.org_id = @org_id AND x.id IN (
    SELECT g.id FROM grants g WHERE g.org_id = @org_id AND g.aaguid = ANY (@models::uuid[]) AND g.revoked_at IS NULL
    ORDER BY g.id LIMIT @row_limit FOR NO KEY UPDATE SKIP LOCKED)
RETURNING x.id;

-- name: RevokeGrantsOfUnmetPasskeys :many
-- The same for passkeys that do not prove to be of a model that an organization accepts.
UPDATE grants x SET revoked_at = @at, revoke_reason = @reason
WHERE x.org_id = @org_id AND x.id IN (
    SELECT g.id FROM grants g
    WHERE g.org_id = @org_id AND g.aaguid IS NOT NULL AND g.revoked_at IS NULL AND NOT model_accepted(g.aaguid, g.attested, '{}', @accepted_models::uuid[])
    ORDER BY g.id LIMIT @row_limit FOR NO KEY UPDATE SKIP LOCKED)
RETURNING x.id;

-- name: RevokeGrantsOfPasskey :execrows
-- What a person granted in sessions that began with a passkey, offline access included, but in one of them.
UPDATE grants SET revoked_at = @at, revoke_reason = @reason
WHERE org_id = @org_id AND user_id = @user_id AND passkey_id = @passkey_id AND revoked_at IS NULL AND (session_id IS NULL OR session_id <> @keep_session_id);

-- name: RevokeGrantsOfUser :execrows
UPDATE grants SET revoked_at = @at, revoke_reason = @reason
WHERE org_id = @org_id AND user_id = @user_id AND revoked_at IS NULL AND (session_id IS NULL OR session_id <> @keep_session_id);

-- name: RevokeGrantsWithoutSession :execrows
-- What a trusted issuer vouched for has no session that could end.
UPDATE grants SET revoked_at = @at, revoke_reason = @reason
WHERE org_id = @org_id AND user_id = @user_id AND trusted_issuer_id IS NOT NULL AND revoked_at IS NULL;

-- name: BrowserIsKnown :one
SELECT EXISTS (SELECT 1 FROM sessions WHERE org_id = @org_id AND browser_hash = @browser_hash AND user_id = @user_id)::boolean;

-- name: SignInsBefore :one
-- What a new sign-in is held against: the sessions of the person that are kept.
SELECT count(*) > 0 AS any_session, count(*) FILTER (WHERE browser_hash = @browser_hash) > 0 AS same_browser, count(*) FILTER (WHERE cardinality(countries) > 0) > 0 AS any_country,
    count(*) FILTER (WHERE @country::text = ANY (countries)) > 0 AS same_country
FROM sessions WHERE org_id = @org_id AND user_id = @user_id;

-- name: BrowserHasSignedIn :one
SELECT EXISTS (SELECT 1 FROM sessions WHERE org_id = @org_id AND browser_hash = @browser_hash)::boolean;

-- name: DeleteOldSessions :execrows
-- cross-tenant: periodic clean-up
DELETE FROM sessions WHERE (org_id, id) IN (SELECT s.org_id, s.id FROM sessions s WHERE s.expires_at < @before LIMIT @row_limit);

-- name: SessionsKeptOfUser :many
-- Everything that is kept of a person's sessions, for the person.
SELECT org_id, id, user_id, token_hash, browser_hash, authenticated_at, methods, address, user_agent, created_at, last_seen_at, idle_expires_at, expires_at, ended_at, end_reason,
    passkey_id, aaguid, countries, device_id, domain, vouched, persistent, agent, strayed_at, attested
FROM sessions WHERE org_id = @org_id AND user_id = @user_id ORDER BY id DESC;

-- name: LockLiveSession :one
-- The person's row is locked first, as by whoever changes a person, so that the two never wait for each other.
SELECT s.id FROM users u JOIN sessions s ON s.org_id = u.org_id AND s.user_id = u.id
WHERE s.org_id = @org_id AND s.id = @id AND s.ended_at IS NULL AND s.expires_at > @at AND s.idle_expires_at > @at
  AND model_accepted(s.aaguid, s.attested, @refused_models::uuid[], sqlc.narg(accepted_models)::uuid[])
FOR NO KEY UPDATE OF u FOR NO KEY UPDATE OF s;
