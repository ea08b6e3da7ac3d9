'use client';

import { useQueryClient } from '@tanstack/react-query';
import type { ColumnDef } from '@tanstack/react-table';
import { Plus } from 'lucide-react';
import { useMemo } from 'react';
import { ListView } from '@/components/list/list-view';
import { Page } from '@/components/page';
import { RowLink } from '@/components/row-link';
import { Empty } from '@/components/states';
import { Time } from '@/components/time';
import { ButtonLink } from '@/components/ui/button';
import { Badge } from '@/components/ui/surface';
import { api, read, readVersioned, type ClientStatus, type ClientSummary } from '@/lib/api';
import { address, useFilters, useOrg } from '@/lib/address';
import { keys } from '@/lib/query';
import { useMay } from '@/lib/session';
import { kindOf } from './values';

type Sort = 'client_name' | '-client_name' | 'created_at' | '-created_at';

export function ClientBadges({ client }: { client: Pick<ClientSummary, 'status' | 'built_in'> }) {
  return (
    <span className="inline-flex flex-wrap gap-1">
      {client.status === 'active' ? <Badge tone="success">Active</Badge> : <Badge>Disabled</Badge>}
      {client.built_in && <Badge tone="brand">Built in</Badge>}
    </span>
  );
}

function columnsOf(org: string): ColumnDef<ClientSummary>[] {
  return [
    {
      id: 'client_name',
      meta: { title: 'Client', sort: 'client_name' },
      cell: ({ row: { original } }) => (
        <div className="min-w-0">
          <RowLink href={address.client(org, original.id)}>
            {original.client_name}
          </RowLink>
          <span className="block truncate font-mono text-12 text-neutral-11">{original.client_id}</span>
        </div>
      ),
    },
    { id: 'kind', meta: { title: 'Kind', className: 'max-md:hidden' }, cell: ({ row }) => kindOf(row.original) },
    { id: 'status', meta: { title: 'Status' }, cell: ({ row }) => <ClientBadges client={row.original} /> },
    { id: 'created', meta: { title: 'Created', sort: 'created_at', className: 'max-sm:hidden' }, cell: ({ row }) => <Time instant={row.original.created_at} /> },
    { id: 'updated', meta: { title: 'Changed', className: 'max-lg:hidden' }, cell: ({ row }) => <Time instant={row.original.updated_at} /> },
  ];
}

export function ClientList() {
  const org = useOrg();
  const queries = useQueryClient();
  const { get } = useFilters();
  const mayWrite = useMay('clients:write');
  const columns = useMemo(() => columnsOf(org), [org]);
  const filters = { q: get('q') || undefined, status: (get('status') || undefined) as ClientStatus | undefined, sort: (get('sort') || undefined) as Sort | undefined };
  const change = (status: ClientStatus) => async (item: ClientSummary) => {
    const path = { org, id: item.id };
    const { etag } = await readVersioned(api.GET('/api/v1/orgs/{org}/clients/{id}', { params: { path } }));
    await read(api.PATCH('/api/v1/orgs/{org}/clients/{id}', { params: { path, header: { 'If-Match': etag } }, body: { status } }));
    void queries.invalidateQueries({ queryKey: keys.client(org, item.id) });
  };
  const done = () => void queries.invalidateQueries({ queryKey: keys.clients(org) });
  const create = mayWrite && (
    <ButtonLink href={address.newClient(org)} look="primary" data-create>
      <Plus aria-hidden />
      Create client
    </ButtonLink>
  );
  return (
    <Page title="Clients" description="The applications that sign people in here, and the services that call them." action={create}>
      <ListView
        name="Clients"
        queryKey={keys.clients(org, filters)}
        fetchPage={(cursor, signal) => read(api.GET('/api/v1/orgs/{org}/clients', { params: { path: { org }, query: { ...filters, cursor } }, signal }))}
        columns={columns}
        idOf={(item) => item.id}
        nameOf={(item) => item.client_name}
        hrefOf={(item) => address.client(org, item.id)}
        search="Search by name or client id"
        filters={[
          {
            name: 'status',
            label: 'Status',
            options: [
              { value: 'active', label: 'Active' },
              { value: 'disabled', label: 'Disabled' },
            ],
          },
        ]}
        defaultSort="client_name"
        selectable={(item) => !item.built_in}
        bulk={
          mayWrite
            ? [
                { label: 'Disable', look: 'danger', consequence: (count) => `${count === 1 ? 'This client' : `These ${count} clients`} can no longer sign people in or get tokens until enabled again.`, run: change('disabled'), done },
                { label: 'Enable', consequence: (count) => `${count === 1 ? 'This client works' : `These ${count} clients work`} again.`, run: change('active'), done },
              ]
            : undefined
        }
        empty={
          <Empty title="No clients yet" action={create}>
            Create one for each application that signs people in.
          </Empty>
        }
      />
    </Page>
  );
}
