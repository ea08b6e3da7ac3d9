-- +goose Up

-- Where the sign-ins of a session came from, by the operator's database of addresses, the latest last: a country that is
-- new to a person is worth a letter. Empty without such a database.
ALTER TABLE sessions ADD COLUMN countries text[] NOT NULL DEFAULT '{}';
