'use client';

import type { ColumnDef } from '@tanstack/react-table';
import { Plus } from 'lucide-react';
import { ListView } from '@/components/list/list-view';
import { Page } from '@/components/page';
import { RowLink } from '@/components/row-link';
import { Empty } from '@/components/states';
import { Time } from '@/components/time';
import { ButtonLink } from '@/components/ui/button';
import { api, read, type OrganizationStatus, type OrganizationSummary } from '@/lib/api';
import { address, useFilters } from '@/lib/address';
import { keys } from '@/lib/query';
import { useMay } from '@/lib/session';
import { OrganizationBadge } from './status';

const columns: ColumnDef<OrganizationSummary>[] = [
  {
    id: 'name',
    meta: { title: 'Name', sort: 'name' },
    cell: ({ row: { original } }) => (
      <div className="min-w-0">
        <RowLink href={address.overview(original.slug)}>
          {original.name}
        </RowLink>
        <span className="block truncate text-12 text-neutral-11">{original.slug}</span>
      </div>
    ),
  },
  { id: 'issuer', meta: { title: 'Issuer', className: 'max-md:hidden' }, cell: ({ row }) => <span className="block truncate text-neutral-11">{row.original.issuer}</span> },
  { id: 'status', meta: { title: 'Status' }, cell: ({ row }) => <OrganizationBadge status={row.original.status} /> },
  { id: 'created', meta: { title: 'Created', sort: 'created_at', className: 'max-sm:hidden' }, cell: ({ row }) => <Time instant={row.original.created_at} /> },
];

type Sort = 'name' | '-name' | 'created_at' | '-created_at';

export function OrganizationList() {
  const { get } = useFilters();
  const mayCreate = useMay('platform:write');
  const filters = { q: get('q') || undefined, status: (get('status') || undefined) as OrganizationStatus | undefined, sort: (get('sort') || undefined) as Sort | undefined };
  const create = mayCreate && (
    <ButtonLink href={address.newOrganization()} look="primary" data-create>
      <Plus aria-hidden />
      Create organization
    </ButtonLink>
  );
  return (
    <Page title="Organizations" description="Each is an OpenID Provider of its own, with its own issuer, users, clients, keys and audit log." action={create}>
      <ListView
        name="Organizations"
        queryKey={keys.organizations(filters)}
        fetchPage={(cursor, signal) => read(api.GET('/api/v1/orgs', { params: { query: { ...filters, cursor } }, signal }))}
        columns={columns}
        idOf={(item) => item.id}
        nameOf={(item) => item.name}
        hrefOf={(item) => address.overview(item.slug)}
        search="Search by name"
        filters={[
          {
            name: 'status',
            label: 'Status',
            options: [
              { value: 'active', label: 'Active' },
              { value: 'suspended', label: 'Suspended' },
              { value: 'deleting', label: 'Being deleted' },
            ],
          },
        ]}
        defaultSort="name"
        empty={<Empty title="No organizations yet" action={create} />}
      />
    </Page>
  );
}
