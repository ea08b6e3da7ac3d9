-- +goose NO TRANSACTION
-- +goose Up
-- Whether the passkey that a session began with proved its model, and that of what was granted in the session: an organization may
-- demand it of passkeys that existed before. It outlives the passkey and the session, as the model does. Which passkey something
-- was granted with outlives the session, too: it ends when the passkey is removed.
ALTER TABLE sessions ADD COLUMN IF NOT EXISTS attested boolean NOT NULL DEFAULT false;
ALTER TABLE grants ADD COLUMN IF NOT EXISTS attested boolean NOT NULL DEFAULT false;
ALTER TABLE grants ADD COLUMN IF NOT EXISTS passkey_id uuid; -- no reference: it may be gone

-- The one answer to whether an organization accepts the model of a passkey, or of the passkey that something began with: it is none
-- that is refused, and where something is demanded (accepted is not NULL), it is one that fulfils it, and was proved. What began
-- without a passkey has no model. PostgreSQL puts the expression in the place of each call.
CREATE OR REPLACE FUNCTION model_accepted(aaguid uuid, attested boolean, refused uuid[], accepted uuid[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN aaguid IS NULL OR aaguid <> ALL (refused) AND (accepted IS NULL OR attested AND aaguid = ANY (accepted));

-- What goes on already. Of a passkey that names no model, sessions said nothing. Where the session is gone, or was renewed since,
-- nobody knows any more what was proved: where that is demanded, its people sign in again. A thousand rows at a time, in the order of
-- their keys, because people sign in meanwhile.
-- +goose StatementBegin
DO $$
DECLARE
    organization uuid := '00000000-0000-0000-0000-000000000000';
    last uuid := organization;
BEGIN
    LOOP
        WITH batch AS MATERIALIZED (
            SELECT s.org_id, s.id FROM sessions s WHERE (s.org_id, s.id) > (organization, last) ORDER BY s.org_id, s.id LIMIT 1000 FOR NO KEY UPDATE
        ), filled AS (
            UPDATE sessions s SET aaguid = p.aaguid, attested = p.attested FROM batch b, passkeys p
            WHERE s.org_id = b.org_id AND s.id = b.id AND p.org_id = s.org_id AND p.id = s.passkey_id AND s.ended_at IS NULL
                AND (s.aaguid IS NULL OR s.attested <> p.attested)
        )
        SELECT b.org_id, b.id INTO organization, last FROM batch b ORDER BY b.org_id DESC, b.id DESC LIMIT 1;
        EXIT WHEN NOT FOUND;
        COMMIT;
    END LOOP;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
DO $$
DECLARE
    organization uuid := '00000000-0000-0000-0000-000000000000';
    last uuid := organization;
BEGIN
    LOOP
        WITH batch AS MATERIALIZED (
            SELECT g.org_id, g.id FROM grants g WHERE (g.org_id, g.id) > (organization, last) ORDER BY g.org_id, g.id LIMIT 1000 FOR NO KEY UPDATE
        ), filled AS (
            UPDATE grants g SET aaguid = s.aaguid, attested = s.attested, passkey_id = s.passkey_id FROM batch b, sessions s
            WHERE g.org_id = b.org_id AND g.id = b.id AND s.org_id = g.org_id AND s.id = g.session_id AND g.revoked_at IS NULL AND g.passkey_id IS NULL
                AND s.passkey_id IS NOT NULL AND g.created_at >= s.authenticated_at AND COALESCE(g.aaguid, '00000000-0000-0000-0000-000000000000') = s.aaguid
        )
        SELECT b.org_id, b.id INTO organization, last FROM batch b ORDER BY b.org_id DESC, b.id DESC LIMIT 1;
        EXIT WHEN NOT FOUND;
        COMMIT;
    END LOOP;
END $$;
-- +goose StatementEnd
