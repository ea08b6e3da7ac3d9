-- name: InsertTrustedIssuer :one
INSERT INTO trusted_issuers (org_id, id, issuer, name, status, jwks, jwks_uri, algorithms, assertion_types, subject_claim, subject_match, clients, scopes, resources,
    maximum_lifetime_seconds, created_at, updated_at)
VALUES (@org_id, @id, @issuer, @name, @status, @jwks, @jwks_uri, @algorithms, @assertion_types, @subject_claim, @subject_match, @clients, @scopes, @resources,
    @maximum_lifetime_seconds, @created_at, @created_at)
RETURNING *;

-- name: TrustedIssuerByID :one
SELECT * FROM trusted_issuers WHERE org_id = @org_id AND id = @id;

-- name: TrustedIssuersOfOrganization :many
-- All of them: an organization has a bounded number.
SELECT * FROM trusted_issuers WHERE org_id = @org_id ORDER BY id;

-- name: CountTrustedIssuers :one
SELECT count(*) FROM trusted_issuers WHERE org_id = @org_id;

-- name: UpdateTrustedIssuer :one
UPDATE trusted_issuers SET issuer = @issuer, name = @name, status = @status, jwks = @jwks, jwks_uri = @jwks_uri, algorithms = @algorithms,
    assertion_types = @assertion_types, subject_claim = @subject_claim, subject_match = @subject_match, clients = @clients, scopes = @scopes,
    resources = @resources, maximum_lifetime_seconds = @maximum_lifetime_seconds, version = version + 1, updated_at = @updated_at
WHERE org_id = @org_id AND id = @id AND version = @expected_version
RETURNING *;

-- name: DeleteTrustedIssuer :execrows
DELETE FROM trusted_issuers WHERE org_id = @org_id AND id = @id AND version = @expected_version;

-- name: RevokeGrantsOfTrustedIssuer :execrows
-- Of all clients but those that may still present its assertions.
UPDATE grants SET revoked_at = @at, revoke_reason = @reason
FROM clients c
WHERE grants.org_id = @org_id AND grants.trusted_issuer_id = @trusted_issuer_id AND grants.revoked_at IS NULL
  AND c.org_id = grants.org_id AND c.id = grants.client_id AND NOT (c.client_id = ANY (@remaining_clients::text[]));

-- name: InsertLinkedIdentity :one
INSERT INTO linked_identities (org_id, id, trusted_issuer_id, subject, user_id, created_at)
VALUES (@org_id, @id, @trusted_issuer_id, @subject, @user_id, @created_at)
RETURNING *;

-- name: LinkedIdentityByID :one
SELECT * FROM linked_identities WHERE org_id = @org_id AND trusted_issuer_id = @trusted_issuer_id AND id = @id;

-- name: LinkedIdentitiesOfUser :many
SELECT i.name AS issuer_name, i.issuer, l.subject, l.created_at FROM linked_identities l
JOIN trusted_issuers i ON i.org_id = l.org_id AND i.id = l.trusted_issuer_id
WHERE l.org_id = @org_id AND l.user_id = @user_id ORDER BY l.id;

-- name: DeleteLinkedIdentity :one
-- What the issuer vouched for under that name ends with the link.
WITH removed AS (
    DELETE FROM linked_identities l WHERE l.org_id = @org_id AND l.trusted_issuer_id = @trusted_issuer_id AND l.id = @id RETURNING l.*
), revoked AS (
    UPDATE grants g SET revoked_at = @at, revoke_reason = @reason FROM removed r
    WHERE g.org_id = r.org_id AND g.trusted_issuer_id = r.trusted_issuer_id AND g.user_id = r.user_id AND g.revoked_at IS NULL
)
SELECT r.* FROM removed r;

-- name: UserByLinkedIdentity :one
SELECT u.* FROM linked_identities l
JOIN users u ON u.org_id = l.org_id AND u.id = l.user_id
WHERE l.org_id = @org_id AND l.trusted_issuer_id = @trusted_issuer_id AND l.subject = @subject;

-- name: UserByUsername :one
SELECT * FROM users WHERE org_id = @org_id AND lower(username) = lower(@username);

-- name: UserByVerifiedEmail :one
SELECT * FROM users WHERE org_id = @org_id AND lower(email) = lower(@email::text) AND email_verified;
