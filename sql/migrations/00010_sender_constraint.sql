-- +goose Up

-- Who alone may redeem the code of a grant (RFC 9449 section 10) and then use its refresh tokens (RFC 9449 section 5, RFC 8705
-- section 4): "jkt:" and the thumbprint of a DPoP key, "x5t#S256:" and that of a TLS client certificate. Empty: whoever has
-- everything else.
ALTER TABLE grants ADD COLUMN bound_to text NOT NULL DEFAULT '';

-- Clients that prove themselves by a TLS certificate (RFC 8705 section 2) have no secret either.
ALTER TABLE clients
    DROP CONSTRAINT clients_token_endpoint_auth_method_check,
    ADD CONSTRAINT clients_token_endpoint_auth_method_check CHECK (token_endpoint_auth_method IN
        ('none', 'client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth')),
    DROP CONSTRAINT clients_secret_hash,
    ADD CONSTRAINT clients_secret_hash CHECK ((token_endpoint_auth_method IN
        ('none', 'private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth')) = (secret_hash IS NULL));
