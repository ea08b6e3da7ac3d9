'use client';

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Confirm } from '@/components/danger';
import { Empty, Loaded } from '@/components/states';
import { Time } from '@/components/time';
import { Button } from '@/components/ui/button';
import { Section } from '@/components/ui/surface';
import { useToast } from '@/components/ui/toast';
import { api, read, type User, type UserIdentity } from '@/lib/api';
import { useOrg } from '@/lib/address';
import { keys } from '@/lib/query';
import { useMay } from '@/lib/session';

/** The accounts elsewhere by which a user signs in. */
export function useIdentities(id: string) {
  const org = useOrg();
  return useQuery({
    queryKey: keys.userIdentities(org, id),
    queryFn: ({ signal }) => read(api.GET('/api/v1/orgs/{org}/users/{user_id}/identities', { params: { path: { org, user_id: id } }, signal })),
    select: ({ items }) => items,
  });
}

/** The accounts elsewhere of a user, and their removal. Only users link them, by proving both. */
export function Identities({ user }: { user: User }) {
  return (
    <Section title="Accounts elsewhere" description="At identity providers. The user linked them by proving both accounts, and signs in by each.">
      <Loaded part query={useIdentities(user.id)} what="user">
        {(identities) =>
          identities.length === 0 ? (
            <Empty title="No account elsewhere">Whatever the user links stands here.</Empty>
          ) : (
            <ul>
              {identities.map((identity) => (
                <One key={identity.id} user={user} identity={identity} />
              ))}
            </ul>
          )
        }
      </Loaded>
    </Section>
  );
}

function One({ user, identity }: { user: User; identity: UserIdentity }) {
  const org = useOrg();
  const queries = useQueryClient();
  const toast = useToast();
  const mayWrite = useMay('users:write');
  const [asking, setAsking] = useState(false);
  const { id, identity_provider_name: provider, name, subject } = identity;
  return (
    <li className="flex flex-wrap items-center justify-between gap-x-6 gap-y-3 border-t border-neutral-6 py-4 first:border-t-0 first:pt-0 last:pb-0">
      <div className="grid min-w-0 gap-2">
        <h3 className="font-medium break-words">{name === undefined ? provider : `${name} at ${provider}`}</h3>
        <p className="text-12 text-neutral-11">
          Linked <Time instant={identity.created_at} reachable />, used last <Time instant={identity.last_used_at} reachable />
        </p>
        <p className="font-mono text-12 break-all text-neutral-11">sub {subject}</p>
      </div>
      {mayWrite && (
        <Button look="danger-outline" aria-label={`Unlink ${name ?? subject} at ${provider}`} onClick={() => setAsking(true)}>
          Unlink
        </Button>
      )}
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={`Unlink the account at ${provider}?`}
        consequence={`It does not sign ${user.username} in any more, and everything that they are signed in to ends. A mail tells them.${user.has_password ? '' : ' There is no password: without a passkey or another account elsewhere the user needs a one-time link.'}`}
        button="Unlink account"
        pendingText="Unlinking…"
        onConfirm={async () => {
          await read(api.DELETE('/api/v1/orgs/{org}/users/{user_id}/identities/{identity_id}', { params: { path: { org, user_id: user.id, identity_id: id } } }));
          void queries.invalidateQueries({ queryKey: keys.userIdentities(org, user.id) });
          toast(`The account at ${provider} is not linked any more`);
        }}
      />
    </li>
  );
}
