'use client';

import { useQuery } from '@tanstack/react-query';
import { ArrowRight, Plus } from 'lucide-react';
import Link from 'next/link';
import { Copyable } from '@/components/copy';
import { Fact, Facts, Page } from '@/components/page';
import { Empty, ErrorNotice, Loaded } from '@/components/states';
import { Time } from '@/components/time';
import { ButtonLink } from '@/components/ui/button';
import { Badge, Card, Notice, Section } from '@/components/ui/surface';
import { api, read, type AuditEvent, type Count, type Overview as OverviewData } from '@/lib/api';
import { actorName, targetName, wordsOf } from '@/lib/audit-words';
import { address, useOrg } from '@/lib/address';
import { organizationQuery } from '@/lib/organization';
import { keys } from '@/lib/query';
import { useMay } from '@/lib/session';

export function Overview() {
  const org = useOrg();
  const organization = useQuery(organizationQuery(org));
  const overview = useQuery({
    queryKey: keys.overview(org),
    queryFn: ({ signal }) => read(api.GET('/api/v1/orgs/{org}/overview', { params: { path: { org } }, signal })),
  });
  return (
    <Loaded query={organization} what="organization">
      {({ value }) => (
        <Page title={value.name} badge={value.status !== 'active' && <Badge tone="warning">{value.status === 'suspended' ? 'Suspended' : 'Being deleted'}</Badge>}>
          {value.status === 'suspended' && (
            <Notice tone="warning" title="This organization is suspended">
              Nobody can sign in and no token is issued until it is restored in its settings.
            </Notice>
          )}
          {overview.error ? <ErrorNotice title="The numbers could not be read" error={overview.error} retry={() => void overview.refetch()} /> : <Counts org={org} data={overview.data} />}
          <div className="grid gap-6 lg:grid-cols-[3fr_2fr] [&>*]:min-w-0">
            <RecentEvents org={org} events={overview.data?.recent_events} />
            <Connect issuer={value.issuer} />
          </div>
        </Page>
      )}
    </Loaded>
  );
}

function Counts({ org, data }: { org: string; data: OverviewData | undefined }) {
  const entries: { label: string; count: Count | undefined; href?: string }[] = [
    ...(data?.organizations ? [{ label: 'Organizations', count: data.organizations, href: address.organizations() }] : []),
    { label: 'Users', count: data?.users, href: address.users(org) },
    { label: 'Clients', count: data?.clients, href: address.clients(org) },
    { label: 'Open sessions', count: data?.active_sessions },
  ];
  return (
    <ul className="grid grid-cols-2 gap-3 lg:auto-cols-fr lg:grid-flow-col lg:grid-cols-none">
      {entries.map(({ label, count, href }) => (
        <li key={label} className="relative rounded-card border border-neutral-6 bg-card p-4 has-[a:hover]:border-neutral-8 sm:p-5">
          <p className="text-28 font-semibold leading-tight tabular-nums">
            {count ? count.value.toLocaleString('en') : '–'}
            {count && !count.exact && <span aria-label="or more">+</span>}
          </p>
          {href ? (
            <Link href={href} className="text-neutral-11 after:absolute after:inset-0 after:rounded-card">
              {label}
            </Link>
          ) : (
            <span className="text-neutral-11">{label}</span>
          )}
        </li>
      ))}
    </ul>
  );
}

function RecentEvents({ org, events }: { org: string; events: AuditEvent[] | undefined }) {
  const mayRead = useMay('audit:read');
  if (!mayRead) return null;
  return (
    <Card aria-label="Recent events">
      <div className="flex items-center justify-between px-5 pb-2 pt-4">
        <h2 className="text-16 font-semibold">Recent events</h2>
        <Link href={address.auditEvents(org)} className="inline-flex items-center gap-1 rounded-[4px] text-brand-11 hover:underline">
          All events <ArrowRight aria-hidden className="size-3.5" />
        </Link>
      </div>
      {events?.length === 0 && <Empty title="Nothing has happened yet">Sign-ins and changes appear here.</Empty>}
      <ul>
        {events?.map((event) => (
          <li key={event.id} className="flex items-baseline justify-between gap-4 border-t border-neutral-5 px-5 py-2.5">
            <div className="min-w-0">
              <Link href={`${address.auditEvents(org)}?event=${event.id}`} className="font-medium hover:underline">
                {wordsOf(event.action)}
              </Link>{' '}
              {event.outcome === 'failure' && <Badge tone="danger">Failed</Badge>}
              <p className="truncate text-neutral-11">{[targetName(event), `by ${actorName(event.actor)}`].filter(Boolean).join(' · ')}</p>
            </div>
            <span className="shrink-0 text-12 text-neutral-11">
              <Time instant={event.occurred_at} />
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Connect({ issuer }: { issuer: string }) {
  const org = useOrg();
  const mayWrite = useMay('clients:write');
  return (
    <Section title="Connect an application" description="An OpenID Connect library needs the issuer; it finds everything else by discovery." className="h-fit">
      <Facts>
        <Fact name="Issuer">
          <Copyable value={issuer} what="issuer" />
        </Fact>
        <Fact name="Discovery">
          <Copyable value={`${issuer}/.well-known/openid-configuration`} what="discovery address" />
        </Fact>
      </Facts>
      {mayWrite && (
        <ButtonLink href={address.newClient(org)} className="mt-5">
          <Plus aria-hidden />
          Create client
        </ButtonLink>
      )}
    </Section>
  );
}
