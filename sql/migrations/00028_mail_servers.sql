-- +goose Up

-- The SMTP server by which an organization's mail goes out, where it is not that of the installation.
CREATE TABLE mail_servers (
    org_id       uuid        PRIMARY KEY REFERENCES organizations (id) ON DELETE CASCADE,
    host         text        NOT NULL CHECK (length(host) BETWEEN 1 AND 253),
    port         integer     NOT NULL CHECK (port BETWEEN 1 AND 65535),
    tls          text        NOT NULL CHECK (tls IN ('starttls', 'implicit')), -- codes and links go over networks that are not ours
    username     text        NOT NULL CHECK (length(username) <= 320),
    sealed       bytea,                                                        -- the password; bound to org_id
    sealed_by    text,
    from_address text        NOT NULL CHECK (length(from_address) BETWEEN 3 AND 500),
    reply_to     text        NOT NULL CHECK (length(reply_to) <= 500),
    version      bigint      NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    CHECK ((username = '') = (sealed IS NULL)),
    CHECK ((sealed IS NULL) = (sealed_by IS NULL))
);
CREATE TRIGGER mail_servers_invalidation AFTER INSERT OR UPDATE OR DELETE ON mail_servers
    FOR EACH ROW EXECUTE FUNCTION notify_invalidation('org_id');
