'use client';

/**
 * Addresses of the console. The export holds every dynamic page once, with `_` in place of the ids,
 * so ids are read from the address bar after mount and never from route parameters.
 */
import { usePathname, useSearchParams } from 'next/navigation';
import { useCallback, useSyncExternalStore } from 'react';

export const address = {
  home: () => '/console/',
  organizations: () => '/console/orgs',
  /** Plain pages outside of the console: to be loaded, not routed to. */
  documents: (page = '') => `/docs${page && `/${page}`}`,
  newOrganization: () => '/console/new-organization',
  overview: (org: string) => `/console/orgs/${encodeURIComponent(org)}`,
  settings: (org: string) => `/console/orgs/${encodeURIComponent(org)}/settings`,
  users: (org: string) => `/console/orgs/${encodeURIComponent(org)}/users`,
  newUser: (org: string) => `/console/orgs/${encodeURIComponent(org)}/users/new`,
  user: (org: string, id: string) => `/console/orgs/${encodeURIComponent(org)}/users/${encodeURIComponent(id)}`,
  clients: (org: string) => `/console/orgs/${encodeURIComponent(org)}/clients`,
  newClient: (org: string) => `/console/orgs/${encodeURIComponent(org)}/clients/new`,
  client: (org: string, id: string) => `/console/orgs/${encodeURIComponent(org)}/clients/${encodeURIComponent(id)}`,
  scopes: (org: string) => `/console/orgs/${encodeURIComponent(org)}/scopes`,
  apis: (org: string) => `/console/orgs/${encodeURIComponent(org)}/apis`,
  identityProviders: (org: string) => `/console/orgs/${encodeURIComponent(org)}/identity-providers`,
  registration: (org: string) => `/console/orgs/${encodeURIComponent(org)}/registration`,
  auditEvents: (org: string) => `/console/orgs/${encodeURIComponent(org)}/audit-events`,
};

export interface Place {
  /** The organization's slug, when the address is inside one. */
  org?: string;
  /** users, clients, scopes, apis, identity-providers, registration, audit-events, settings; undefined on the overview. */
  section?: string;
  /** The id of the thing shown, or `new`. */
  id?: string;
}

/** Takes an address apart: /console/orgs/demo/users/123. */
export function placeOf(pathname: string): Place {
  const [root, orgs, org, section, id] = pathname.split('/').filter(Boolean).map(decodeURIComponent);
  if (root !== 'console' || orgs !== 'orgs' || !org) return {};
  return { org, section, id };
}

const never = () => () => {};

/** False while the exported page is being hydrated, when the address still reads `_`. */
export function useMounted(): boolean {
  return useSyncExternalStore(never, () => true, () => false);
}

/** Where we are; undefined until mounted. */
export function usePlace(): Place | undefined {
  const pathname = usePathname();
  return useMounted() ? placeOf(pathname) : undefined;
}

/** The organization of the address. For components that render only after mount. */
export function useOrg(): string {
  const { org } = placeOf(usePathname());
  if (!org) throw new Error('useOrg outside of an organization');
  return org;
}

/** The id in the address. For components that render only after mount. */
export function useRecordId(): string {
  return placeOf(usePathname()).id ?? '';
}

/** Changes the part of the address after `?`. The router hears of it, and asks the server nothing. */
export function changeQuery(href: string, history: 'replace' | 'push') {
  if (history === 'push') window.history.pushState(null, '', href);
  else window.history.replaceState(null, '', href);
}

/** Filters in the address: readable, shareable, kept by the back button. */
export function useFilters() {
  const parameters = useSearchParams();
  const pathname = usePathname();
  const get = useCallback((name: string) => parameters.get(name) ?? '', [parameters]);
  const set = useCallback(
    (changes: Record<string, string | undefined>, history: 'replace' | 'push' = 'replace') => {
      const next = new URLSearchParams(parameters);
      for (const [name, value] of Object.entries(changes)) {
        if (value) next.set(name, value);
        else next.delete(name);
      }
      const query = next.toString();
      changeQuery(query ? `${pathname}?${query}` : pathname, history);
    },
    [parameters, pathname],
  );
  return { get, set };
}
