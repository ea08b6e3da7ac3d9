'use client';

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Confirm } from '@/components/danger';
import { Empty, Loaded } from '@/components/states';
import { Time } from '@/components/time';
import { Button } from '@/components/ui/button';
import { Section } from '@/components/ui/surface';
import { useToast } from '@/components/ui/toast';
import { api, read, type User } from '@/lib/api';
import { useOrg } from '@/lib/address';
import { keys } from '@/lib/query';
import { useMay } from '@/lib/session';

/** The second factor of a user, and its removal. Only users add one, on the pages of their account or while signing in. */
export function SecondFactor({ user }: { user: User }) {
  const org = useOrg();
  const queries = useQueryClient();
  const toast = useToast();
  const mayWrite = useMay('users:write');
  const [asking, setAsking] = useState(false);
  const path = { org, user_id: user.id };
  const query = useQuery({
    queryKey: keys.userSecondFactor(org, user.id),
    queryFn: ({ signal }) => read(api.GET('/api/v1/orgs/{org}/users/{user_id}/second-factor', { params: { path }, signal })),
  });
  return (
    <Section title="Second factor" description="An authenticator app, and recovery codes for the day on which it is lost.">
      <Loaded part query={query} what="user">
        {({ authenticator_app: app }) =>
          app === undefined ? (
            <Empty title="No authenticator app">The user adds one on the pages of their account, or while signing in where it is required.</Empty>
          ) : (
            <div className="flex flex-wrap items-center justify-between gap-x-6 gap-y-3">
              <div className="grid min-w-0 gap-1">
                <h3 className="font-medium">Authenticator app</h3>
                <p className="text-12 text-neutral-11">
                  Added <Time instant={app.added_at} reachable />, used last <Time instant={app.last_used_at} reachable />.{' '}
                  {app.recovery_codes_left === 1 ? '1 recovery code is left.' : `${app.recovery_codes_left} recovery codes are left.`}
                </p>
              </div>
              {mayWrite && (
                <Button look="danger-outline" onClick={() => setAsking(true)}>
                  Reset
                </Button>
              )}
            </div>
          )
        }
      </Loaded>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={`Reset the second factor of ${user.username}?`}
        consequence="The app and its recovery codes are good for nothing any more, and the user is signed out everywhere. A mail tells them. Make sure that it is them who ask."
        button="Reset second factor"
        pendingText="Resetting…"
        onConfirm={async () => {
          await read(api.DELETE('/api/v1/orgs/{org}/users/{user_id}/second-factor', { params: { path } }));
          await queries.invalidateQueries({ queryKey: keys.userSecondFactor(org, user.id) });
          toast('The second factor was reset');
        }}
      />
    </Section>
  );
}
