'use client';

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Confirm } from '@/components/danger';
import { Empty, Loaded } from '@/components/states';
import { Time } from '@/components/time';
import { Button } from '@/components/ui/button';
import { Badge, Section } from '@/components/ui/surface';
import { useToast } from '@/components/ui/toast';
import { api, read, type Passkey, type User } from '@/lib/api';
import { useOrg } from '@/lib/address';
import { keys } from '@/lib/query';
import { useMay } from '@/lib/session';

/** The passkeys of a user. */
export function usePasskeys(id: string) {
  const org = useOrg();
  return useQuery({
    queryKey: keys.userPasskeys(org, id),
    queryFn: ({ signal }) => read(api.GET('/api/v1/orgs/{org}/users/{user_id}/passkeys', { params: { path: { org, user_id: id } }, signal })),
    select: ({ items }) => items,
  });
}

/** The passkeys of a user, and their removal. Only users make passkeys, on the pages of their account. */
export function Passkeys({ user }: { user: User }) {
  return (
    <Section title="Passkeys" description="The user makes them on the pages of their account. Each signs in by itself.">
      <Loaded part query={usePasskeys(user.id)} what="user">
        {(passkeys) =>
          passkeys.length === 0 ? (
            <Empty title="No passkey yet">Whatever the user makes stands here.</Empty>
          ) : (
            <ul>
              {passkeys.map((passkey) => (
                <One key={passkey.id} user={user} passkey={passkey} />
              ))}
            </ul>
          )
        }
      </Loaded>
    </Section>
  );
}

function One({ user, passkey }: { user: User; passkey: Passkey }) {
  const org = useOrg();
  const queries = useQueryClient();
  const toast = useToast();
  const mayWrite = useMay('users:write');
  const [asking, setAsking] = useState(false);
  const { id, name } = passkey;
  return (
    <li className="flex flex-wrap items-center justify-between gap-x-6 gap-y-3 border-t border-neutral-6 py-4 first:border-t-0 first:pt-0 last:pb-0">
      <div className="grid min-w-0 gap-2">
        <h3 className="flex flex-wrap items-center gap-2 font-medium break-words">
          <span className="min-w-0 break-words">{name}</span>
          <Badge>{passkey.backup_eligible ? 'Synchronized' : 'Stays in its device'}</Badge>
          {passkey.suspended_at !== undefined && <Badge tone="danger">{passkey.suspension === 'model' ? 'Unsafe model' : 'May have been copied'}</Badge>}
        </h3>
        <p className="text-12 text-neutral-11">
          Made <Time instant={passkey.created_at} reachable />
          {passkey.last_used_at === undefined ? (
            ', never used'
          ) : (
            <>
              , used last <Time instant={passkey.last_used_at} reachable />
            </>
          )}
          {`, for ${passkey.rp_id}`}
        </p>
        {passkey.aaguid !== undefined && <p className="font-mono text-12 break-all text-neutral-11">AAGUID {passkey.aaguid}</p>}
      </div>
      {mayWrite && (
        <Button look="danger-outline" aria-label={`Remove the passkey ${name}`} onClick={() => setAsking(true)}>
          Remove
        </Button>
      )}
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={`Remove the passkey ${name}?`}
        consequence={`It does not sign ${user.username} in any more, and what was signed in with it ends. A mail tells the user.${user.has_password ? '' : ' There is no password: without another passkey the user needs a one-time link.'}`}
        button="Remove passkey"
        pendingText="Removing…"
        onConfirm={async () => {
          await read(api.DELETE('/api/v1/orgs/{org}/users/{user_id}/passkeys/{passkey_id}', { params: { path: { org, user_id: user.id, passkey_id: id } } }));
          void queries.invalidateQueries({ queryKey: keys.userPasskeys(org, user.id) });
          toast(`The passkey ${name} was removed`);
        }}
      />
    </li>
  );
}
