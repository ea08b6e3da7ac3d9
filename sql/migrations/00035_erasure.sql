-- +goose Up

-- A person who asked that their account be erased leaves: whoever asks for an active person does not find them, and until
-- erase_at they may keep the account by signing in.
ALTER TABLE users DROP CONSTRAINT users_status_check;
ALTER TABLE users ADD CONSTRAINT users_status_check CHECK (status IN ('active', 'disabled', 'leaving'));
ALTER TABLE users ADD COLUMN erase_at timestamptz;
ALTER TABLE users ADD CONSTRAINT users_leaving CHECK ((status = 'leaving') = (erase_at IS NOT NULL));
CREATE INDEX users_erase_at ON users (erase_at) WHERE erase_at IS NOT NULL;

-- People who were erased, while the audit log is still being told: it is the only thing that says which pseudonym was
-- whose, and is gone when no event names the person any more.
CREATE TABLE erasures (
    org_id    uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id   uuid        NOT NULL,
    pseudonym text        NOT NULL CHECK (length(pseudonym) BETWEEN 20 AND 60),
    erased_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, user_id)
);

-- Events that others caused about a person but that have another target (the end of a session).
CREATE INDEX audit_events_about ON audit_events (org_id, (details ->> 'user_id'), id) WHERE details ->> 'user_id' <> actor_id;

-- What remains of the details of an event when its person is erased: only what says nothing about a person.
-- +goose StatementBegin
CREATE FUNCTION audit_details_without_person(details jsonb, person text, pseudonym text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT jsonb_object_agg(key, CASE WHEN value = to_jsonb(person) THEN to_jsonb(pseudonym) ELSE value END) FROM jsonb_each(details)
    WHERE key IN ('user_id', 'reason', 'kind', 'method', 'methods', 'client_id', 'scopes', 'resources', 'audience', 'algorithm', 'attempts', 'grants_revoked', 'trusted_issuer_id', 'disabled')
$$;
-- +goose StatementEnd
