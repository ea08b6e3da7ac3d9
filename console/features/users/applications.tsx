'use client';

import { useQueryClient } from '@tanstack/react-query';
import Link from 'next/link';
import { useState } from 'react';
import { Confirm } from '@/components/danger';
import { useList } from '@/components/list/use-list';
import { Empty, Loaded } from '@/components/states';
import { Time } from '@/components/time';
import { Button } from '@/components/ui/button';
import { Badge, Section } from '@/components/ui/surface';
import { useToast } from '@/components/ui/toast';
import { api, read, type Consent, type User } from '@/lib/api';
import { address, useOrg } from '@/lib/address';
import { keys } from '@/lib/query';
import { useMay } from '@/lib/session';

/** What a user allowed applications, and its withdrawal. */
export function Applications({ user }: { user: User }) {
  const org = useOrg();
  const id = user.id;
  const query = useList(keys.userConsents(org, id), (cursor, signal) => read(api.GET('/api/v1/orgs/{org}/users/{user_id}/consents', { params: { path: { org, user_id: id }, query: { cursor } }, signal })));
  const { items, hasNextPage, isFetchingNextPage, fetchNextPage } = query;
  return (
    <Section title="Applications" description="What this user allowed applications that ask for consent.">
      <Loaded part query={{ ...query, data: items }} what="user">
        {(consents) =>
          consents.length === 0 ? (
            <Empty title="No application yet">Whatever the user allows at a sign-in stands here.</Empty>
          ) : (
            <>
              <ul>
                {consents.map((consent) => (
                  <Application key={consent.client_id} user={user} consent={consent} />
                ))}
              </ul>
              {hasNextPage && (
                <Button className="mt-4" pending={isFetchingNextPage} pendingText="Loading…" onClick={() => void fetchNextPage()}>
                  Show more
                </Button>
              )}
            </>
          )
        }
      </Loaded>
    </Section>
  );
}

function Application({ user, consent }: { user: User; consent: Consent }) {
  const org = useOrg();
  const queries = useQueryClient();
  const toast = useToast();
  const mayWrite = useMay('users:write');
  const [asking, setAsking] = useState(false);
  const { client_id: client, client_name: name } = consent;
  return (
    <li className="flex flex-wrap items-center justify-between gap-x-6 gap-y-3 border-t border-neutral-6 py-4 first:border-t-0 first:pt-0 last:pb-0">
      <div className="grid min-w-0 gap-2">
        <h3 className="font-medium break-words">
          <Link href={address.client(org, client)} className="rounded-[4px] text-brand-11 underline">
            {name}
          </Link>
        </h3>
        <ul aria-label="Scopes" className="flex flex-wrap gap-1.5">
          {consent.scopes.map((scope) => (
            <li key={scope} className="min-w-0">
              <Badge className="max-w-full break-all">{scope}</Badge>
            </li>
          ))}
        </ul>
        <p className="text-12 text-neutral-11">
          Allowed <Time instant={consent.created_at} reachable />
          {consent.updated_at !== consent.created_at && (
            <>
              , confirmed <Time instant={consent.updated_at} reachable />
            </>
          )}
        </p>
      </div>
      {mayWrite && (
        <Button look="danger-outline" aria-label={`Withdraw consent for ${name}`} onClick={() => setAsking(true)}>
          Withdraw
        </Button>
      )}
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={`Withdraw consent for ${name}?`}
        consequence={`${name} loses all access to ${user.username} at once, offline access included. At the next sign-in the user is asked again.`}
        button="Withdraw consent"
        pendingText="Withdrawing…"
        onConfirm={async () => {
          await read(api.DELETE('/api/v1/orgs/{org}/users/{user_id}/consents/{client_id}', { params: { path: { org, user_id: user.id, client_id: client } } }));
          void queries.invalidateQueries({ queryKey: keys.userConsents(org, user.id) });
          toast(`${name} has no access any more`);
        }}
      />
    </li>
  );
}
