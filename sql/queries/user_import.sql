-- name: UserImport :one
SELECT * FROM user_imports WHERE org_id = @org_id AND digest = @digest;

-- name: BeginUserImport :one
-- The import as it stands; a new one has read nothing. Whoever holds the row is the only one who goes on.
INSERT INTO user_imports (org_id, digest, lines, imported, refused, created_at, updated_at) VALUES (@org_id, @digest, 0, 0, 0, @at, @at)
ON CONFLICT (org_id, digest) DO UPDATE SET updated_at = user_imports.updated_at
RETURNING *;

-- name: AdvanceUserImport :execrows
-- No row when another process has gone on meanwhile.
UPDATE user_imports SET lines = @lines, imported = @imported, refused = @refused, finished = @finished, updated_at = @at
WHERE org_id = @org_id AND digest = @digest AND lines = @lines_before AND NOT finished;
