'use client';

import { useQueryClient } from '@tanstack/react-query';
import type { ColumnDef } from '@tanstack/react-table';
import { Mail, Plus } from 'lucide-react';
import { useMemo } from 'react';
import { ListView } from '@/components/list/list-view';
import { Page } from '@/components/page';
import { RowLink } from '@/components/row-link';
import { Empty } from '@/components/states';
import { Time } from '@/components/time';
import { ButtonLink } from '@/components/ui/button';
import { Badge } from '@/components/ui/surface';
import { api, read, readVersioned, type UserStatus, type UserSummary } from '@/lib/api';
import { address, useFilters, useOrg } from '@/lib/address';
import { keys } from '@/lib/query';
import { useMay, useSignedIn } from '@/lib/session';
import { InvitationBadge } from './invitation';

type Sort = 'username' | '-username' | 'created_at' | '-created_at';

function columnsOf(org: string): ColumnDef<UserSummary>[] {
  return [
    {
      id: 'username',
      meta: { title: 'User', sort: 'username' },
      cell: ({ row: { original } }) => (
        <div className="min-w-0">
          <RowLink href={address.user(org, original.id)}>
            {original.name || original.username}
          </RowLink>
          {original.name && <span className="block truncate text-12 text-neutral-11">{original.username}</span>}
        </div>
      ),
    },
    {
      id: 'email',
      meta: { title: 'E-mail', className: 'max-md:hidden' },
      cell: ({ row: { original } }) =>
        original.email ? (
          <span className="flex min-w-0 items-center gap-2">
            <span className="truncate">{original.email}</span>
            {!original.email_verified && <Badge tone="warning">Not verified</Badge>}
          </span>
        ) : (
          <span className="text-neutral-11">None</span>
        ),
    },
    {
      id: 'status',
      meta: { title: 'Status' },
      cell: ({ row: { original } }) => (
        <span className="flex flex-wrap gap-1.5">
          <UserBadge status={original.status} />
          <InvitationBadge state={original.invitation} />
        </span>
      ),
    },
    { id: 'created', meta: { title: 'Created', sort: 'created_at', className: 'max-sm:hidden' }, cell: ({ row }) => <Time instant={row.original.created_at} /> },
    { id: 'updated', meta: { title: 'Changed', className: 'max-lg:hidden' }, cell: ({ row }) => <Time instant={row.original.updated_at} /> },
  ];
}

export function UserBadge({ status }: { status: UserStatus }) {
  if (status === 'leaving') return <Badge tone="warning">Leaving</Badge>;
  return status === 'active' ? <Badge tone="success">Active</Badge> : <Badge>Disabled</Badge>;
}

export function UserList() {
  const org = useOrg();
  const queries = useQueryClient();
  const { get } = useFilters();
  const { user: me } = useSignedIn();
  const mayWrite = useMay('users:write');
  const columns = useMemo(() => columnsOf(org), [org]);
  const filters = { q: get('q') || undefined, status: (get('status') || undefined) as UserStatus | undefined, sort: (get('sort') || undefined) as Sort | undefined };
  const change = (status: UserStatus) => async (item: UserSummary) => {
    const path = { org, user_id: item.id };
    const { etag } = await readVersioned(api.GET('/api/v1/orgs/{org}/users/{user_id}', { params: { path } }));
    await read(api.PATCH('/api/v1/orgs/{org}/users/{user_id}', { params: { path, header: { 'If-Match': etag } }, body: { status } }));
    void queries.invalidateQueries({ queryKey: keys.user(org, item.id) });
  };
  const done = () => void queries.invalidateQueries({ queryKey: keys.users(org) });
  const create = mayWrite && (
    <div className="flex flex-wrap gap-2">
      <ButtonLink href={`${address.newUser(org)}?way=invitation`}>
        <Mail aria-hidden />
        Invite
      </ButtonLink>
      <ButtonLink href={address.newUser(org)} look="primary" data-create>
        <Plus aria-hidden />
        Create user
      </ButtonLink>
    </div>
  );
  return (
    <Page title="Users" description="The people who can sign in to this organization." action={create}>
      <ListView
        name="Users"
        queryKey={keys.users(org, filters)}
        fetchPage={(cursor, signal) => read(api.GET('/api/v1/orgs/{org}/users', { params: { path: { org }, query: { ...filters, cursor } }, signal }))}
        columns={columns}
        idOf={(item) => item.id}
        nameOf={(item) => item.username}
        hrefOf={(item) => address.user(org, item.id)}
        search="Search by name, e-mail or id"
        filters={[
          {
            name: 'status',
            label: 'Status',
            options: [
              { value: 'active', label: 'Active' },
              { value: 'disabled', label: 'Disabled' },
              { value: 'leaving', label: 'Leaving' },
            ],
          },
        ]}
        defaultSort="username"
        selectable={(item) => item.id !== me.id}
        bulk={
          mayWrite
            ? [
                { label: 'Disable', look: 'danger', consequence: (count) => `${count === 1 ? 'This user is' : `These ${count} users are`} signed out everywhere and cannot sign in until enabled again.`, run: change('disabled'), done },
                { label: 'Enable', consequence: (count) => `${count === 1 ? 'This user' : `These ${count} users`} can sign in again.`, run: change('active'), done },
              ]
            : undefined
        }
        empty={
          <Empty title="No users yet" action={create}>
            Invite the first one by mail, or create them and hand over a one-time link.
          </Empty>
        }
      />
    </Page>
  );
}
