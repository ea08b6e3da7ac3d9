-- +goose Up

-- Whether somebody else vouched for the person: then no browser has the session, and it counts to no limit of them.
ALTER TABLE sessions ADD COLUMN vouched boolean NOT NULL DEFAULT false;
