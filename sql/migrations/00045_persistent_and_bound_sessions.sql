-- +goose Up

-- Whether the person said that they stay signed in: then the cookie outlives the browser's own session, and the longer lifetimes hold.
ALTER TABLE sessions ADD COLUMN persistent boolean NOT NULL DEFAULT false;

-- What kind of browser and system the session is of, as far as they said; '' judges nothing. And when it was last written down that
-- the session's token came from another kind.
ALTER TABLE sessions ADD COLUMN agent text NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN strayed_at timestamptz;
