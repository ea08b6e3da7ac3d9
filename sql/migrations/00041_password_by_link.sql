-- +goose Up
-- Whether whoever read a mail, or had a link, chose the password: then a code of a mail is no other factor beside it. The release
-- before this one leaves the column as it is.
ALTER TABLE credentials ADD COLUMN by_link boolean NOT NULL DEFAULT false;
