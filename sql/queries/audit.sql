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

-- name: PseudonymiseEvents :execrows
-- Takes a person out of a batch of the events that name them: as the actor, as the target, or in the details. What they did to
-- others stays to be read, and so does what was done by others.
UPDATE audit_events e SET
    actor_id = CASE WHEN e.actor_id = @person::text THEN @pseudonym::text ELSE e.actor_id END,
    actor_name = CASE WHEN e.actor_id = @person::text OR e.actor_kind = 'anonymous' THEN '' ELSE e.actor_name END,
    address = CASE WHEN e.actor_id = @person::text OR e.actor_kind NOT IN ('user', 'operator') THEN NULL ELSE e.address END,
    request_id = '',
    user_agent = CASE WHEN e.actor_id = @person::text OR e.actor_kind NOT IN ('user', 'operator') THEN '' ELSE e.user_agent END,
    target_id = CASE WHEN e.target_id = @person::text THEN @pseudonym::text ELSE e.target_id END,
    before = CASE WHEN e.target_id = @person::text OR e.target_kind = 'linked_identity' AND e.details ->> 'user_id' = @person::text THEN NULL ELSE e.before END,
    after = CASE WHEN e.target_id = @person::text OR e.target_kind = 'linked_identity' AND e.details ->> 'user_id' = @person::text THEN NULL ELSE e.after END,
    details = CASE WHEN e.actor_id = @person::text AND e.target_kind = 'user' AND e.target_id <> @person::text THEN e.details
        ELSE audit_details_without_person(e.details, @person::text, @pseudonym::text) END
WHERE e.org_id = @org_id AND e.id IN (
    (SELECT a.id FROM audit_events a WHERE a.org_id = @org_id AND a.actor_id = @person::text LIMIT @row_limit)
    UNION ALL
    (SELECT t.id FROM audit_events t WHERE t.org_id = @org_id AND t.target_id = @person::text LIMIT @row_limit)
    UNION ALL
    (SELECT d.id FROM audit_events d WHERE d.org_id = @org_id AND d.details ->> 'user_id' = @person::text AND d.details ->> 'user_id' <> d.actor_id LIMIT @row_limit));
