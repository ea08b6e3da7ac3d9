'use client';

import { useQueryClient } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { Confirm, DangerRow } from '@/components/danger';
import { Button } from '@/components/ui/button';
import { Section } from '@/components/ui/surface';
import { useToast } from '@/components/ui/toast';
import { Time } from '@/components/time';
import { api, read, type User, type Versioned } from '@/lib/api';
import { address } from '@/lib/address';
import { keys } from '@/lib/query';
import { useSignedIn } from '@/lib/session';
import { useUserUpdate } from './use-user';

export function UserDanger({ user }: { user: Versioned<User> }) {
  const { id, username, status, erase_at } = user.value;
  const { org, save } = useUserUpdate(user);
  const { user: me } = useSignedIn();
  const queries = useQueryClient();
  const router = useRouter();
  const toast = useToast();
  const [asking, setAsking] = useState<'keep' | 'enable' | 'disable' | 'delete'>();
  const close = (open: boolean) => !open && setAsking(undefined);
  const self = me.id === id;
  return (
    <Section title="Danger zone" danger description={self ? 'This is you. Ask another administrator.' : undefined}>
      {status === 'leaving' ? (
        <DangerRow title="Keep this account" action={<Button onClick={() => setAsking('keep')}>Keep</Button>}>
          This person asked that the account be erased{erase_at && <> on <Time instant={erase_at} /></>}. They can keep it themselves by signing in.
        </DangerRow>
      ) : status === 'disabled' ? (
        <DangerRow title="Enable this user" action={<Button onClick={() => setAsking('enable')}>Enable</Button>}>
          They can sign in again.
        </DangerRow>
      ) : (
        <DangerRow
          title="Disable this user"
          action={
            <Button look="danger-outline" disabled={self} onClick={() => setAsking('disable')}>
              Disable
            </Button>
          }
        >
          They are signed out everywhere and cannot sign in until you enable them again.
        </DangerRow>
      )}
      <DangerRow
        title="Delete this user"
        action={
          <Button look="danger" disabled={self} onClick={() => setAsking('delete')}>
            Delete
          </Button>
        }
      >
        The account with its credentials, sessions and consents is removed for good. Audit events stay.
      </DangerRow>
      <Confirm
        open={asking === 'keep'}
        onOpenChange={close}
        title={`Keep the account of ${username}?`}
        consequence="It is not erased, against the wish of this person, who is told by mail and can ask again."
        button="Keep account"
        pendingText="Keeping…"
        look="primary"
        onConfirm={() => save({ status: 'active' }, `The account of ${username} stays`)}
      />
      <Confirm
        open={asking === 'enable'}
        onOpenChange={close}
        title={`Enable ${username}?`}
        consequence="They can sign in again at once."
        button="Enable user"
        pendingText="Enabling…"
        look="primary"
        onConfirm={() => save({ status: 'active' }, `${username} can sign in again`)}
      />
      <Confirm
        open={asking === 'disable'}
        onOpenChange={close}
        title={`Disable ${username}?`}
        consequence="All sessions of this user end at once."
        button="Disable user"
        pendingText="Disabling…"
        onConfirm={() => save({ status: 'disabled' }, `${username} is disabled`)}
      />
      <Confirm
        open={asking === 'delete'}
        onOpenChange={close}
        title={`Delete ${username}?`}
        consequence="This cannot be undone."
        name={username}
        button="Delete user"
        pendingText="Deleting…"
        onConfirm={async () => {
          await read(api.DELETE('/api/v1/orgs/{org}/users/{user_id}', { params: { path: { org, user_id: id }, header: { 'If-Match': user.etag } } }));
          void queries.invalidateQueries({ queryKey: keys.users(org) });
          toast(`${username} was deleted`);
          router.push(address.users(org));
        }}
      />
    </Section>
  );
}
