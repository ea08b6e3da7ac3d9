'use client';

import { useQuery } from '@tanstack/react-query';
import { Page } from '@/components/page';
import { Loaded } from '@/components/states';
import { Tabs, useTab } from '@/components/ui/tabs';
import { useOrg } from '@/lib/address';
import { organizationQuery } from '@/lib/organization';
import { useMay } from '@/lib/session';
import { OrganizationAddressPage } from './address';
import { AttestationForm } from './attestation-form';
import { BrandingForm } from './branding-form';
import { OrganizationDanger } from './danger';
import { GeneralForm } from './general-form';
import { MailForm } from './mail-form';
import { PoliciesForm } from './policies-form';
import { SignUpForm } from './sign-up-form';
import { OrganizationBadge } from './status';
import { TermsForm } from './terms-form';

/** The organization's own page, in tabs. */
export function OrganizationSettings() {
  const org = useOrg();
  const platform = useMay('platform:write');
  const query = useQuery(organizationQuery(org));
  const tabs = [
    { id: 'general', label: 'General' },
    { id: 'branding', label: 'Branding' },
    { id: 'policies', label: 'Policies' },
    { id: 'accounts', label: 'Accounts' },
    { id: 'authenticators', label: 'Authenticators' },
    { id: 'mail', label: 'Mail' },
    { id: 'address', label: 'Address' },
    { id: 'terms', label: 'Terms' },
    ...(platform ? [{ id: 'danger', label: 'Danger zone' }] : []),
  ];
  const tab = useTab(tabs);
  return (
    <Loaded query={query} what="organization">
      {(organization) => (
        <Page title="Settings" badge={<OrganizationBadge status={organization.value.status} />}>
          <Tabs label="Settings" tabs={tabs} />
          {/* A newer version starts the form anew. */}
          <div key={organization.etag}>
            {tab === 'general' && <GeneralForm organization={organization} />}
            {tab === 'branding' && <BrandingForm organization={organization} />}
            {tab === 'policies' && <PoliciesForm organization={organization} />}
            {tab === 'accounts' && <SignUpForm organization={organization} />}
            {tab === 'authenticators' && <AttestationForm organization={organization} />}
            {tab === 'mail' && <MailForm organization={organization.value} />}
            {tab === 'address' && <OrganizationAddressPage organization={organization} />}
            {tab === 'terms' && <TermsForm organization={organization.value} />}
            {tab === 'danger' && <OrganizationDanger organization={organization} />}
          </div>
        </Page>
      )}
    </Loaded>
  );
}
