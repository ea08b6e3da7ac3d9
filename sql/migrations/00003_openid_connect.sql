-- +goose Up

-- What OpenID Connect's registration, logout and RFC 7591 let a client say of itself beyond the columns that
-- queries read. The profile tightens or loosens the organization's (NULL: the organization's). A client whose
-- tokens are signed with its secret (HS256) has that secret sealed too: a digest signs nothing.
ALTER TABLE clients
    ADD COLUMN metadata         jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
    ADD COLUMN profile          text  CHECK (length(profile) BETWEEN 1 AND 50),
    ADD COLUMN sealed_secret    bytea,
    ADD COLUMN secret_sealed_by text, -- id of the key-encryption key
    ADD CONSTRAINT clients_sealed_secret CHECK ((sealed_secret IS NULL) = (secret_sealed_by IS NULL) AND (sealed_secret IS NULL OR secret_hash IS NOT NULL)),
    DROP CONSTRAINT clients_id_token_signed_response_alg_check,
    ADD CONSTRAINT clients_id_token_signed_response_alg_check CHECK (id_token_signed_response_alg IN
        ('RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'HS256'));
CREATE INDEX clients_secret_sealed_by ON clients (secret_sealed_by) WHERE secret_sealed_by IS NOT NULL;

-- The claims parameter of the authorization request (OpenID Connect Core 1.0 §5.5), which decides what the
-- ID token and userinfo of this grant say.
ALTER TABLE grants ADD COLUMN claims jsonb CHECK (jsonb_typeof(claims) = 'object');

-- The clients a session signed in to and that want to hear of its end (Back-Channel and Front-Channel Logout 1.0).
CREATE TABLE session_clients (
    org_id     uuid NOT NULL,
    session_id uuid NOT NULL,
    client_id  uuid NOT NULL,
    PRIMARY KEY (org_id, session_id, client_id),
    FOREIGN KEY (org_id, session_id) REFERENCES sessions (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, client_id) REFERENCES clients (org_id, id) ON DELETE CASCADE
);
CREATE INDEX session_clients_client ON session_clients (org_id, client_id);
