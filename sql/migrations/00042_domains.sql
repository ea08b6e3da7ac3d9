-- +goose Up

-- Hosts that organizations say are theirs. Whoever proves it by DNS, and nobody else, has the host.
CREATE TABLE domains (
    org_id      uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id          uuid        NOT NULL,
    host        text        NOT NULL CHECK (host = lower(host) AND length(host) BETWEEN 3 AND 253), -- as in the DNS, without a dot at the end
    token       text        NOT NULL CHECK (length(token) BETWEEN 20 AND 60),                      -- that the TXT record has to say
    created_at  timestamptz NOT NULL,
    verified_at timestamptz,
    verified_by text        CHECK (verified_by IN ('dns', 'operator')),
    PRIMARY KEY (org_id, id),
    CHECK ((verified_at IS NULL) = (verified_by IS NULL))
);
CREATE UNIQUE INDEX domains_of_organization ON domains (org_id, host);
CREATE UNIQUE INDEX domains_host ON domains (host) WHERE verified_at IS NOT NULL;
CREATE TRIGGER domains_invalidation AFTER UPDATE ON domains
    FOR EACH ROW EXECUTE FUNCTION notify_invalidation('host');
CREATE TRIGGER domains_removal AFTER DELETE ON domains
    FOR EACH ROW WHEN (OLD.verified_at IS NOT NULL) EXECUTE FUNCTION notify_invalidation('host');

-- Where an organization is: at its own host, or (NULL) below the address that all share. What it was before is served until
-- former_until; '' is the shared address.
ALTER TABLE organizations ADD COLUMN domain text;
ALTER TABLE organizations ADD COLUMN former_domain text;
ALTER TABLE organizations ADD COLUMN former_until timestamptz;
ALTER TABLE organizations ADD CONSTRAINT organizations_former CHECK ((former_domain IS NULL) = (former_until IS NULL) AND former_domain IS DISTINCT FROM COALESCE(domain, ''));
CREATE UNIQUE INDEX organizations_domain ON organizations (domain) WHERE domain IS NOT NULL;

-- At which of the organization's own hosts a session was begun; '' at the shared address. Its clients know the issuer of there.
ALTER TABLE sessions ADD COLUMN domain text NOT NULL DEFAULT '';
