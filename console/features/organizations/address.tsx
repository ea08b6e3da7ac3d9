'use client';

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Copyable } from '@/components/copy';
import { Confirm } from '@/components/danger';
import { Loaded } from '@/components/states';
import { Time } from '@/components/time';
import { Button } from '@/components/ui/button';
import { Notice, Section } from '@/components/ui/surface';
import { useToast } from '@/components/ui/toast';
import { address as addresses } from '@/lib/address';
import { api, read, type DomainList, type Organization, type OrganizationAddress, type Versioned } from '@/lib/api';
import { keys } from '@/lib/query';
import { useMay } from '@/lib/session';
import { Domains } from './domains';
import { MoveDialog } from './move';

/** Where an organization is, and at which hosts of its own it can be. */
export function OrganizationAddressPage({ organization }: { organization: Versioned<Organization> }) {
  const org = organization.value.slug;
  const query = useQuery({
    queryKey: keys.domains(org),
    queryFn: ({ signal }) => read(api.GET('/api/v1/orgs/{org}/domains', { params: { path: { org } }, signal })),
  });
  return (
    <Loaded query={query} what="address">
      {(domains) => <AddressAndDomains organization={organization.value} domains={domains} />}
    </Loaded>
  );
}

function AddressAndDomains({ organization, domains }: { organization: Organization; domains: DomainList }) {
  const org = organization.slug;
  const queries = useQueryClient();
  const toast = useToast();
  const editable = useMay('organization:write') && organization.status !== 'deleting' && org !== 'system';
  const [moving, setMoving] = useState<{ domain?: string }>();
  const changed = async (words: string) => {
    await Promise.all([queries.invalidateQueries({ queryKey: keys.domains(org) }), queries.invalidateQueries({ queryKey: keys.organization(org) })]);
    toast(words);
  };
  return (
    <div className="grid gap-6">
      <Present address={domains.address} org={org} editable={editable} changed={changed} back={() => setMoving({})} />
      <Domains org={org} domains={domains.items} editable={editable} changed={changed} move={(domain) => setMoving({ domain })} />
      <MoveDialog open={moving !== undefined} to={moving?.domain} org={org} address={domains.address} close={() => setMoving(undefined)} moved={() => changed('The organization is at another address now')} />
    </div>
  );
}

interface PresentProps {
  address: OrganizationAddress;
  org: string;
  editable: boolean;
  changed: (words: string) => Promise<void>;
  back: () => void;
}

function Present({ address, org, editable, changed, back }: PresentProps) {
  const [leaving, setLeaving] = useState(false);
  const { former } = address;
  return (
    <Section
      title="Address"
      description={
        <>
          The issuer identifier: applications are configured with it, people sign in there, and passkeys belong to its host.{' '}
          <a href={`${addresses.documents('operations')}#domains-of-organizations-own`} className="rounded-[4px] text-brand-11 underline">
            Read the guide
          </a>
        </>
      }
      action={
        editable &&
        address.domain !== undefined && (
          <Button onClick={back} disabled={former !== undefined && former.issuer.endsWith(address.domain)}>
            Move back to the server
          </Button>
        )
      }
    >
      <div className="grid gap-4">
        <Copyable value={address.issuer} what="the issuer identifier" />
        {former && (
          <Notice tone="info" role="note" title="The address before is served still">
            <span className="break-all font-mono text-12">{former.issuer}</span> answers as the issuer that it was, until <Time instant={former.until} reachable />.
            {editable && (
              <Button size="small" className="mt-3 block" onClick={() => setLeaving(true)}>
                Stop serving it
              </Button>
            )}
          </Notice>
        )}
        {address.passkeys_elsewhere > 0 && (
          <Notice tone="warning" role="note" title={`${peopleOf(address.passkeys_elsewhere)} passkeys of other addresses only`}>
            These do not work here. They sign in another way and make new ones; you can require that of a user under Required actions.
          </Notice>
        )}
      </div>
      <Confirm
        open={leaving}
        onOpenChange={(open) => !open && setLeaving(false)}
        title="Stop serving the address before?"
        consequence={`Applications that still use ${former?.issuer ?? 'it'} stop working, access tokens of there end, and passkeys of there are worth nothing any more.`}
        button="Stop serving it"
        pendingText="Stopping…"
        onConfirm={async () => {
          await read(api.DELETE('/api/v1/orgs/{org}/address/former', { params: { path: { org }, header: { 'If-Match': `"${address.version}"` } } }));
          await changed('The address before is not served any more');
        }}
      />
    </Section>
  );
}

/** "1 person has", "12 people have"; counting ends somewhere. */
export function peopleOf(count: number): string {
  if (count > 10_000) return 'More than 10 000 people have';
  return count === 1 ? '1 person has' : `${count} people have`;
}
