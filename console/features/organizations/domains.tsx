'use client';

import { useState } from 'react';
import { Copyable } from '@/components/copy';
import { Confirm } from '@/components/danger';
import { ErrorNotice } from '@/components/states';
import { Button } from '@/components/ui/button';
import { Field, Input } from '@/components/ui/field';
import { Badge, Section, type Tone } from '@/components/ui/surface';
import { api, read, type Domain, type DomainStatus } from '@/lib/api';

const states: Record<DomainStatus, { words: string; tone: Tone }> = {
  claimed: { words: 'Not proved', tone: 'warning' },
  proved: { words: 'Proved', tone: 'info' },
  present: { words: 'In use', tone: 'success' },
  former: { words: 'Served still', tone: 'info' },
};

interface DomainsProps {
  org: string;
  domains: Domain[];
  editable: boolean;
  changed: (words: string) => Promise<void>;
  move: (host: string) => void;
}

/** The hosts that an organization says are its own. */
export function Domains({ org, domains, editable, changed, move }: DomainsProps) {
  return (
    <Section title="Domains" description="Hosts of your own at which the organization can be. Point the host to this server, with a certificate for it, before you move.">
      {domains.length === 0 && <p className="text-neutral-11">None yet.</p>}
      <ul className="grid gap-4" aria-label="Domains">
        {domains.map((domain) => (
          <DomainRow key={domain.id} org={org} domain={domain} editable={editable} changed={changed} move={move} />
        ))}
      </ul>
      {editable && <Claim org={org} changed={changed} />}
    </Section>
  );
}

function DomainRow({ org, domain, editable, changed, move }: { domain: Domain } & Omit<DomainsProps, 'domains'>) {
  const [pending, setPending] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const [removing, setRemoving] = useState(false);
  const path = { org, domain_id: domain.id };
  const { words, tone } = states[domain.status];
  const verify = async () => {
    setPending(true);
    setProblem(undefined);
    try {
      await read(api.POST('/api/v1/orgs/{org}/domains/{domain_id}/verification', { params: { path } }));
      await changed(`${domain.host} is proved`);
    } catch (error) {
      setProblem(error);
    }
    setPending(false);
  };
  return (
    <li className="grid gap-3 rounded-card border border-neutral-6 p-4">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <span className="flex min-w-0 flex-wrap items-center gap-2">
          <span className="break-all font-medium">{domain.host}</span>
          <Badge tone={tone}>{words}</Badge>
        </span>
        {editable && (
          <span className="flex flex-wrap gap-2">
            {domain.status === 'claimed' && (
              <Button size="small" look="primary" aria-label={`Check the record of ${domain.host}`} pending={pending} pendingText="Asking the DNS…" onClick={() => void verify()}>
                Check the record
              </Button>
            )}
            {(domain.status === 'proved' || domain.status === 'former') && (
              <Button size="small" aria-label={`Move to ${domain.host}`} onClick={() => move(domain.host)}>
                Move here
              </Button>
            )}
            {(domain.status === 'proved' || domain.status === 'claimed') && (
              <Button size="small" look="danger-outline" aria-label={`Remove ${domain.host}`} onClick={() => setRemoving(true)}>
                Remove
              </Button>
            )}
          </span>
        )}
      </div>
      {domain.status === 'claimed' && (
        <dl className="grid gap-x-6 gap-y-1 sm:grid-cols-[auto_1fr] [&>*]:min-w-0">
          <dt className="text-neutral-11">TXT record at</dt>
          <dd>
            <Copyable value={domain.record.name} what="the name of the record" />
          </dd>
          <dt className="text-neutral-11">Value</dt>
          <dd>
            <Copyable value={domain.record.value} what="the value of the record" />
          </dd>
        </dl>
      )}
      {problem !== undefined && <ErrorNotice error={problem} />}
      <Confirm
        open={removing}
        onOpenChange={(open) => !open && setRemoving(false)}
        title={`Remove ${domain.host}?`}
        consequence="Another organization of this server can prove it then. To have it back, you need another record."
        button="Remove domain"
        pendingText="Removing…"
        onConfirm={async () => {
          await read(api.DELETE('/api/v1/orgs/{org}/domains/{domain_id}', { params: { path } }));
          await changed(`${domain.host} is given up`);
        }}
      />
    </li>
  );
}

function Claim({ org, changed }: Pick<DomainsProps, 'org' | 'changed'>) {
  const [host, setHost] = useState('');
  const [pending, setPending] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  return (
    <form
      className="mt-5 grid gap-4"
      onSubmit={async (event) => {
        event.preventDefault();
        if (pending || host.trim() === '') return;
        setPending(true);
        setProblem(undefined);
        try {
          const claimed = await read(api.POST('/api/v1/orgs/{org}/domains', { params: { path: { org } }, body: { host: host.trim() } }));
          setHost('');
          await changed(`${claimed.host} is claimed: now prove it`);
        } catch (error) {
          setProblem(error);
        }
        setPending(false);
      }}
    >
      <div className="flex flex-wrap items-end gap-3">
        <Field label="Another domain" className="min-w-0 grow">
          <Input value={host} onChange={(event) => setHost(event.target.value)} placeholder="login.example.com" autoComplete="off" autoCapitalize="off" spellCheck={false} inputMode="url" />
        </Field>
        <Button type="submit" disabled={host.trim() === ''} pending={pending} pendingText="Claiming…">
          Claim domain
        </Button>
      </div>
      {problem !== undefined && <ErrorNotice error={problem} />}
    </form>
  );
}
