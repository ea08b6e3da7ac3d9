'use client';

import { useQueryClient } from '@tanstack/react-query';
import type { ColumnDef } from '@tanstack/react-table';
import { Plus } from 'lucide-react';
import { useMemo, useState } from 'react';
import { Confirm } from '@/components/danger';
import { ListView } from '@/components/list/list-view';
import { SecretDialog } from '@/components/secret';
import { Empty } from '@/components/states';
import { Time } from '@/components/time';
import { Button } from '@/components/ui/button';
import { Dialog } from '@/components/ui/dialog';
import { Badge, Notice } from '@/components/ui/surface';
import { useToast } from '@/components/ui/toast';
import { api, read, type InitialAccessToken, type Organization } from '@/lib/api';
import { keys } from '@/lib/query';
import { useMay } from '@/lib/session';
import { TokenForm, type Issued } from './token-form';
import { stateOf } from './token-values';

function columnsOf(revoke?: (token: InitialAccessToken) => void): ColumnDef<InitialAccessToken>[] {
  const columns: ColumnDef<InitialAccessToken>[] = [
    {
      id: 'name',
      meta: { title: 'Token' },
      cell: ({ row: { original } }) => (
        <div className="min-w-0">
          <span className="block break-words font-medium">{original.name}</span>
          <span className="block truncate text-12 text-neutral-11">by {original.created_by}</span>
        </div>
      ),
    },
    {
      id: 'state',
      meta: { title: 'State' },
      cell: ({ row: { original } }) => {
        const { label, tone } = stateOf(original, new Date());
        return <Badge tone={tone}>{label}</Badge>;
      },
    },
    { id: 'uses', meta: { title: 'Clients', className: 'max-sm:hidden' }, cell: ({ row: { original } }) => <span className="tabular-nums">{original.max_uses === undefined ? original.uses : `${original.uses} of ${original.max_uses}`}</span> },
    { id: 'expires', meta: { title: 'Expires', className: 'max-md:hidden' }, cell: ({ row }) => <Time instant={row.original.expires_at} /> },
    { id: 'created', meta: { title: 'Issued', className: 'max-lg:hidden' }, cell: ({ row }) => <Time instant={row.original.created_at} /> },
  ];
  if (!revoke) return columns;
  return [
    ...columns,
    {
      id: 'revoke',
      meta: { title: 'Actions', className: 'text-right' },
      cell: ({ row: { original } }) =>
        stateOf(original, new Date()).usable && (
          <Button size="small" look="danger-outline" aria-label={`Revoke ${original.name}`} onClick={() => revoke(original)}>
            Revoke
          </Button>
        ),
    },
  ];
}

/** The initial access tokens: the newest first, their values never. */
export function TokenList({ organization }: { organization: Organization }) {
  const { slug: org, issuer, policies } = organization;
  const queries = useQueryClient();
  const toast = useToast();
  const mayWrite = useMay('clients:write');
  const [creating, setCreating] = useState(false);
  const [issued, setIssued] = useState<Issued>();
  const [revoking, setRevoking] = useState<InitialAccessToken>();
  const columns = useMemo(() => columnsOf(mayWrite ? setRevoking : undefined), [mayWrite]);
  const create = (
    <Button look="primary" data-create onClick={() => setCreating(true)}>
      <Plus aria-hidden />
      Issue token
    </Button>
  );
  return (
    <>
      {policies.registration === 'closed' && (
        <Notice tone="warning" role="note" title="Registration is closed">
          No token is accepted until you choose another policy under “Who may register”.
        </Notice>
      )}
      <div className="flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
        <p className="max-w-[65ch] text-neutral-11">
          Whoever has one registers applications, also where strangers may not. Hand it to a partner, or to a program that makes many installations of one product.
        </p>
        {mayWrite && create}
      </div>
      <ListView
        name="Initial access tokens"
        queryKey={keys.initialAccessTokens(org)}
        fetchPage={(cursor, signal) => read(api.GET('/api/v1/orgs/{org}/initial-access-tokens', { params: { path: { org }, query: { cursor } }, signal }))}
        columns={columns}
        idOf={(token) => token.id}
        nameOf={(token) => token.name}
        empty={
          <Empty title="No initial access tokens yet" action={mayWrite && <Button onClick={() => setCreating(true)}>Issue the first</Button>}>
            Issue one for each partner or program, so that each can be revoked alone.
          </Empty>
        }
      />
      <Dialog open={creating} onOpenChange={setCreating} placement="side" title="Issue an initial access token" description="Its value is shown once, when it is issued.">
        <TokenForm
          onCancel={() => setCreating(false)}
          onIssued={(made) => {
            setCreating(false);
            setIssued(made);
          }}
        />
      </Dialog>
      {issued && (
        <SecretDialog
          open
          title={`Token for ${issued.token.name}`}
          warning="This is the only time the token is shown. Give it to whoever registers applications, by a way that nobody else reads."
          label="Initial access token"
          value={issued.value}
          file={{ name: 'initial-access-token.env', content: [`CLAVEX_ISSUER=${issuer}`, `CLAVEX_INITIAL_ACCESS_TOKEN=${issued.value}`, ''].join('\n') }}
          onClose={() => setIssued(undefined)}
        />
      )}
      <Confirm
        open={revoking !== undefined}
        onOpenChange={(open) => !open && setRevoking(undefined)}
        title={`Revoke ${revoking?.name ?? 'the token'}?`}
        consequence="Nobody can register an application with it any more, at once and for good. What was registered with it stays."
        button="Revoke token"
        pendingText="Revoking…"
        onConfirm={async () => {
          await read(api.DELETE('/api/v1/orgs/{org}/initial-access-tokens/{token_id}', { params: { path: { org, token_id: revoking!.id } } }));
          await queries.invalidateQueries({ queryKey: keys.initialAccessTokens(org) });
          toast(`${revoking!.name} is revoked`);
        }}
      />
    </>
  );
}
