'use client';

import { useQuery } from '@tanstack/react-query';
import { Page } from '@/components/page';
import { Loaded } from '@/components/states';
import { Tabs, useTab } from '@/components/ui/tabs';
import { address, useOrg } from '@/lib/address';
import { organizationQuery } from '@/lib/organization';
import { Claims } from './claims';
import { Scopes } from './scopes';

const tabs = [
  { id: 'scopes', label: 'Scopes' },
  { id: 'claims', label: 'Claims' },
];

/** What applications can ask for, and what they then get to know about people. */
export function ScopesAndClaims() {
  const query = useQuery(organizationQuery(useOrg()));
  const tab = useTab(tabs);
  return (
    <Loaded query={query} what="organization">
      {(organization) => (
        <Page
          title="Scopes and claims"
          description={
            <>
              A scope is what an application asks for; claims are what it then gets to know about a person.{' '}
              <a href={`${address.documents('registering-applications')}#scopes-and-claims-of-your-own`} className="rounded-[4px] text-brand-11 underline">
                Read the guide
              </a>
            </>
          }
        >
          <Tabs label="Scopes and claims" tabs={tabs} />
          {tab === 'scopes' && <Scopes organization={organization} />}
          {tab === 'claims' && <Claims organization={organization} />}
        </Page>
      )}
    </Loaded>
  );
}
