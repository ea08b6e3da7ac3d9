-- +goose Up

-- What is known of the metadata that was loaded last (FIDO Metadata Service 3): one row, for all replicas.
CREATE TABLE authenticator_metadata (
    id          boolean     PRIMARY KEY DEFAULT true CHECK (id),
    root_digest bytea       CHECK (octet_length(root_digest) = 32), -- SHA-256 of what its signature leads to; numbers of another root are another series
    number      bigint      CHECK (number >= 0),                    -- "no": it only grows
    digest      bytea       CHECK (octet_length(digest) = 32),      -- SHA-256 of the payload
    next_update timestamptz,
    models      integer     NOT NULL DEFAULT 0,
    source      text        NOT NULL DEFAULT '',                    -- address or file that it came from
    etag        text        NOT NULL DEFAULT '',                    -- of that address
    loaded_at   timestamptz,
    checked_at  timestamptz,                                        -- when somebody last looked for a newer one
    last_error  text        NOT NULL DEFAULT '',                    -- of the last look; '' when it went well
    CHECK ((number IS NULL) = (loaded_at IS NULL) AND (number IS NULL) = (digest IS NULL) AND (number IS NULL) = (root_digest IS NULL))
);

-- Models of authenticators, as the metadata describes them.
CREATE TABLE authenticator_models (
    aaguid            uuid   PRIMARY KEY,
    description       text   NOT NULL,
    attestation_types text[] NOT NULL,
    roots             text[] NOT NULL, -- certificates (DER in base64) that attestations of the model lead to
    reports           jsonb  NOT NULL  -- of its status: [{"status", "effective", "sunset"}]
);

CREATE TRIGGER authenticator_metadata_invalidation AFTER INSERT OR UPDATE OF digest ON authenticator_metadata
    FOR EACH ROW EXECUTE FUNCTION notify_invalidation('number');

-- Whether the maker vouched for the model when the passkey was made: its attestation led to a root of the metadata. And why
-- a passkey does not sign in any more: 'copied' (also where it is NULL) or 'model'.
ALTER TABLE passkeys ADD COLUMN attested boolean NOT NULL DEFAULT false;
ALTER TABLE passkeys ADD COLUMN suspension text CHECK (suspension IN ('copied', 'model'));

-- The model of the passkey in whose session something was granted; it outlives the session, as offline access does.
ALTER TABLE grants ADD COLUMN aaguid uuid;
