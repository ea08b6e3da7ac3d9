'use client';

import { useQuery } from '@tanstack/react-query';
import { Page } from '@/components/page';
import { Loaded } from '@/components/states';
import { Tabs, useTab } from '@/components/ui/tabs';
import { address, useOrg } from '@/lib/address';
import { organizationQuery } from '@/lib/organization';
import { DetailTypes } from './detail-types';
import { Resources } from './resources';
import { TrustedIssuers } from './trusted-issuers';

const tabs = [
  { id: 'resources', label: 'Resource servers' },
  { id: 'details', label: 'Permissions in detail' },
  { id: 'issuers', label: 'Trusted issuers' },
];

/** What tokens are for, beyond signing in: the APIs, what is allowed in detail, and whose word is taken for a person. */
export function Apis() {
  const query = useQuery(organizationQuery(useOrg()));
  const tab = useTab(tabs);
  return (
    <Loaded query={query} what="organization">
      {(organization) => (
        <Page
          title="APIs"
          description={
            <>
              What applications get tokens for, and how far those reach.{' '}
              <a href={`${address.documents('oauth')}#tokens-for-one-api`} className="rounded-[4px] text-brand-11 underline">
                Read the guide
              </a>
            </>
          }
        >
          <Tabs label="APIs" tabs={tabs} />
          {tab === 'resources' && <Resources />}
          {tab === 'details' && <DetailTypes organization={organization} />}
          {tab === 'issuers' && <TrustedIssuers />}
        </Page>
      )}
    </Loaded>
  );
}
