-- name: InsertAuditEvent :exec
INSERT INTO audit_events (org_id, id, occurred_at, action, actor_kind, actor_id, actor_name, target_kind, target_id, outcome, address, user_agent, request_id, before, after, details)
VALUES (@org_id, @id, @occurred_at, @action, @actor_kind, @actor_id, @actor_name, @target_kind, @target_id, @outcome, @address, @user_agent, @request_id, @before, @after, @details);

-- name: AuditEvent :one
SELECT id, occurred_at, action, actor_kind, actor_id, actor_name, target_kind, target_id, outcome, address, user_agent, request_id, before, after, details
FROM audit_events WHERE org_id = @org_id AND id = @id;

-- name: EnsureAuditPartition :one
-- cross-tenant: partitions hold every organization's events
SELECT ensure_audit_partition(@moment)::text;
