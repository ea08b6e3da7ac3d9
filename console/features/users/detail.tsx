'use client';

import { useQuery } from '@tanstack/react-query';
import { Page } from '@/components/page';
import { Loaded } from '@/components/states';
import { Tabs, useTab } from '@/components/ui/tabs';
import { api, readVersioned } from '@/lib/api';
import { useOrg, useRecordId } from '@/lib/address';
import { keys } from '@/lib/query';
import { useMay } from '@/lib/session';
import { Applications } from './applications';
import { UserDanger } from './danger';
import { InvitationBadge } from './invitation';
import { UserBadge } from './list';
import { ProfileForm } from './profile-form';
import { RequiredActionBadges } from './required-actions';
import { RolesForm } from './roles-form';
import { SignIn } from './sign-in';

export function UserDetail() {
  const org = useOrg();
  const id = useRecordId();
  const mayWrite = useMay('users:write');
  const query = useQuery({
    queryKey: keys.user(org, id),
    queryFn: ({ signal }) => readVersioned(api.GET('/api/v1/orgs/{org}/users/{user_id}', { params: { path: { org, user_id: id } }, signal })),
  });
  const tabs = [
    { id: 'profile', label: 'Profile' },
    { id: 'sign-in', label: 'Sign-in' },
    { id: 'applications', label: 'Applications' },
    { id: 'roles', label: 'Roles' },
    ...(mayWrite ? [{ id: 'danger', label: 'Danger zone' }] : []),
  ];
  const tab = useTab(tabs);
  return (
    <Loaded query={query} what="user">
      {(user) => (
        <Page
          title={user.value.profile.name || user.value.username}
          badge={
            <>
              <UserBadge status={user.value.status} />
              <InvitationBadge state={user.value.invitation?.state} />
              <RequiredActionBadges actions={user.value.required_actions} />
            </>
          }
          description={user.value.profile.name ? user.value.username : undefined}
        >
          <Tabs label="User" tabs={tabs} />
          {/* A newer version starts the forms anew. */}
          <div key={`${id} ${user.etag}`}>
            {tab === 'profile' && <ProfileForm user={user} />}
            {tab === 'sign-in' && <SignIn user={user} />}
            {tab === 'applications' && <Applications user={user.value} />}
            {tab === 'roles' && <RolesForm user={user} />}
            {tab === 'danger' && <UserDanger user={user} />}
          </div>
        </Page>
      )}
    </Loaded>
  );
}
