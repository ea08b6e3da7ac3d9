import { queryOptions, useQuery } from '@tanstack/react-query';
import { api, readVersioned } from './api';
import { keys } from './query';

/** One organization, as the rail, the breadcrumb and the settings show it. */
export function organizationQuery(org: string) {
  return queryOptions({
    queryKey: keys.organization(org),
    queryFn: ({ signal }) => readVersioned(api.GET('/api/v1/orgs/{org}', { params: { path: { org } }, signal })),
    staleTime: 60_000,
  });
}

/** What a new password has to be at an organization, in one line; the server judges it. */
export function usePasswordHint(org: string): string {
  const { data } = useQuery(organizationQuery(org));
  return `At least ${data?.value.policies.password_minimum_length ?? 8} characters, and not the name or address of the person or the organization.`;
}
