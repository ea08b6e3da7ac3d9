'use client';

import { useQueryClient } from '@tanstack/react-query';
import { api, readVersioned, type Organization, type OrganizationPatch, type Versioned } from '@/lib/api';
import { keys } from '@/lib/query';
import { useMay } from '@/lib/session';
import { useToast } from './ui/toast';

/** Saves part of an organization against the version that was shown. */
export function useOrganizationUpdate(organization: Versioned<Organization>) {
  const queries = useQueryClient();
  const toast = useToast();
  const org = organization.value.slug;
  const editable = useMay('organization:write') && organization.value.status !== 'deleting';
  return {
    editable,
    reload: () => void queries.invalidateQueries({ queryKey: keys.organization(org) }),
    save: async (patch: OrganizationPatch, words = 'Saved') => {
      const saved = await readVersioned(api.PATCH('/api/v1/orgs/{org}', { params: { path: { org }, header: { 'If-Match': organization.etag } }, body: patch }));
      queries.setQueryData(keys.organization(org), saved);
      void queries.invalidateQueries({ queryKey: keys.organizations() });
      toast(words);
    },
  };
}
