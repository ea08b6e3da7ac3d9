'use client';

import { useQuery } from '@tanstack/react-query';
import { Page } from '@/components/page';
import { Loaded } from '@/components/states';
import { Tabs, useTab } from '@/components/ui/tabs';
import { address, useOrg } from '@/lib/address';
import { organizationQuery } from '@/lib/organization';
import { Issuers } from './issuers';
import { PolicyForm } from './policy-form';
import { TokenList } from './tokens';

const tabs = [
  { id: 'policy', label: 'Who may register' },
  { id: 'tokens', label: 'Initial access tokens' },
  { id: 'issuers', label: 'Software statements' },
];

/** How applications come into the organization without an administrator who creates them. */
export function Registration() {
  const query = useQuery(organizationQuery(useOrg()));
  const tab = useTab(tabs);
  return (
    <Loaded query={query} what="organization">
      {(organization) => (
        <Page
          title="Registration"
          description={
            <>
              How applications register themselves (RFC 7591), without an administrator who creates them.{' '}
              <a href={address.documents('registering-applications')} className="rounded-[4px] text-brand-11 underline">
                Read the guide
              </a>
            </>
          }
        >
          <Tabs label="Registration" tabs={tabs} />
          {/* A newer version starts the form anew. */}
          {tab === 'policy' && <PolicyForm key={organization.etag} organization={organization} />}
          {tab === 'tokens' && <TokenList organization={organization.value} />}
          {tab === 'issuers' && <Issuers organization={organization} />}
        </Page>
      )}
    </Loaded>
  );
}
