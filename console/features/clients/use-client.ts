'use client';

import { useQueryClient } from '@tanstack/react-query';
import { useToast } from '@/components/ui/toast';
import { api, readVersioned, type Client, type ClientPatch, type Versioned } from '@/lib/api';
import { useOrg } from '@/lib/address';
import { keys } from '@/lib/query';

/** Saves part of a client against the version that was shown; the answer holds a secret when the change made one. */
export function useClientUpdate(client: Versioned<Client>) {
  const org = useOrg();
  const queries = useQueryClient();
  const toast = useToast();
  const id = client.value.id;
  return {
    org,
    reload: () => void queries.invalidateQueries({ queryKey: keys.client(org, id) }),
    save: async (patch: ClientPatch, words = 'Saved') => {
      const saved = await readVersioned(api.PATCH('/api/v1/orgs/{org}/clients/{id}', { params: { path: { org, id }, header: { 'If-Match': client.etag } }, body: patch }));
      void queries.invalidateQueries({ queryKey: keys.clients(org) });
      toast(words);
      const show = () => queries.setQueryData(keys.client(org, id), { value: saved.value.client, etag: saved.etag });
      return { secret: saved.value.client_secret, client: saved.value.client, show };
    },
  };
}
