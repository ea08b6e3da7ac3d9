'use client';

import { useQueryClient } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { Confirm, DangerRow } from '@/components/danger';
import { Button } from '@/components/ui/button';
import { Notice, Section } from '@/components/ui/surface';
import { useToast } from '@/components/ui/toast';
import { api, read, readVersioned, type Organization, type Versioned } from '@/lib/api';
import { address } from '@/lib/address';
import { keys } from '@/lib/query';

export function OrganizationDanger({ organization }: { organization: Versioned<Organization> }) {
  const { slug: org, name, status } = organization.value;
  const queries = useQueryClient();
  const router = useRouter();
  const toast = useToast();
  const [asking, setAsking] = useState<'suspend' | 'restore' | 'delete'>();
  const close = (open: boolean) => !open && setAsking(undefined);
  const settled = (saved: Versioned<Organization>, words: string) => {
    queries.setQueryData(keys.organization(org), saved);
    void queries.invalidateQueries({ queryKey: keys.organizations() });
    toast(words);
  };
  if (org === 'system') {
    return (
      <Notice tone="info" role="note" title="The organization system stays">
        Platform administrators live in it, so it can neither be suspended nor deleted.
      </Notice>
    );
  }
  return (
    <Section title="Danger zone" danger>
      {status === 'suspended' ? (
        <DangerRow title="Restore this organization" action={<Button onClick={() => setAsking('restore')}>Restore</Button>}>
          People can sign in again and tokens are issued again.
        </DangerRow>
      ) : (
        <DangerRow
          title="Suspend this organization"
          action={
            <Button look="danger-outline" disabled={status !== 'active'} onClick={() => setAsking('suspend')}>
              Suspend
            </Button>
          }
        >
          Nobody can sign in and no token is issued or accepted until you restore it. Nothing is deleted.
        </DangerRow>
      )}
      <DangerRow
        title="Delete this organization"
        action={
          <Button look="danger" disabled={status === 'deleting'} onClick={() => setAsking('delete')}>
            Delete
          </Button>
        }
      >
        Its users, clients, keys and sessions are removed for good. It stops answering at once.
      </DangerRow>
      <Confirm
        open={asking === 'suspend'}
        onOpenChange={close}
        title={`Suspend ${name}?`}
        consequence="Everybody is locked out at once, and applications stop working, until you restore it."
        name={org}
        button="Suspend organization"
        pendingText="Suspending…"
        onConfirm={async () => settled(await readVersioned(api.POST('/api/v1/orgs/{org}/suspend', { params: { path: { org } } })), `${name} is suspended`)}
      />
      <Confirm
        open={asking === 'restore'}
        onOpenChange={close}
        title={`Restore ${name}?`}
        consequence="People can sign in again at once."
        button="Restore organization"
        pendingText="Restoring…"
        look="primary"
        onConfirm={async () => settled(await readVersioned(api.POST('/api/v1/orgs/{org}/restore', { params: { path: { org } } })), `${name} works again`)}
      />
      <Confirm
        open={asking === 'delete'}
        onOpenChange={close}
        title={`Delete ${name}?`}
        consequence="This cannot be undone. Every user, client, key, session and setting of this organization is removed."
        name={org}
        button="Delete organization"
        pendingText="Deleting…"
        onConfirm={async () => {
          await read(api.DELETE('/api/v1/orgs/{org}', { params: { path: { org }, header: { 'If-Match': organization.etag } } }));
          void queries.invalidateQueries({ queryKey: keys.organizations() });
          toast(`${name} is being deleted`);
          router.push(address.organizations());
        }}
      />
    </Section>
  );
}
