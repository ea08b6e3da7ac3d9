-- +goose Up
-- What the pages of an organization that asks for the identifier first show for identifiers that nobody has (package credential,
-- decoy.go). The key outlives restarts and new keys of the configuration, so that the answers stay; who reads it reads who exists, too.
CREATE TABLE decoys (
    org_id uuid  PRIMARY KEY REFERENCES organizations (id) ON DELETE CASCADE,
    key    bytea NOT NULL CHECK (octet_length(key) = 32)
);

-- By what the people of an organization sign in, as it was counted at each of its addresses: passkeys are of one of them.
CREATE TABLE decoy_shares (
    org_id      uuid        NOT NULL REFERENCES decoys (org_id) ON DELETE CASCADE,
    rp_id       text        NOT NULL,              -- relying party of passkeys, '' where nobody signs in by them
    shares      jsonb       NOT NULL DEFAULT '{}', -- by domain, "" for everybody: which part of the people signs in by what
    named_after text        NOT NULL DEFAULT '',   -- the domain in which people have addresses that begin with their usernames
    counted_at  timestamptz NOT NULL,
    PRIMARY KEY (org_id, rp_id)
);
