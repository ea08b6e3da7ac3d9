-- +goose Up

-- Beside the keys it signs with, an organization has keys that others encrypt to: request objects (OpenID Connect Core
-- 1.0 §10.2). A key does one or the other for its whole life.
ALTER TABLE signing_keys
    DROP CONSTRAINT signing_keys_algorithm_check,
    ADD CONSTRAINT signing_keys_algorithm_check CHECK (algorithm IN
        ('RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'RSA-OAEP-256', 'ECDH-ES')),
    ADD CONSTRAINT signing_keys_use CHECK ((public_key ->> 'use' = 'enc') = (algorithm IN ('RSA-OAEP-256', 'ECDH-ES')));
