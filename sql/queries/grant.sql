-- name: InsertGrant :one
-- Writes down what a person allowed, with the authorization code if there is one, touches the session it came from and
-- remembers that the client wants to hear of the session's end, in one statement.
-- No row when the session has ended. The lock lets an end wait that is about to happen, which then finds the grant and
-- the client; it is the one that touching needs, because two that share a weaker one could not both go on to touch.
WITH live AS (
    SELECT s.org_id, s.id, s.user_id, s.aaguid, s.attested, s.passkey_id FROM sessions s
    WHERE s.org_id = @org_id AND s.id = @session_id AND s.user_id = @user_id AND s.ended_at IS NULL
      AND model_accepted(s.aaguid, s.attested, @refused_models::uuid[], sqlc.narg(accepted_models)::uuid[])
    FOR NO KEY UPDATE
), issued AS (
    INSERT INTO grants (org_id, id, client_id, user_id, session_id, scopes, nonce, redirect_uri, code_challenge, code_hash, code_expires_at,
        authenticated_at, methods, acr, audience, claims, authorization_details, bound_to, created_at, expires_at, aaguid, attested, passkey_id)
    SELECT live.org_id, @id, @client_id, live.user_id, live.id, @scopes, @nonce, @redirect_uri, @code_challenge, @code_hash, @code_expires_at,
        @authenticated_at, @methods, @acr, @audience, @claims, @authorization_details, @bound_to, @created_at, @expires_at, live.aaguid, live.attested, live.passkey_id
    FROM live
    RETURNING grants.org_id, grants.id, grants.session_id, grants.client_id
), touched AS (
    UPDATE sessions SET last_seen_at = @seen_at, idle_expires_at = @session_idle_expires_at
    FROM issued i
    WHERE sessions.org_id = i.org_id AND sessions.id = i.session_id AND sessions.last_seen_at < @touch_before
), listener AS (
    INSERT INTO session_clients (org_id, session_id, client_id, due_at)
    SELECT i.org_id, i.session_id, i.client_id, @session_idle_expires_at FROM issued i WHERE @tell_of_end::boolean
    ON CONFLICT DO NOTHING
)
SELECT i.id FROM issued i;

-- name: InsertGrantOfIssuer :one
-- A grant without a session: a trusted issuer vouched for the person. No row when the trust, the person or the client
-- has ended meanwhile; the locks let whoever ends one of them at the same moment come first, or find the grant.
WITH trusted AS (
    SELECT i.org_id, i.id FROM trusted_issuers i WHERE i.org_id = @org_id AND i.id = @trusted_issuer_id AND i.status = 'active' FOR SHARE
), person AS (
    SELECT u.org_id, u.id FROM users u WHERE u.org_id = @org_id AND u.id = @user_id AND u.status = 'active' FOR SHARE
)
INSERT INTO grants (org_id, id, client_id, user_id, trusted_issuer_id, scopes, redirect_uri, code_challenge, authenticated_at, methods, audience,
    authorization_details, created_at, expires_at)
SELECT trusted.org_id, @id, @client_id, person.id, trusted.id, @scopes, '', '', @created_at, '{}', @audience, @authorization_details, @created_at, @expires_at
FROM trusted JOIN person ON person.org_id = trusted.org_id
RETURNING grants.id;

-- name: SessionLastGrantedTo :one
-- Of several sessions of one browser, the one in which a client was granted something last. Identifiers grow with time.
SELECT session_id FROM grants
WHERE org_id = @org_id AND session_id = ANY (@session_ids::uuid[]) AND client_id = @client_id
ORDER BY id DESC LIMIT 1;

