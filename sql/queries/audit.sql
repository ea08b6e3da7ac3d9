-- name: InsertAuditEvent :exec
INSERT INTO audit_events (org_id, id, occurred_at, action, actor_kind, actor_id, actor_name, target_kind, target_id, outcome, address, user_agent, request_id, before, after, details)
VALUES (@org_id, @id, @occurred_at, @action, @actor_kind, @actor_id, @actor_name, @target_kind, @target_id, @outcome, @address, @user_agent, @request_id, @before, @after, @details);

-- name: AuditEvent :one
SELECT id, occurred_at, action, actor_kind, actor_id, actor_name, target_kind, target_id, outcome, address, user_agent, request_id, before, after, details
FROM audit_events WHERE org_id = @org_id AND id = @id;

-- name: EnsureAuditPartition :one
-- cross-tenant: partitions hold every organization's events
SELECT ensure_audit_partition(@moment)::text;

-- name: AuditEventsOfPerson :many
-- What concerns a person: done to them, or done by them to what is theirs; of all actions when none is named. Each half is
-- bounded before they are put together.
SELECT id, occurred_at, action, actor_kind, actor_id, actor_name, target_kind, target_id, outcome, address, user_agent, request_id, before, after, details
FROM (
    (SELECT * FROM audit_events t
     WHERE t.org_id = @org_id AND t.target_id = @person::text AND t.target_kind = 'user' AND (cardinality(@actions::text[]) = 0 OR t.action = ANY (@actions::text[])) AND t.id < @before_id::uuid
     ORDER BY t.id DESC LIMIT @row_limit)
    UNION
    (SELECT * FROM audit_events a
     WHERE a.org_id = @org_id AND a.actor_id = @person::text AND a.target_kind IN ('session', 'client') AND (cardinality(@actions::text[]) = 0 OR a.action = ANY (@actions::text[])) AND a.id < @before_id::uuid
       AND COALESCE(a.details ->> 'user_id', @person::text) = @person::text
     ORDER BY a.id DESC LIMIT @row_limit)
) AS events
ORDER BY id DESC LIMIT @row_limit;
