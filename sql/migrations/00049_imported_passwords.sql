-- +goose Up
-- Whether the person came with the password from another system. It stays when the hash is replaced, so that their number is known:
-- of nobody the hashes of those who are there for long are imitated, and of those who were imported (package credential,
-- decoy_hash.go). The shares of the kinds of hashes are in decoy_shares with those of first ways, under an rp_id that is none.
ALTER TABLE credentials ADD COLUMN imported boolean NOT NULL DEFAULT false;