-- name: RedeemCode :one
-- One conditional UPDATE: of two simultaneous uses exactly one gets the row. Everything the code is bound to is
-- part of the condition, so a wrong attempt changes nothing. The refresh token is inserted only with the row.
-- Offline access or not, a code dies with its session: an authorization at the very moment when everything of a
-- person is ended would outlive that otherwise.
WITH redeemed AS (
    UPDATE grants SET code_redeemed_at = @at, bound_to = @bind_to, expires_at = GREATEST(grants.expires_at, @grant_expires_at)
    FROM users u
    WHERE grants.org_id = @org_id AND grants.code_hash = @code_hash AND grants.client_id = @client_id
      AND grants.redirect_uri = @redirect_uri AND grants.code_challenge = @code_challenge
      AND (grants.bound_to = '' OR grants.bound_to = ANY (@holders::text[]))
      AND grants.code_redeemed_at IS NULL AND grants.code_expires_at > @at AND grants.revoked_at IS NULL
      AND u.org_id = grants.org_id AND u.id = grants.user_id AND u.status = 'active'
      AND model_accepted(grants.aaguid, grants.attested, @refused_models::uuid[], sqlc.narg(accepted_models)::uuid[])
      AND EXISTS (SELECT 1 FROM sessions s WHERE s.org_id = grants.org_id AND s.id = grants.session_id AND s.ended_at IS NULL
          AND model_accepted(s.aaguid, s.attested, @refused_models::uuid[], sqlc.narg(accepted_models)::uuid[]))
    RETURNING grants.*
), issued AS (
    INSERT INTO refresh_tokens (org_id, id, grant_id, token_hash, scopes, created_at, expires_at)
    SELECT r.org_id, @refresh_id, r.id, @refresh_hash, r.scopes, @at, @refresh_expires_at FROM redeemed r WHERE @with_refresh::boolean
)
SELECT r.id, r.user_id, r.session_id, r.scopes, r.nonce, r.authenticated_at, r.methods, r.acr, r.audience, r.claims, r.authorization_details FROM redeemed r;

-- name: GrantedByCode :one
-- What a code stands for, for whoever wants less than all of it. It does not change.
SELECT audience, authorization_details FROM grants WHERE org_id = @org_id AND code_hash = @code_hash AND client_id = @client_id;

-- name: GrantedByRefreshToken :one
SELECT g.audience, g.authorization_details
FROM refresh_tokens t
JOIN grants g ON g.org_id = t.org_id AND g.id = t.grant_id
WHERE t.org_id = @org_id AND t.token_hash = @token_hash AND g.client_id = @client_id;

-- name: RedeemedGrantByCode :one
-- The grant of a code that was redeemed before, for whoever has everything that redeems it: nobody else may end it.
SELECT id FROM grants
WHERE org_id = @org_id AND code_hash = @code_hash AND client_id = @client_id
  AND redirect_uri = @redirect_uri AND code_challenge = @code_challenge AND code_redeemed_at IS NOT NULL
  AND (bound_to = '' OR bound_to = ANY (@holders::text[]));

-- name: RevokeGrant :execrows
UPDATE grants SET revoked_at = @at, revoke_reason = @reason WHERE org_id = @org_id AND id = @id AND revoked_at IS NULL;

