'use client';

import { useQuery } from '@tanstack/react-query';
import { Page } from '@/components/page';
import { Loaded } from '@/components/states';
import { Badge } from '@/components/ui/surface';
import { Tabs, useTab } from '@/components/ui/tabs';
import { api, readVersioned } from '@/lib/api';
import { useOrg, useRecordId } from '@/lib/address';
import { keys } from '@/lib/query';
import { useMay } from '@/lib/session';
import { Credentials } from './credentials';
import { ClientDanger } from './danger';
import { ClientBadges } from './list';
import { ClientSettings } from './settings';
import { kindOf } from './values';

export function ClientDetail() {
  const org = useOrg();
  const id = useRecordId();
  const mayWrite = useMay('clients:write');
  const query = useQuery({
    queryKey: keys.client(org, id),
    queryFn: ({ signal }) => readVersioned(api.GET('/api/v1/orgs/{org}/clients/{id}', { params: { path: { org, id } }, signal })),
  });
  const changeable = mayWrite && !query.data?.value.built_in;
  const tabs = [
    { id: 'settings', label: 'Settings' },
    { id: 'credentials', label: 'Credentials' },
    ...(changeable ? [{ id: 'danger', label: 'Danger zone' }] : []),
  ];
  const tab = useTab(tabs);
  return (
    <Loaded query={query} what="client">
      {(client) => (
        <Page
          title={client.value.client_name}
          badge={
            <>
              <ClientBadges client={client.value} />
              {client.value.origin === 'dynamic' && <Badge tone="info">Registered itself</Badge>}
              {client.value.origin === 'metadata_document' && <Badge tone="info">Described by a document</Badge>}
            </>
          }
          description={kindOf(client.value)}
        >
          <Tabs label="Client" tabs={tabs} />
          {tab === 'settings' && <ClientSettings key={`${id} ${client.etag}`} client={client} editable={changeable} />}
          {tab === 'credentials' && <Credentials key={id} client={client} editable={changeable} />}
          {tab === 'danger' && <ClientDanger key={id} client={client} />}
        </Page>
      )}
    </Loaded>
  );
}
