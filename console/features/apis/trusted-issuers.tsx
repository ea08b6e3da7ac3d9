'use client';

import type { ColumnDef } from '@tanstack/react-table';
import { Plus } from 'lucide-react';
import { useMemo, useState } from 'react';
import { Confirm } from '@/components/danger';
import { ListView } from '@/components/list/list-view';
import { Empty } from '@/components/states';
import { Button } from '@/components/ui/button';
import { Dialog } from '@/components/ui/dialog';
import { Badge } from '@/components/ui/surface';
import { api, read, type TrustedIssuer } from '@/lib/api';
import { useOrg } from '@/lib/address';
import { keys } from '@/lib/query';
import { IssuerForm } from './issuer-form';
import { subjectMatches } from './issuer-values';
import { LinkedIdentities } from './linked-identities';
import { tagOf, useRecords } from '@/components/use-records';

interface Actions {
  edit?: (issuer: TrustedIssuer) => void;
  remove?: (issuer: TrustedIssuer) => void;
  people: (issuer: TrustedIssuer) => void;
}

function columnsOf({ edit, remove, people }: Actions): ColumnDef<TrustedIssuer>[] {
  return [
    {
      id: 'name',
      meta: { title: 'Issuer' },
      cell: ({ row: { original } }) => (
        <div className="min-w-0">
          <span className="block break-words font-medium">{original.name}</span>
          <span className="block break-all font-mono text-12 text-neutral-11">{original.issuer}</span>
        </div>
      ),
    },
    { id: 'status', meta: { title: 'Status', className: 'max-sm:hidden' }, cell: ({ row: { original } }) => (original.status === 'active' ? <Badge tone="success">Trusted</Badge> : <Badge>Disabled</Badge>) },
    { id: 'people', meta: { title: 'People', className: 'max-md:hidden' }, cell: ({ row: { original } }) => subjectMatches.find(({ value }) => value === original.subject_match)?.label },
    { id: 'clients', meta: { title: 'Clients', className: 'max-lg:hidden' }, cell: ({ row: { original } }) => <span className="break-words font-mono text-12">{original.clients.join(', ') || '–'}</span> },
    {
      id: 'actions',
      meta: { title: 'Actions', className: 'text-right' },
      cell: ({ row: { original } }) => (
        <span className="inline-flex flex-wrap justify-end gap-2">
          {original.subject_match === 'linked_identity' && (
            <Button size="small" aria-label={`People of ${original.name}`} onClick={() => people(original)}>
              People
            </Button>
          )}
          {edit && (
            <Button size="small" aria-label={`Edit ${original.name}`} onClick={() => edit(original)}>
              Edit
            </Button>
          )}
          {remove && (
            <Button size="small" look="danger-outline" aria-label={`Remove ${original.name}`} onClick={() => remove(original)}>
              Remove
            </Button>
          )}
        </span>
      ),
    },
  ];
}

/** Whose assertions about people are taken for an access token (RFC 7523), and how far. */
export function TrustedIssuers() {
  const org = useOrg();
  const { editable, editing, setEditing, removing, setRemoving, changed, reload } = useRecords<TrustedIssuer>(keys.trustedIssuers(org));
  const [shown, setShown] = useState<TrustedIssuer>();
  const columns = useMemo(() => columnsOf({ people: setShown, ...(editable && { edit: (record) => setEditing({ record }), remove: setRemoving }) }), [editable, setEditing, setRemoving]);
  return (
    <>
      <div className="flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
        <p className="max-w-[65ch] text-neutral-11">
          A service presents what an issuer says of a person, and gets an access token without sending them through a browser. Nothing is accepted but what you write down here.
        </p>
        {editable && (
          <Button look="primary" data-create onClick={() => setEditing({})}>
            <Plus aria-hidden />
            Trust an issuer
          </Button>
        )}
      </div>
      <ListView
        name="Trusted issuers"
        queryKey={keys.trustedIssuers(org)}
        fetchPage={(cursor, signal) => read(api.GET('/api/v1/orgs/{org}/trusted-issuers', { params: { path: { org }, query: { cursor } }, signal }))}
        columns={columns}
        idOf={(issuer) => issuer.id}
        nameOf={(issuer) => issuer.name}
        empty={
          <Empty title="Nobody’s word is taken" action={editable && <Button onClick={() => setEditing({})}>Trust the first issuer</Button>}>
            Assertions of anybody are refused until you name whom you trust.
          </Empty>
        }
      />
      <Dialog
        open={editing !== undefined}
        onOpenChange={(open) => !open && setEditing(undefined)}
        placement="side"
        title={editing?.record ? `Edit ${editing.record.name}` : 'Trust an issuer'}
        description="Whose word is taken for a person, by which clients, and for what."
      >
        {editing && <IssuerForm issuer={editing.record} changed={changed} reload={reload} close={() => setEditing(undefined)} />}
      </Dialog>
      <Dialog open={shown !== undefined} onOpenChange={(open) => !open && setShown(undefined)} placement="side" title={`People of ${shown?.name ?? ''}`} description="Who the issuer’s subjects are here.">
        {shown && <LinkedIdentities issuer={shown} editable={editable} />}
      </Dialog>
      <Confirm
        open={removing !== undefined}
        onOpenChange={(open) => !open && setRemoving(undefined)}
        title={`Remove ${removing?.name ?? 'the issuer'}?`}
        consequence="Its assertions are refused, every token that it vouched for ends at once, and who its subjects are is forgotten."
        name={removing?.issuer ?? ''}
        button="Remove issuer"
        pendingText="Removing…"
        onConfirm={async () => {
          const path = { org, trusted_issuer_id: removing!.id };
          await read(api.DELETE('/api/v1/orgs/{org}/trusted-issuers/{trusted_issuer_id}', { params: { path, header: { 'If-Match': tagOf(removing!) } } }));
          await changed(`${removing!.name} is removed`);
        }}
      />
    </>
  );
}