-- name: RotateRefreshToken :one
-- Rotation in one statement. `presented` sees the token as it was when the statement began; `rotated` is the
-- conditional UPDATE that exactly one of several simultaneous uses wins. The successor's hash is derived from the
-- presented token, so the losers of a race and a retry inside the grace window compute the same successor.
-- A token that is kept is not replaced but lives on, as a successor would.
-- The grant is extended by a day more than needed: most rotations then leave its row, and the six indexes on it, alone.
-- A grant without offline_access lives with its session, and using it is a use of the session as an authorization is:
-- whoever works in an application all day is not idle. The session is locked before the grant, as by whoever ends it.
WITH presented AS (
    SELECT t.id, t.grant_id, t.scopes, t.rotated_at, t.expires_at, g.user_id, g.session_id, g.nonce, g.authenticated_at, g.methods, g.acr,
           g.audience, g.claims, g.authorization_details, g.scopes AS grant_scopes, g.client_id,
           (g.revoked_at IS NULL AND t.expires_at > @at AND u.status = 'active'
            AND model_accepted(g.aaguid, g.attested, @refused_models::uuid[], sqlc.narg(accepted_models)::uuid[]) AND (
               'offline_access' = ANY (g.scopes) OR EXISTS (
                   SELECT 1 FROM sessions s WHERE s.org_id = g.org_id AND s.id = g.session_id
                   AND s.ended_at IS NULL AND s.expires_at > @at AND s.idle_expires_at > @at
                   AND model_accepted(s.aaguid, s.attested, @refused_models::uuid[], sqlc.narg(accepted_models)::uuid[]))))::boolean AS alive
    FROM refresh_tokens t
    JOIN grants g ON g.org_id = t.org_id AND g.id = t.grant_id
    JOIN users u ON u.org_id = g.org_id AND u.id = g.user_id
    WHERE t.org_id = @org_id AND t.token_hash = @token_hash AND g.client_id = @client_id
      AND (g.bound_to = '' OR g.bound_to = ANY (@holders::text[]))
), rotated AS (
    UPDATE refresh_tokens r SET rotated_at = CASE WHEN @keep::boolean THEN NULL ELSE @at::timestamptz END,
        expires_at = CASE WHEN @keep THEN GREATEST(r.expires_at, @successor_expires_at) ELSE r.expires_at END
    FROM presented p
    WHERE r.org_id = @org_id AND r.id = p.id AND r.rotated_at IS NULL AND p.alive AND @scopes::text[] <@ p.grant_scopes
    RETURNING r.id
), successor AS (
    INSERT INTO refresh_tokens (org_id, id, grant_id, token_hash, scopes, created_at, expires_at)
    SELECT @org_id, @successor_id, p.grant_id, @successor_hash, p.scopes, @at, @successor_expires_at
    FROM presented p JOIN rotated ON rotated.id = p.id WHERE NOT @keep
), touched AS (
    UPDATE sessions s SET last_seen_at = @at, idle_expires_at = LEAST(CASE WHEN s.persistent THEN @persistent_idle_expires_at::timestamptz ELSE @session_idle_expires_at::timestamptz END, s.expires_at)
    FROM presented p JOIN rotated ON rotated.id = p.id
    WHERE s.org_id = @org_id AND s.id = p.session_id AND s.ended_at IS NULL AND s.last_seen_at < @touch_before
      AND NOT ('offline_access' = ANY (p.grant_scopes))
    RETURNING s.id
), extended AS (
    UPDATE grants g SET expires_at = GREATEST(g.expires_at, @successor_expires_at) + interval '1 day'
    FROM presented p JOIN rotated ON rotated.id = p.id, (SELECT count(*) FROM touched) AS first
    WHERE g.org_id = @org_id AND g.id = p.grant_id AND g.expires_at < @successor_expires_at
)
SELECT p.*, EXISTS (SELECT 1 FROM rotated)::boolean AS won FROM presented p;

-- name: TokenState :one
-- Whether an access token made from a grant is still good, with the person it speaks of. A session whose row is gone
-- ended long ago. Offline access begins when the code is redeemed: a token that came with the code through the browser
-- dies with the session as the code does. Where a trusted issuer vouched for the person there is no session: the token
-- lives with the trust.
SELECT sqlc.embed(users),
       (g.revoked_at IS NULL AND users.status = 'active' AND model_accepted(g.aaguid, g.attested, @refused_models::uuid[], sqlc.narg(accepted_models)::uuid[])
        AND NOT EXISTS (SELECT 1 FROM revoked_tokens r WHERE r.org_id = g.org_id AND r.token_id = @token_id)
        AND ('offline_access' = ANY (g.scopes) AND g.code_redeemed_at IS NOT NULL OR EXISTS (
             SELECT 1 FROM sessions s WHERE s.org_id = g.org_id AND s.id = g.session_id AND s.ended_at IS NULL
             AND model_accepted(s.aaguid, s.attested, @refused_models::uuid[], sqlc.narg(accepted_models)::uuid[])) OR EXISTS (
             SELECT 1 FROM trusted_issuers i WHERE i.org_id = g.org_id AND i.id = g.trusted_issuer_id AND i.status = 'active')))::boolean AS alive,
       g.client_id, g.scopes, g.session_id, g.claims
