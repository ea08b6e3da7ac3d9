'use client';

import { useQueryClient } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { Confirm, DangerRow } from '@/components/danger';
import { Button } from '@/components/ui/button';
import { Section } from '@/components/ui/surface';
import { useToast } from '@/components/ui/toast';
import { api, read, type Client, type Versioned } from '@/lib/api';
import { address } from '@/lib/address';
import { keys } from '@/lib/query';
import { useClientUpdate } from './use-client';

export function ClientDanger({ client }: { client: Versioned<Client> }) {
  const { id, client_id: clientId, client_name: name, status } = client.value;
  const { org, save } = useClientUpdate(client);
  const queries = useQueryClient();
  const router = useRouter();
  const toast = useToast();
  const [asking, setAsking] = useState<'enable' | 'disable' | 'delete'>();
  const close = (open: boolean) => !open && setAsking(undefined);
  return (
    <Section title="Danger zone" danger>
      {status === 'disabled' ? (
        <DangerRow title="Enable this client" action={<Button onClick={() => setAsking('enable')}>Enable</Button>}>
          It can sign people in and get tokens again.
        </DangerRow>
      ) : (
        <DangerRow
          title="Disable this client"
          action={
            <Button look="danger-outline" onClick={() => setAsking('disable')}>
              Disable
            </Button>
          }
        >
          It can no longer sign people in or get tokens until you enable it again.
        </DangerRow>
      )}
      <DangerRow
        title="Delete this client"
        action={
          <Button look="danger" onClick={() => setAsking('delete')}>
            Delete
          </Button>
        }
      >
        Its consents and grants are removed for good, and the tokens it holds stop working.
      </DangerRow>
      <Confirm
        open={asking === 'enable'}
        onOpenChange={close}
        title={`Enable ${name}?`}
        consequence="It works again at once."
        button="Enable client"
        pendingText="Enabling…"
        look="primary"
        onConfirm={async () => (await save({ status: 'active' }, `${name} works again`)).show()}
      />
      <Confirm
        open={asking === 'disable'}
        onOpenChange={close}
        title={`Disable ${name}?`}
        consequence="People cannot use it at once."
        button="Disable client"
        pendingText="Disabling…"
        onConfirm={async () => (await save({ status: 'disabled' }, `${name} is disabled`)).show()}
      />
      <Confirm
        open={asking === 'delete'}
        onOpenChange={close}
        title={`Delete ${name}?`}
        consequence="This cannot be undone. The application stops working at once."
        name={clientId}
        button="Delete client"
        pendingText="Deleting…"
        onConfirm={async () => {
          await read(api.DELETE('/api/v1/orgs/{org}/clients/{id}', { params: { path: { org, id }, header: { 'If-Match': client.etag } } }));
          void queries.invalidateQueries({ queryKey: keys.clients(org) });
          toast(`${name} was deleted`);
          router.push(address.clients(org));
        }}
      />
    </Section>
  );
}
