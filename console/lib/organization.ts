import { queryOptions } from '@tanstack/react-query';
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
