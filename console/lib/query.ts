import { QueryClient } from '@tanstack/react-query';
import { isProblem } from './api';

export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 10_000,
        // What the server decided does not change by asking again; an interrupted network may.
        retry: (failures, error) => failures < 2 && isProblem(error) && (error.status === 0 || error.status === 503),
        refetchOnWindowFocus: true,
      },
      mutations: { retry: false },
    },
  });
}

/** Keys of the cache: everything of an organization begins alike, so that a change can refresh it. */
export const keys = {
  organizations: (filters?: object) => (filters ? ['organizations', filters] : ['organizations']),
  organization: (org: string) => ['org', org, 'organization'],
  mailServer: (org: string) => ['org', org, 'mail-server'],
  domains: (org: string) => ['org', org, 'domains'],
  authenticatorMetadata: (org: string) => ['org', org, 'authenticator-metadata'],
  authenticatorModels: (org: string, filters: object) => ['org', org, 'authenticator-models', filters],
  terms: (org: string) => ['org', org, 'terms'],
  overview: (org: string) => ['org', org, 'overview'],
  users: (org: string, filters?: object) => (filters ? ['org', org, 'users', filters] : ['org', org, 'users']),
  user: (org: string, id: string) => ['org', org, 'user', id],
  userRoles: (org: string, id: string) => ['org', org, 'user', id, 'roles'],
  userConsents: (org: string, id: string) => ['org', org, 'user', id, 'consents'],
  userSecondFactor: (org: string, id: string) => ['org', org, 'user', id, 'second-factor'],
  userTerms: (org: string, id: string) => ['org', org, 'user', id, 'terms'],
  userPasskeys: (org: string, id: string) => ['org', org, 'user', id, 'passkeys'],
  clients: (org: string, filters?: object) => (filters ? ['org', org, 'clients', filters] : ['org', org, 'clients']),
  client: (org: string, id: string) => ['org', org, 'client', id],
  resources: (org: string) => ['org', org, 'resources'],
  identityProviders: (org: string) => ['org', org, 'identity-providers'],
  userIdentities: (org: string, id: string) => ['org', org, 'user', id, 'identities'],
  trustedIssuers: (org: string) => ['org', org, 'trusted-issuers'],
  linkedIdentities: (org: string, issuer: string) => ['org', org, 'trusted-issuer', issuer, 'identities'],
  profiles: (org: string) => ['org', org, 'profiles'],
  initialAccessTokens: (org: string) => ['org', org, 'initial-access-tokens'],
  auditEvents: (org: string, filters?: object) => (filters ? ['org', org, 'audit-events', filters] : ['org', org, 'audit-events']),
  auditEvent: (org: string, id: string) => ['org', org, 'audit-event', id],
};