FROM grants g JOIN users ON users.org_id = g.org_id AND users.id = g.user_id
WHERE g.org_id = @org_id AND g.id = @grant_id;

-- name: TokenIsRevoked :one
SELECT EXISTS (SELECT 1 FROM revoked_tokens WHERE org_id = @org_id AND token_id = @token_id)::boolean;

-- name: RefreshTokenState :one
SELECT t.id, t.grant_id, t.scopes, t.created_at, t.expires_at, t.rotated_at, g.client_id, g.user_id, g.authenticated_at, u.username,
       (g.revoked_at IS NULL AND t.rotated_at IS NULL AND t.expires_at > @at AND u.status = 'active'
        AND model_accepted(g.aaguid, g.attested, @refused_models::uuid[], sqlc.narg(accepted_models)::uuid[]) AND (
            'offline_access' = ANY (g.scopes) OR EXISTS (
            SELECT 1 FROM sessions s WHERE s.org_id = g.org_id AND s.id = g.session_id AND s.ended_at IS NULL AND s.expires_at > @at
            AND s.idle_expires_at > @at AND model_accepted(s.aaguid, s.attested, @refused_models::uuid[], sqlc.narg(accepted_models)::uuid[]))))::boolean AS alive
FROM refresh_tokens t
JOIN grants g ON g.org_id = t.org_id AND g.id = t.grant_id
JOIN users u ON u.org_id = g.org_id AND u.id = g.user_id
WHERE t.org_id = @org_id AND t.token_hash = @token_hash;

-- name: PersonOfIDToken :one
-- Whom an ID token of a client speaks of, as long as its session goes on and the client still has something of it: the
-- newest that it redeemed. What it was given a code for and never fetched widens nothing.
SELECT sqlc.embed(users), g.id, g.scopes, g.authenticated_at, g.methods, g.acr
FROM sessions s
JOIN users ON users.org_id = s.org_id AND users.id = s.user_id
JOIN grants g ON g.org_id = s.org_id AND g.session_id = s.id AND g.client_id = @client_id AND g.revoked_at IS NULL
  AND g.expires_at > @at AND (g.code_hash IS NULL OR g.code_redeemed_at IS NOT NULL)
WHERE s.org_id = @org_id AND s.id = @session_id AND s.user_id = @user_id AND users.status = 'active'
  AND s.ended_at IS NULL AND s.expires_at > @at AND s.idle_expires_at > @at
  AND model_accepted(s.aaguid, s.attested, @refused_models::uuid[], sqlc.narg(accepted_models)::uuid[]) AND model_accepted(g.aaguid, g.attested, @refused_models::uuid[], sqlc.narg(accepted_models)::uuid[])
ORDER BY g.id DESC LIMIT 1;

-- name: PersonOfRefreshToken :one
-- Whom a refresh token of a client speaks of, under the conditions of using it.
SELECT sqlc.embed(users), g.id, g.scopes, g.authenticated_at, g.methods, g.acr
FROM refresh_tokens t
JOIN grants g ON g.org_id = t.org_id AND g.id = t.grant_id
JOIN users ON users.org_id = g.org_id AND users.id = g.user_id
WHERE t.org_id = @org_id AND t.token_hash = @token_hash AND g.client_id = @client_id AND (g.bound_to = '' OR g.bound_to = ANY (@holders::text[]))
  AND g.revoked_at IS NULL AND t.rotated_at IS NULL AND t.expires_at > @at AND users.status = 'active'
  AND model_accepted(g.aaguid, g.attested, @refused_models::uuid[], sqlc.narg(accepted_models)::uuid[]) AND (
      'offline_access' = ANY (g.scopes) OR EXISTS (
      SELECT 1 FROM sessions s WHERE s.org_id = g.org_id AND s.id = g.session_id AND s.ended_at IS NULL AND s.expires_at > @at
      AND s.idle_expires_at > @at AND model_accepted(s.aaguid, s.attested, @refused_models::uuid[], sqlc.narg(accepted_models)::uuid[])));

