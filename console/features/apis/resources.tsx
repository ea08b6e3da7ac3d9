'use client';

import type { ColumnDef } from '@tanstack/react-table';
import { Plus } from 'lucide-react';
import { useMemo } from 'react';
import { Confirm } from '@/components/danger';
import { ListView } from '@/components/list/list-view';
import { Empty } from '@/components/states';
import { Time } from '@/components/time';
import { Button } from '@/components/ui/button';
import { Dialog } from '@/components/ui/dialog';
import { Badge } from '@/components/ui/surface';
import { api, read, type Resource } from '@/lib/api';
import { useOrg } from '@/lib/address';
import { keys } from '@/lib/query';
import { ResourceForm } from './resource-form';
import { tagOf, useRecords } from '@/components/use-records';

function columnsOf(act?: { edit: (resource: Resource) => void; remove: (resource: Resource) => void }): ColumnDef<Resource>[] {
  const columns: ColumnDef<Resource>[] = [
    {
      id: 'name',
      meta: { title: 'Resource server' },
      cell: ({ row: { original } }) => (
        <div className="min-w-0">
          <span className="block break-words font-medium">{original.name}</span>
          <span className="block break-all font-mono text-12 text-neutral-11">{original.identifier}</span>
        </div>
      ),
    },
    { id: 'scopes', meta: { title: 'Scopes of its own', className: 'max-md:hidden' }, cell: ({ row: { original } }) => <span className="break-words font-mono text-12">{original.scopes.join(' ') || '–'}</span> },
    { id: 'published', meta: { title: 'Metadata', className: 'max-sm:hidden' }, cell: ({ row: { original } }) => (original.published ? <Badge tone="info">Published</Badge> : <Badge>Not published</Badge>) },
    { id: 'updated', meta: { title: 'Changed', className: 'max-lg:hidden' }, cell: ({ row }) => <Time instant={row.original.updated_at} /> },
  ];
  if (!act) return columns;
  return [
    ...columns,
    {
      id: 'actions',
      meta: { title: 'Actions', className: 'text-right' },
      cell: ({ row: { original } }) => (
        <span className="inline-flex flex-wrap justify-end gap-2">
          <Button size="small" aria-label={`Edit ${original.name}`} onClick={() => act.edit(original)}>
            Edit
          </Button>
          <Button size="small" look="danger-outline" aria-label={`Delete ${original.name}`} onClick={() => act.remove(original)}>
            Delete
          </Button>
        </span>
      ),
    },
  ];
}

/** The APIs that tokens are for (RFC 8707). */
export function Resources() {
  const org = useOrg();
  const { editable, editing, setEditing, removing, setRemoving, changed, reload } = useRecords<Resource>(keys.resources(org));
  const columns = useMemo(() => columnsOf(editable ? { edit: (record) => setEditing({ record }), remove: setRemoving } : undefined), [editable, setEditing, setRemoving]);
  return (
    <>
      <div className="flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
        <p className="max-w-[65ch] text-neutral-11">A token that every API accepts can be used by each of them at all the others. An application names the one that it calls, and its token is for that alone.</p>
        {editable && (
          <Button look="primary" data-create onClick={() => setEditing({})}>
            <Plus aria-hidden />
            Register resource server
          </Button>
        )}
      </div>
      <ListView
        name="Resource servers"
        queryKey={keys.resources(org)}
        fetchPage={(cursor, signal) => read(api.GET('/api/v1/orgs/{org}/resources', { params: { path: { org }, query: { cursor } }, signal }))}
        columns={columns}
        idOf={(resource) => resource.id}
        nameOf={(resource) => resource.name}
        empty={
          <Empty title="No resource servers yet" action={editable && <Button onClick={() => setEditing({})}>Register the first</Button>}>
            Tokens are then for the issuer: for userinfo, and for whoever asks the introspection endpoint.
          </Empty>
        }
      />
      <Dialog
        open={editing !== undefined}
        onOpenChange={(open) => !open && setEditing(undefined)}
        placement="side"
        title={editing?.record ? `Edit ${editing.record.name}` : 'Register resource server'}
        description="An API that gets tokens of its own."
      >
        {editing && <ResourceForm resource={editing.record} changed={changed} reload={reload} close={() => setEditing(undefined)} />}
      </Dialog>
      <Confirm
        open={removing !== undefined}
        onOpenChange={(open) => !open && setRemoving(undefined)}
        title={`Delete ${removing?.name ?? 'the resource server'}?`}
        consequence="Applications get no tokens for it any more. Those that it accepts now live on until they expire."
        name={removing?.identifier ?? ''}
        button="Delete resource server"
        pendingText="Deleting…"
        onConfirm={async () => {
          await read(api.DELETE('/api/v1/orgs/{org}/resources/{resource_id}', { params: { path: { org, resource_id: removing!.id }, header: { 'If-Match': tagOf(removing!) } } }));
          await changed(`${removing!.name} is deleted`);
        }}
      />
    </>
  );
}
