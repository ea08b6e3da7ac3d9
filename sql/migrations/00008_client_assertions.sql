-- +goose Up

-- Clients that authenticate by an assertion (OpenID Connect Core 1.0 §9): client_secret_jwt has a secret to sign it
-- with, private_key_jwt a key of its own and therefore none.
ALTER TABLE clients
    DROP CONSTRAINT clients_token_endpoint_auth_method_check,
    ADD CONSTRAINT clients_token_endpoint_auth_method_check CHECK (token_endpoint_auth_method IN
        ('none', 'client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt')),
    DROP CONSTRAINT clients_check,
    ADD CONSTRAINT clients_secret_hash CHECK ((token_endpoint_auth_method IN ('none', 'private_key_jwt')) = (secret_hash IS NULL));
