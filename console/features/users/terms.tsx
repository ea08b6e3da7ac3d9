'use client';

import { useQuery } from '@tanstack/react-query';
import { Loaded } from '@/components/states';
import { Time } from '@/components/time';
import { Section } from '@/components/ui/surface';
import { useOrg } from '@/lib/address';
import { api, read, type User } from '@/lib/api';
import { keys } from '@/lib/query';

/** What a user accepted of the terms. */
export function UserTerms({ user }: { user: User }) {
  const org = useOrg();
  const query = useQuery({
    queryKey: keys.userTerms(org, user.id),
    queryFn: ({ signal }) => read(api.GET('/api/v1/orgs/{org}/users/{user_id}/terms', { params: { path: { org, user_id: user.id } }, signal })),
  });
  return (
    <Section title="Terms" description="Which versions of the organization's terms the user accepted.">
      <Loaded query={query} what="accepted terms">
        {({ items }) =>
          items.length === 0 ? (
            <p className="text-neutral-11">None yet.</p>
          ) : (
            <ul className="grid gap-2">
              {items.map((one) => (
                <li key={`${one.version} ${one.accepted_at}`}>
                  Version {one.version}: {one.title} ({one.language}), <Time instant={one.accepted_at} reachable />
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </Section>
  );
}
