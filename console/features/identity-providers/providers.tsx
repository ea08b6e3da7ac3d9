'use client';

import { useQuery } from '@tanstack/react-query';
import type { ColumnDef } from '@tanstack/react-table';
import { Plus } from 'lucide-react';
import { useMemo, useState } from 'react';
import { Copyable } from '@/components/copy';
import { Confirm } from '@/components/danger';
import { ListView } from '@/components/list/list-view';
import { Page } from '@/components/page';
import { Empty, Loaded } from '@/components/states';
import { Button } from '@/components/ui/button';
import { Dialog } from '@/components/ui/dialog';
import { Badge } from '@/components/ui/surface';
import { tagOf, useRecords } from '@/components/use-records';
import { address, useOrg } from '@/lib/address';
import { api, read, type IdentityProvider, type Organization } from '@/lib/api';
import { organizationQuery } from '@/lib/organization';
import { keys } from '@/lib/query';
import { ProviderForm } from './provider-form';

interface Actions {
  edit: (provider: IdentityProvider) => void;
  switch: (provider: IdentityProvider) => void;
  remove: (provider: IdentityProvider) => void;
}

function columnsOf(actions?: Actions): ColumnDef<IdentityProvider>[] {
  return [
    {
      id: 'name',
      meta: { title: 'Provider' },
      cell: ({ row: { original } }) => (
        <div className="min-w-0">
          <span className="flex flex-wrap items-center gap-2 font-medium">
            <span className="min-w-0 break-words">{original.name}</span>
            {original.status === 'active' ? <Badge tone="success">On</Badge> : <Badge>Off</Badge>}
          </span>
          <span className="block break-all font-mono text-12 text-neutral-11">{original.issuer}</span>
        </div>
      ),
    },
    { id: 'client', meta: { title: 'Client ID', className: 'max-lg:hidden' }, cell: ({ row: { original } }) => <span className="break-all font-mono text-12">{original.client_id}</span> },
    { id: 'redirect', meta: { title: 'Redirect URI', className: 'max-md:hidden' }, cell: ({ row: { original } }) => <Copyable value={original.redirect_uri} what={`redirect URI of ${original.name}`} /> },
    ...(actions
      ? [
          {
            id: 'actions',
            meta: { title: 'Actions', className: 'text-right' },
            cell: ({ row: { original } }: { row: { original: IdentityProvider } }) => (
              <span className="inline-flex flex-wrap justify-end gap-2">
                <Button size="small" aria-label={`Edit ${original.name}`} onClick={() => actions.edit(original)}>
                  Edit
                </Button>
                <Button size="small" aria-label={`Switch ${original.name} ${original.status === 'active' ? 'off' : 'on'}`} onClick={() => actions.switch(original)}>
                  {original.status === 'active' ? 'Switch off' : 'Switch on'}
                </Button>
                <Button size="small" look="danger-outline" aria-label={`Remove ${original.name}`} onClick={() => actions.remove(original)}>
                  Remove
                </Button>
              </span>
            ),
          },
        ]
      : []),
  ];
}

/** The OpenID providers elsewhere at which people sign in. */
export function IdentityProviders() {
  const query = useQuery(organizationQuery(useOrg()));
  return (
    <Loaded query={query} what="organization">
      {(organization) => <Providers organization={organization.value} />}
    </Loaded>
  );
}

function Providers({ organization }: { organization: Organization }) {
  const org = organization.slug;
  const { editable, editing, setEditing, removing, setRemoving, changed, reload } = useRecords<IdentityProvider>(keys.identityProviders(org));
  const [switching, setSwitching] = useState<IdentityProvider>();
  const columns = useMemo(() => columnsOf(editable ? { edit: (record) => setEditing({ record }), switch: setSwitching, remove: setRemoving } : undefined), [editable, setEditing, setRemoving]);
  const on = switching?.status === 'active';
  return (
    <Page
      title="Identity providers"
      description={
        <>
          OpenID providers elsewhere at which people sign in: a company’s own, or another Clavex. People link their account there by proving both.{' '}
          <a href={`${address.documents('accounts')}#signing-in-elsewhere`} className="rounded-[4px] text-brand-11 underline">
            Read the guide
          </a>
        </>
      }
      action={
        editable && (
          <Button look="primary" data-create onClick={() => setEditing({})}>
            <Plus aria-hidden />
            Add provider
          </Button>
        )
      }
    >
      <ListView
        name="Identity providers"
        queryKey={keys.identityProviders(org)}
        fetchPage={(_, signal) => read(api.GET('/api/v1/orgs/{org}/identity-providers', { params: { path: { org } }, signal }))}
        columns={columns}
        idOf={(provider) => provider.id}
        nameOf={(provider) => provider.name}
        empty={
          <Empty title="Nobody signs in elsewhere" action={editable && <Button onClick={() => setEditing({})}>Add the first provider</Button>}>
            People sign in here, with what this organization gives them.
          </Empty>
        }
      />
      <Dialog
        open={editing !== undefined}
        onOpenChange={(open) => !open && setEditing(undefined)}
        placement="side"
        title={editing?.record ? `Edit ${editing.record.name}` : 'Add an identity provider'}
        description="Where people are sent to sign in, and how Clavex is known there."
      >
        {editing && <ProviderForm provider={editing.record} issuer={organization.issuer} changed={changed} reload={reload} close={() => setEditing(undefined)} />}
      </Dialog>
      <Confirm
        open={switching !== undefined}
        onOpenChange={(open) => !open && setSwitching(undefined)}
        title={`Switch ${switching?.name ?? 'the provider'} ${on ? 'off' : 'on'}?`}
        consequence={
          on
            ? 'Nobody signs in there until it is switched on again. Who is signed in stays so, and who is linked stays linked. People who have no other way in cannot sign in meanwhile.'
            : 'The sign-in page offers it again, and whoever is linked signs in there.'
        }
        look="primary"
        button={on ? 'Switch off' : 'Switch on'}
        pendingText="Switching…"
        onConfirm={async () => {
          const path = { org, identity_provider_id: switching!.id };
          await read(
            api.PATCH('/api/v1/orgs/{org}/identity-providers/{identity_provider_id}', {
              params: { path, header: { 'If-Match': tagOf(switching!) } },
              body: { status: on ? 'disabled' : 'active' },
            }),
          );
          await changed(`${switching!.name} is ${on ? 'off' : 'on'}`);
        }}
      />
      <Confirm
        open={removing !== undefined}
        onOpenChange={(open) => !open && setRemoving(undefined)}
        title={`Remove ${removing?.name ?? 'the provider'}?`}
        consequence="Nobody signs in there any more, and which accounts there belong to whom here is forgotten. Sessions go on. People who have no other way in need a one-time link."
        name={removing?.name ?? ''}
        button="Remove provider"
        pendingText="Removing…"
        onConfirm={async () => {
          const path = { org, identity_provider_id: removing!.id };
          await read(api.DELETE('/api/v1/orgs/{org}/identity-providers/{identity_provider_id}', { params: { path, header: { 'If-Match': tagOf(removing!) } } }));
          await changed(`${removing!.name} is removed`);
        }}
      />
    </Page>
  );
}
