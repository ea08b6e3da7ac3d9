'use client';

import { useQueryClient } from '@tanstack/react-query';
import { useToast } from '@/components/ui/toast';
import { api, readVersioned, type User, type UserPatch, type Versioned } from '@/lib/api';
import { useOrg } from '@/lib/address';
import { keys } from '@/lib/query';
import { useMay } from '@/lib/session';

/** Saves part of a user against the version that was shown. */
export function useUserUpdate(user: Versioned<User>) {
  const org = useOrg();
  const queries = useQueryClient();
  const toast = useToast();
  const id = user.value.id;
  return {
    org,
    editable: useMay('users:write'),
    reload: () => void queries.invalidateQueries({ queryKey: keys.user(org, id) }),
    save: async (patch: UserPatch, words = 'Saved') => {
      const saved = await readVersioned(api.PATCH('/api/v1/orgs/{org}/users/{user_id}', { params: { path: { org, user_id: id }, header: { 'If-Match': user.etag } }, body: patch }));
      queries.setQueryData(keys.user(org, id), saved);
      void queries.invalidateQueries({ queryKey: keys.users(org) });
      toast(words);
    },
  };
}
