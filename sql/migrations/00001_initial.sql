-- +goose Up

-- Conventions. Every tenant-owned table leads its primary key and every foreign key with org_id, so a
-- row cannot point into another organization and tables can be distributed by it. Identifiers are
-- UUIDv7 made by the application: they sort by time, which audit partitions and cursors rely on.
-- `version` counts changes of a row and is its ETag.

-- Organizations: the only way into a tenant. A global reference table.
CREATE TABLE organizations (
    id           uuid        PRIMARY KEY,
    slug         text        NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9](-?[a-z0-9])*$' AND length(slug) BETWEEN 2 AND 63),
    display_name text        NOT NULL CHECK (length(display_name) BETWEEN 1 AND 200),
    status       text        NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'deleting')),
    branding     jsonb       NOT NULL DEFAULT '{}',
    policies     jsonb       NOT NULL DEFAULT '{}',
    version      bigint      NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);

-- What lists are ordered and searched by. The C collation makes a prefix a range and does not change its
-- order when the operating system is upgraded.
CREATE INDEX organizations_list_name ON organizations (lower(display_name) COLLATE "C", id);
CREATE INDEX organizations_list_slug ON organizations (slug COLLATE "C");

-- Logos live apart from the hot row: an organization is read on every request, its logo rarely.
CREATE TABLE organization_logos (
    org_id       uuid        PRIMARY KEY REFERENCES organizations (id) ON DELETE CASCADE,
    media_type   text        NOT NULL CHECK (media_type IN ('image/png', 'image/jpeg', 'image/webp')),
    content      bytea       NOT NULL CHECK (octet_length(content) <= 262144),
    digest       text        NOT NULL,
    updated_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE users (
    org_id                uuid        NOT NULL REFERENCES organizations (id),
    id                    uuid        NOT NULL,
    username              text        NOT NULL CHECK (length(username) BETWEEN 1 AND 254),
    email                 text        CHECK (length(email) BETWEEN 3 AND 254),
    email_verified        boolean     NOT NULL DEFAULT false,
    phone_number          text        CHECK (length(phone_number) <= 64),
    phone_number_verified boolean     NOT NULL DEFAULT false,
    profile               jsonb       NOT NULL DEFAULT '{}', -- the standard claims of OpenID Connect Core §5.1 that have no column
    attributes            jsonb       NOT NULL DEFAULT '{}', -- the organization's own
    status                text        NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
    required_actions      text[]      NOT NULL DEFAULT '{}',
    version               bigint      NOT NULL DEFAULT 1,
    created_at            timestamptz NOT NULL DEFAULT now(),
    updated_at            timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX users_username ON users (org_id, lower(username));
CREATE UNIQUE INDEX users_email ON users (org_id, lower(email)) WHERE email IS NOT NULL;
CREATE INDEX users_list_username ON users (org_id, lower(username) COLLATE "C", id);
CREATE INDEX users_list_email ON users (org_id, lower(email) COLLATE "C") WHERE email IS NOT NULL;
CREATE INDEX users_list_name ON users (org_id, lower(profile ->> 'name') COLLATE "C") WHERE profile ->> 'name' IS NOT NULL;
CREATE INDEX users_list_family_name ON users (org_id, lower(profile ->> 'family_name') COLLATE "C") WHERE profile ->> 'family_name' IS NOT NULL;

-- Built-in roles are names fixed in the program. Roles an organization defines itself will live in a
-- table of their own with ids, so a role can never become powerful by being given a powerful name.
CREATE TABLE role_assignments (
    org_id     uuid        NOT NULL,
    user_id    uuid        NOT NULL,
    role       text        NOT NULL CHECK (role IN ('platform-administrator', 'organization-administrator', 'organization-auditor')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, user_id, role),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
);
CREATE INDEX role_assignments_role ON role_assignments (org_id, role);

CREATE TABLE credentials (
    org_id       uuid        NOT NULL,
    id           uuid        NOT NULL,
    user_id      uuid        NOT NULL,
    kind         text        NOT NULL CHECK (kind IN ('password')),
    secret       text        NOT NULL, -- password: argon2id in PHC form
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX credentials_one_password ON credentials (org_id, user_id) WHERE kind = 'password';
CREATE INDEX credentials_user ON credentials (org_id, user_id);

-- Links that let a person in once, to set a password. Only the hash of the link's token is kept.
CREATE TABLE one_time_links (
    org_id     uuid        NOT NULL,
    id         uuid        NOT NULL,
    user_id    uuid        NOT NULL,
    token_hash bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX one_time_links_token ON one_time_links (org_id, token_hash);
CREATE INDEX one_time_links_user ON one_time_links (org_id, user_id);
CREATE INDEX one_time_links_expires ON one_time_links (expires_at);

-- Failed sign-ins by what was attacked: an account, or the address the guesses came from.
CREATE TABLE sign_in_failures (
    org_id         uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    subject_hash   bytea       NOT NULL, -- HMAC of kind and subject: no personal data, fixed size
    failures       integer     NOT NULL,
    attempt        uuid        NOT NULL, -- the last attempt that was let through
    last_failed_at timestamptz NOT NULL,
    blocked_until  timestamptz NOT NULL,
    PRIMARY KEY (org_id, subject_hash)
);
CREATE INDEX sign_in_failures_last ON sign_in_failures (last_failed_at);

CREATE TABLE clients (
    org_id                          uuid        NOT NULL REFERENCES organizations (id),
    id                              uuid        NOT NULL,
    client_id                       text        NOT NULL CHECK (length(client_id) BETWEEN 1 AND 200),
    client_name                     text        NOT NULL CHECK (length(client_name) BETWEEN 1 AND 200),
    application_type                text        NOT NULL DEFAULT 'web' CHECK (application_type IN ('web', 'native')),
    token_endpoint_auth_method      text        NOT NULL CHECK (token_endpoint_auth_method IN ('none', 'client_secret_basic', 'client_secret_post')),
    secret_hash                     bytea,
    redirect_uris                   text[]      NOT NULL DEFAULT '{}',
    post_logout_redirect_uris       text[]      NOT NULL DEFAULT '{}',
    grant_types                     text[]      NOT NULL,
    response_types                  text[]      NOT NULL,
    origins                         text[]      NOT NULL DEFAULT '{}', -- of the redirect URIs: who may call from a browser (CORS)
    scopes                          text[]      NOT NULL,
    id_token_signed_response_alg    text        NOT NULL CHECK (id_token_signed_response_alg IN ('RS256', 'ES256')),
    logo_uri                        text,
    client_uri                      text,
    policy_uri                      text,
    tos_uri                         text,
    contacts                        text[]      NOT NULL DEFAULT '{}',
    require_consent                 boolean     NOT NULL DEFAULT true,
    access_token_lifetime_seconds   integer     CHECK (access_token_lifetime_seconds BETWEEN 30 AND 86400),
    refresh_token_lifetime_seconds  integer     CHECK (refresh_token_lifetime_seconds BETWEEN 60 AND 31536000),
    origin                          text        NOT NULL CHECK (origin IN ('built_in', 'administrator', 'dynamic')),
    registration_access_token_hash  bytea,
    status                          text        NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
    version                         bigint      NOT NULL DEFAULT 1,
    created_at                      timestamptz NOT NULL DEFAULT now(),
    updated_at                      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id),
    CHECK ((token_endpoint_auth_method = 'none') = (secret_hash IS NULL)),
    CHECK (origin <> 'dynamic' OR require_consent)
);
CREATE UNIQUE INDEX clients_client_id ON clients (org_id, client_id);
CREATE INDEX clients_list_name ON clients (org_id, lower(client_name) COLLATE "C", id);
CREATE INDEX clients_list_client_id ON clients (org_id, lower(client_id) COLLATE "C");
CREATE INDEX clients_origins ON clients USING gin (origins);

-- Signing keys. Every key that may have signed a living token stays published.
CREATE TABLE signing_keys (
    org_id       uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id           uuid        NOT NULL,
    key_id       text        NOT NULL, -- the `kid`: RFC 7638 thumbprint
    algorithm    text        NOT NULL CHECK (algorithm IN ('RS256', 'ES256')),
    state        text        NOT NULL CHECK (state IN ('next', 'active', 'retired')),
    public_key   jsonb       NOT NULL,
    private_key  bytea       NOT NULL, -- PKCS #8, sealed; additional data is the key_id
    sealed_by    text        NOT NULL, -- id of the key-encryption key
    created_at   timestamptz NOT NULL DEFAULT now(),
    activated_at timestamptz,
    retired_at   timestamptz,
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX signing_keys_key_id ON signing_keys (org_id, key_id);
-- Replicas that race to make an organization's first key agree on one.
CREATE UNIQUE INDEX signing_keys_one_per_state ON signing_keys (org_id, algorithm, state) WHERE state IN ('next', 'active');
CREATE INDEX signing_keys_retired ON signing_keys (retired_at) WHERE state = 'retired';

-- Keys made in advance, so that neither creating an organization nor its first request pays for RSA.
-- Global: a key belongs to nobody until it is moved into signing_keys.
CREATE TABLE signing_key_pool (
    id          uuid        PRIMARY KEY,
    key_id      text        NOT NULL UNIQUE,
    algorithm   text        NOT NULL CHECK (algorithm IN ('RS256', 'ES256')),
    public_key  jsonb       NOT NULL,
    private_key bytea       NOT NULL,
    sealed_by   text        NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX signing_key_pool_algorithm ON signing_key_pool (algorithm);

CREATE TABLE sessions (
    org_id           uuid        NOT NULL,
    id               uuid        NOT NULL,
    user_id          uuid        NOT NULL,
    token_hash       bytea       NOT NULL,
    browser_hash     bytea       NOT NULL, -- of the browser's own cookie: which browser this is, for lock-out and lists
    authenticated_at timestamptz NOT NULL, -- `auth_time`
    methods          text[]      NOT NULL, -- `amr`, RFC 8176
    address          inet,
    user_agent       text        NOT NULL DEFAULT '',
    created_at       timestamptz NOT NULL DEFAULT now(),
    last_seen_at     timestamptz NOT NULL DEFAULT now(),
    idle_expires_at  timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL,
    ended_at         timestamptz,
    end_reason       text,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX sessions_token ON sessions (org_id, token_hash);
CREATE INDEX sessions_user ON sessions (org_id, user_id);
CREATE INDEX sessions_browser ON sessions (org_id, browser_hash);
CREATE INDEX sessions_expires ON sessions (expires_at);

CREATE TABLE consents (
    org_id     uuid        NOT NULL,
    id         uuid        NOT NULL,
    user_id    uuid        NOT NULL,
    client_id  uuid        NOT NULL,
    scopes     text[]      NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, client_id) REFERENCES clients (org_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX consents_user_client ON consents (org_id, user_id, client_id);
CREATE INDEX consents_client ON consents (org_id, client_id);

-- A grant is what a person (or a client for itself) allowed once; tokens are its children. The
-- authorization code is a hashed, expiring column: redeeming it is one conditional UPDATE.
CREATE TABLE grants (
    org_id           uuid        NOT NULL,
    id               uuid        NOT NULL,
    client_id        uuid        NOT NULL,
    user_id          uuid        NOT NULL,
    session_id       uuid,
    scopes           text[]      NOT NULL,
    nonce            text,
    redirect_uri     text        NOT NULL,
    code_challenge   text        NOT NULL, -- S256 (RFC 7636); '' never stored in profile oauth2.1
    code_hash        bytea,
    code_expires_at  timestamptz,
    code_redeemed_at timestamptz,
    authenticated_at timestamptz NOT NULL,
    methods          text[]      NOT NULL,
    acr              text        NOT NULL DEFAULT '',
    audience         text[]      NOT NULL DEFAULT '{}',
    created_at       timestamptz NOT NULL DEFAULT now(),
    expires_at       timestamptz NOT NULL, -- after this nothing made from the grant can be alive
    revoked_at       timestamptz,
    revoke_reason    text,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, client_id) REFERENCES clients (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, session_id) REFERENCES sessions (org_id, id) ON DELETE SET NULL (session_id)
);
CREATE UNIQUE INDEX grants_code ON grants (org_id, code_hash) WHERE code_hash IS NOT NULL;
CREATE INDEX grants_user ON grants (org_id, user_id);
CREATE INDEX grants_client ON grants (org_id, client_id);
CREATE INDEX grants_session ON grants (org_id, session_id);
CREATE INDEX grants_expires ON grants (expires_at);

CREATE TABLE refresh_tokens (
    org_id     uuid        NOT NULL,
    id         uuid        NOT NULL,
    grant_id   uuid        NOT NULL,
    token_hash bytea       NOT NULL,
    scopes     text[]      NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    rotated_at timestamptz,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, grant_id) REFERENCES grants (org_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX refresh_tokens_token ON refresh_tokens (org_id, token_hash);
CREATE INDEX refresh_tokens_grant ON refresh_tokens (org_id, grant_id);
CREATE INDEX refresh_tokens_expires ON refresh_tokens (expires_at);

-- Access tokens revoked one by one, until they would have expired anyway. Whole grants are revoked in grants.
CREATE TABLE revoked_tokens (
    org_id     uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    token_id   text        NOT NULL CHECK (length(token_id) <= 100), -- `jti`
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, token_id)
);
CREATE INDEX revoked_tokens_expires ON revoked_tokens (expires_at);

-- Answers remembered for Idempotency-Key on creates of the Admin API.
CREATE TABLE idempotency_keys (
    org_id       uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    actor_id     uuid        NOT NULL,
    key_hash     bytea       NOT NULL,
    request_hash bytea       NOT NULL,
    status       integer     NOT NULL,
    resource_id  uuid        NOT NULL, -- the thing made; answers are rendered anew, so no secret is stored
    expires_at   timestamptz NOT NULL,
    PRIMARY KEY (org_id, actor_id, key_hash)
);
CREATE INDEX idempotency_keys_expires ON idempotency_keys (expires_at);

-- The audit log: append only, partitioned by id, which is by time because ids are UUIDv7. Old months
-- are dropped as whole partitions. It has no foreign key: it must outlive what it tells about.
CREATE TABLE audit_events (
    org_id      uuid        NOT NULL,
    id          uuid        NOT NULL,
    occurred_at timestamptz NOT NULL,
    action      text        NOT NULL CHECK (length(action) <= 100),
    actor_kind  text        NOT NULL CHECK (actor_kind IN ('user', 'client', 'system', 'operator', 'anonymous')),
    actor_id    text        NOT NULL DEFAULT '',
    actor_name  text        NOT NULL DEFAULT '',
    target_kind text        NOT NULL DEFAULT '',
    target_id   text        NOT NULL DEFAULT '',
    outcome     text        NOT NULL CHECK (outcome IN ('success', 'failure')),
    address     inet,
    user_agent  text        NOT NULL DEFAULT '',
    request_id  text        NOT NULL DEFAULT '',
    before      jsonb,
    after       jsonb,
    details     jsonb,
    PRIMARY KEY (org_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX audit_events_action ON audit_events (org_id, action, id);
CREATE INDEX audit_events_actor ON audit_events (org_id, actor_id, id);
CREATE INDEX audit_events_target ON audit_events (org_id, target_id, id);
CREATE TABLE audit_events_default PARTITION OF audit_events DEFAULT;

-- +goose StatementBegin
CREATE FUNCTION uuid_v7_floor(moment timestamptz) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid;
-- +goose StatementEnd

-- +goose StatementBegin
-- Makes the partition of the month that contains the moment; does nothing when it exists or when
-- the default partition already holds rows of that month.
CREATE FUNCTION ensure_audit_partition(moment timestamptz) RETURNS text
    LANGUAGE plpgsql AS $$
DECLARE
    month_start timestamptz := date_trunc('month', moment AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
    month_end   timestamptz := (date_trunc('month', moment AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC';
    partition   text := 'audit_events_' || to_char(month_start AT TIME ZONE 'UTC', 'YYYYMM');
BEGIN
    IF to_regclass(partition) IS NOT NULL
       OR EXISTS (SELECT 1 FROM audit_events_default WHERE id >= uuid_v7_floor(month_start) AND id < uuid_v7_floor(month_end)) THEN
        RETURN partition;
    END IF;
    EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF audit_events FOR VALUES FROM (%L) TO (%L)',
        partition, uuid_v7_floor(month_start), uuid_v7_floor(month_end));
    RETURN partition;
END
$$;
-- +goose StatementEnd
SELECT ensure_audit_partition(now());
SELECT ensure_audit_partition(now() + interval '1 month');

-- In-process caches are told what changed in the transaction that changed it, so no code path can forget.
-- +goose StatementBegin
CREATE FUNCTION notify_invalidation() RETURNS trigger
    LANGUAGE plpgsql AS $$
DECLARE
    changed jsonb := to_jsonb(COALESCE(OLD, NEW));
BEGIN
    PERFORM pg_notify('clavex_invalidation', TG_TABLE_NAME || ':' || COALESCE(changed ->> 'org_id', changed ->> 'id')
        || ':' || COALESCE(changed ->> TG_ARGV[0], ''));
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER organizations_invalidation AFTER INSERT OR UPDATE OR DELETE ON organizations
    FOR EACH ROW EXECUTE FUNCTION notify_invalidation('slug');
CREATE TRIGGER clients_invalidation AFTER INSERT OR UPDATE OR DELETE ON clients
    FOR EACH ROW EXECUTE FUNCTION notify_invalidation('client_id');
CREATE TRIGGER signing_keys_invalidation AFTER INSERT OR UPDATE OR DELETE ON signing_keys
    FOR EACH ROW EXECUTE FUNCTION notify_invalidation('algorithm');
CREATE TRIGGER organization_logos_invalidation AFTER INSERT OR UPDATE OR DELETE ON organization_logos
    FOR EACH ROW EXECUTE FUNCTION notify_invalidation('digest');
