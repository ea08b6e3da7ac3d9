-- +goose Up

-- An organization has a key for every signature algorithm that one of its clients needs, made when it is first
-- needed. The pool still says RS256 for any RSA key: whose algorithm it serves is decided when it is taken.
ALTER TABLE signing_keys
    DROP CONSTRAINT signing_keys_algorithm_check,
    ADD CONSTRAINT signing_keys_algorithm_check CHECK (algorithm IN
        ('RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'));
