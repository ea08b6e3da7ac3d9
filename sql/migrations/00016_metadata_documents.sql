-- +goose Up

-- Whether the organization's metadata lists a resource server (RFC 9728 §4). Not by itself: the metadata is public, and the
-- names of APIs may not be.
ALTER TABLE resources ADD COLUMN published boolean NOT NULL DEFAULT false;

-- Clients that nobody registered: a document at the address that is their client_id describes them (OAuth Client ID
-- Metadata Documents). The row is what was read last, kept because somebody allowed the client something.
ALTER TABLE clients DROP CONSTRAINT clients_origin_check;
ALTER TABLE clients ADD CONSTRAINT clients_origin_check CHECK (origin IN ('built_in', 'administrator', 'dynamic', 'metadata_document'));
ALTER TABLE clients ADD CONSTRAINT clients_document_consent_check CHECK (origin <> 'metadata_document' OR require_consent);
ALTER TABLE clients ADD COLUMN document_read_at timestamptz; -- when the document was last read and good, to the hour
ALTER TABLE clients ADD CONSTRAINT clients_document_read_at_check CHECK ((origin = 'metadata_document') = (document_read_at IS NOT NULL));
CREATE INDEX clients_document_read_at ON clients (document_read_at) WHERE document_read_at IS NOT NULL;
