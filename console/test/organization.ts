import type { Organization, Policies } from '@/lib/api';

/** An organization as the Admin API tells it. */
export function organizationWith(policies: Partial<Policies> = {}): Organization {
  return {
    id: '0193588f-4c00-7a10-8b5e-2f6d1c9a0001',
    slug: 'demo',
    name: 'Demo',
    issuer: 'https://id.example.com/demo',
    status: 'active',
    branding: {},
    policies: {
      registration: 'loopback',
      client_id_metadata_documents: 'closed',
      client_id_metadata_document_hosts: [],
      profile: 'oauth2.1',
      require_bound_tokens: false,
      require_dpop_nonce: false,
      registration_rules: {},
      scopes: [],
      claims: [],
      sign_up: 'closed',
      sign_up_email_domains: [],
      password_recovery: 'mail',
      email_change: 'open',
      magic_links: 'off',
      sign_in_notices: 'on',
      password_minimum_length: 8,
      passkeys: 'on',
      second_factor: 'optional',
      session_idle_lifetime_seconds: 28_800,
      session_absolute_lifetime_seconds: 604_800,
      access_token_lifetime_seconds: 300,
      refresh_token_lifetime_seconds: 2_592_000,
      ...policies,
    },
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
    version: 3,
  };
}
