-- +goose Up

-- The versions of an organization's terms. What was published is never changed.
CREATE TABLE terms (
    org_id       uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id           uuid        NOT NULL,
    version      integer     NOT NULL CHECK (version > 0), -- counts up, none is used twice
    texts        jsonb       NOT NULL,                     -- by language: title, url, text
    in_force_at  timestamptz NOT NULL,
    published_at timestamptz NOT NULL,
    withdrawn_at timestamptz,                              -- nobody is asked for it any more
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX terms_version ON terms (org_id, version);
CREATE TRIGGER terms_invalidation AFTER INSERT OR UPDATE OR DELETE ON terms
    FOR EACH ROW EXECUTE FUNCTION notify_invalidation('id');

-- Who accepted which version, in which language it was shown, and when.
CREATE TABLE terms_acceptances (
    org_id      uuid        NOT NULL,
    id          uuid        NOT NULL,
    user_id     uuid        NOT NULL,
    version     integer     NOT NULL,
    language    text        NOT NULL CHECK (length(language) BETWEEN 2 AND 35),
    accepted_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, version) REFERENCES terms (org_id, version) ON DELETE CASCADE
);
CREATE INDEX terms_acceptances_user ON terms_acceptances (org_id, user_id, version);
CREATE INDEX terms_acceptances_version ON terms_acceptances (org_id, version);
