'use client';

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ErrorNotice, Loaded } from '@/components/states';
import { Button } from '@/components/ui/button';
import { CheckField } from '@/components/ui/choice';
import { Section } from '@/components/ui/surface';
import { useToast } from '@/components/ui/toast';
import { api, readVersioned, type User, type UserRoles, type Versioned } from '@/lib/api';
import { useOrg } from '@/lib/address';
import { keys } from '@/lib/query';
import { useMay } from '@/lib/session';

const explained: Record<string, [string, string]> = {
  'platform-administrator': ['Platform administrator', 'Manages every organization of this server.'],
  'organization-administrator': ['Organization administrator', 'Manages users, clients and settings of this organization.'],
  'organization-auditor': ['Organization auditor', 'Reads everything in this organization and changes nothing.'],
};

export function RolesForm({ user }: { user: Versioned<User> }) {
  const org = useOrg();
  const id = user.value.id;
  const query = useQuery({
    queryKey: keys.userRoles(org, id),
    queryFn: ({ signal }) => readVersioned(api.GET('/api/v1/orgs/{org}/users/{user_id}/roles', { params: { path: { org, user_id: id } }, signal })),
  });
  return (
    <Section title="Roles" description="What this person may do in the console and with the Admin API. A change works at once.">
      <Loaded part query={query} what="user">
        {(roles) => <RoleChoice key={roles.etag} id={id} roles={roles} />}
      </Loaded>
    </Section>
  );
}

function RoleChoice({ id, roles }: { id: string; roles: Versioned<UserRoles> }) {
  const org = useOrg();
  const queries = useQueryClient();
  const toast = useToast();
  const editable = useMay('users:write');
  const [chosen, setChosen] = useState(roles.value.roles);
  const [pending, setPending] = useState(false);
  const [error, setError] = useState<unknown>();
  const shown = [...new Set([...roles.value.assignable, ...roles.value.roles])];
  const changed = chosen.length !== roles.value.roles.length || chosen.some((role) => !roles.value.roles.includes(role));
  const save = async () => {
    setPending(true);
    setError(undefined);
    try {
      const saved = await readVersioned(
        api.PUT('/api/v1/orgs/{org}/users/{user_id}/roles', { params: { path: { org, user_id: id }, header: { 'If-Match': roles.etag } }, body: { roles: chosen } }),
      );
      queries.setQueryData(keys.userRoles(org, id), saved);
      void queries.invalidateQueries({ queryKey: keys.user(org, id), exact: true });
      toast('Roles saved');
    } catch (problem) {
      setError(problem);
    }
    setPending(false);
  };
  return (
    <div className="grid gap-5">
      {shown.map((role) => (
        <CheckField
          key={role}
          label={explained[role]?.[0] ?? role}
          hint={explained[role]?.[1]}
          checked={chosen.includes(role)}
          disabled={!editable || !roles.value.assignable.includes(role)}
          onChange={(on) => setChosen(on ? [...chosen, role] : chosen.filter((other) => other !== role))}
        />
      ))}
      {shown.length === 0 && <p className="text-neutral-11">This user has no roles.</p>}
      {error !== undefined && <ErrorNotice error={error} retry={() => void queries.invalidateQueries({ queryKey: keys.userRoles(org, id) })} />}
      {editable && roles.value.assignable.length > 0 && (
        <Button look="primary" className="w-fit" disabled={!changed} pending={pending} pendingText="Saving…" onClick={() => void save()}>
          Save roles
        </Button>
      )}
    </div>
  );
}