-- name: RevokeToken :exec
INSERT INTO revoked_tokens (org_id, token_id, expires_at) VALUES (@org_id, @token_id, @expires_at) ON CONFLICT DO NOTHING;

-- name: RevokeGrantsOfUserAndClient :execrows
UPDATE grants SET revoked_at = @at, revoke_reason = @reason WHERE org_id = @org_id AND user_id = @user_id AND client_id = @client_id AND revoked_at IS NULL;

-- name: RevokeGrantsOfClient :execrows
UPDATE grants SET revoked_at = @at, revoke_reason = @reason WHERE org_id = @org_id AND client_id = @client_id AND revoked_at IS NULL;

-- name: DeleteConsentsOfClient :execrows
DELETE FROM consents WHERE org_id = @org_id AND client_id = @client_id;

-- name: UpsertConsent :exec
INSERT INTO consents (org_id, id, user_id, client_id, scopes, created_at, updated_at)
VALUES (@org_id, @id, @user_id, @client_id, @scopes, @at, @at)
ON CONFLICT (org_id, user_id, client_id) DO UPDATE SET
    scopes = (SELECT array_agg(DISTINCT s ORDER BY s) FROM unnest(consents.scopes || EXCLUDED.scopes) AS s), updated_at = EXCLUDED.updated_at;

-- name: ConsentsOfUser :many
SELECT c.id, c.client_id, cl.client_name, c.scopes, c.created_at, c.updated_at
FROM consents c
JOIN clients cl ON cl.org_id = c.org_id AND cl.id = c.client_id
WHERE c.org_id = @org_id AND c.user_id = @user_id AND c.id < @before
ORDER BY c.id DESC LIMIT @row_limit;

-- name: GrantsKeptOfUser :many
-- Everything that is kept of what applications hold of a person, for the person.
SELECT g.id, cl.client_id, cl.client_name, g.scopes, g.audience, g.authenticated_at, g.methods, g.acr, g.created_at, g.expires_at, g.revoked_at, g.revoke_reason,
    g.redirect_uri, g.claims, g.authorization_details
FROM grants g
JOIN clients cl ON cl.org_id = g.org_id AND cl.id = g.client_id
WHERE g.org_id = @org_id AND g.user_id = @user_id
ORDER BY g.id DESC;

-- name: DeleteConsent :one
DELETE FROM consents WHERE org_id = @org_id AND user_id = @user_id AND client_id = @client_id RETURNING scopes;

-- name: DeleteExpiredRefreshTokens :execrows
-- cross-tenant: periodic clean-up
DELETE FROM refresh_tokens WHERE (org_id, id) IN (SELECT t.org_id, t.id FROM refresh_tokens t WHERE t.expires_at < @before LIMIT @row_limit);

-- name: DeleteExpiredGrants :execrows
-- cross-tenant: periodic clean-up
DELETE FROM grants WHERE (org_id, id) IN (SELECT g.org_id, g.id FROM grants g WHERE g.expires_at < @before LIMIT @row_limit);

-- name: DeleteExpiredRevokedTokens :execrows
-- cross-tenant: periodic clean-up
DELETE FROM revoked_tokens WHERE (org_id, token_id) IN (SELECT r.org_id, r.token_id FROM revoked_tokens r WHERE r.expires_at < @before LIMIT @row_limit);
