'use client';

import type { ColumnDef } from '@tanstack/react-table';
import { useCallback, useMemo } from 'react';
import { ListView } from '@/components/list/list-view';
import { Page } from '@/components/page';
import { Empty } from '@/components/states';
import { Time } from '@/components/time';
import { Button } from '@/components/ui/button';
import { Input } from '@/components/ui/field';
import { Badge } from '@/components/ui/surface';
import { api, read, type AuditEvent } from '@/lib/api';
import { actionWords, actorName, targetName, wordsOf } from '@/lib/audit-words';
import { address, useFilters, useOrg } from '@/lib/address';
import { keys } from '@/lib/query';
import { dayStart } from '@/lib/time';
import { EventDrawer } from './drawer';

function columnsOf(open: (event: AuditEvent) => void): ColumnDef<AuditEvent>[] {
  return [
    {
      id: 'action',
      meta: { title: 'What' },
      cell: ({ row: { original } }) => (
        <span className="flex flex-wrap items-center gap-2">
          <button type="button" data-row className="rounded-[4px] text-left font-medium hover:underline" onClick={() => open(original)}>
            {wordsOf(original.action)}
          </button>
          {original.outcome === 'failure' && <Badge tone="danger">Failed</Badge>}
        </span>
      ),
    },
    { id: 'actor', meta: { title: 'Who', className: 'max-sm:hidden' }, cell: ({ row }) => <span className="block truncate">{actorName(row.original.actor)}</span> },
    { id: 'target', meta: { title: 'To what', className: 'max-md:hidden' }, cell: ({ row }) => <span className="block truncate">{targetName(row.original)}</span> },
    { id: 'address', meta: { title: 'From where', className: 'max-lg:hidden' }, cell: ({ row }) => <span className="font-mono text-12">{row.original.client_address ?? ''}</span> },
    { id: 'time', meta: { title: 'When' }, cell: ({ row }) => <Time instant={row.original.occurred_at} /> },
  ];
}

export function AuditEventList() {
  const org = useOrg();
  const { get, set } = useFilters();
  const filters = {
    action: get('action') || undefined,
    actor: get('actor') || undefined,
    target: get('target') || undefined,
    from: dayStart(get('from')),
    to: dayStart(get('to'), 1),
  };
  const open = useCallback((event: AuditEvent) => set({ event: event.id }, 'push'), [set]);
  const columns = useMemo(() => columnsOf(open), [open]);
  return (
    <Page title="Audit events" description="Who did what, when and from where. Nobody can change or remove what stands here.">
      <ListView
        name="Audit events"
        queryKey={keys.auditEvents(org, filters)}
        fetchPage={(cursor, signal) => read(api.GET('/api/v1/orgs/{org}/audit-events', { params: { path: { org }, query: { ...filters, cursor } }, signal }))}
        columns={columns}
        idOf={(event) => event.id}
        nameOf={(event) => wordsOf(event.action)}
        hrefOf={(event) => `${address.auditEvents(org)}?${withEvent(event.id)}`}
        onOpen={open}
        filters={[{ name: 'action', label: 'What', options: Object.entries(actionWords).map(([value, label]) => ({ value, label })) }]}
        moreFilters={
          <>
            <DayFilter label="From" value={get('from')} onChange={(from) => set({ from })} />
            <DayFilter label="To" value={get('to')} onChange={(to) => set({ to })} />
            <IdFilter label="Who" value={get('actor')} clear={() => set({ actor: undefined })} />
            <IdFilter label="To what" value={get('target')} clear={() => set({ target: undefined })} />
          </>
        }
        moreFilterNames={['from', 'to', 'actor', 'target']}
        empty={<Empty title="Nothing has happened yet">Sign-ins and changes appear here.</Empty>}
      />
      <EventDrawer id={get('event')} onClose={() => set({ event: undefined })} onFilter={(changes) => set({ ...changes, event: undefined })} />
    </Page>
  );
}

function withEvent(id: string): string {
  const next = new URLSearchParams(window.location.search);
  next.set('event', id);
  return next.toString();
}

function DayFilter({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
  return (
    <label className="flex items-center gap-2 max-sm:flex-1 max-sm:basis-full">
      <span className="text-neutral-11 max-sm:w-10">{label}</span>
      <Input type="date" value={value} onChange={(event) => onChange(event.target.value)} className="w-38 max-sm:w-full" />
    </label>
  );
}

function IdFilter({ label, value, clear }: { label: string; value: string; clear: () => void }) {
  if (!value) return null;
  return (
    <Button size="small" onClick={clear} aria-label={`Remove the filter ${label}`}>
      {label}: <span className="font-mono text-12">{value.slice(0, 8)}…</span> ×
    </Button>
  );
}
