'use client';

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { RotateCw } from 'lucide-react';
import { useState } from 'react';
import { Copyable } from '@/components/copy';
import { Confirm } from '@/components/danger';
import { Fact, Facts } from '@/components/page';
import { Button } from '@/components/ui/button';
import { Section } from '@/components/ui/surface';
import { api, read, type Client, type TokenEndpointAuthMethod, type Versioned } from '@/lib/api';
import { useOrg } from '@/lib/address';
import { organizationQuery } from '@/lib/organization';
import { keys } from '@/lib/query';
import { ClientSecretDialog } from './secret-dialog';

/** Why there is no secret, for those that have none. */
const withoutSecret: Partial<Record<TokenEndpointAuthMethod, string>> = {
  none: 'None: a public client proves itself with PKCE.',
  private_key_jwt: 'None: this client proves itself with a key of its own.',
  tls_client_auth: 'None: this client proves itself with a TLS certificate.',
  self_signed_tls_client_auth: 'None: this client proves itself with a TLS certificate of its own making.',
  attest_jwt_client_auth: 'None: each instance of this client is attested by its maker.',
};

export function Credentials({ client: { value: client }, editable }: { client: Versioned<Client>; editable: boolean }) {
  const org = useOrg();
  const queries = useQueryClient();
  const organization = useQuery(organizationQuery(org));
  const [asking, setAsking] = useState(false);
  const [secret, setSecret] = useState<string>();
  const absence = withoutSecret[client.token_endpoint_auth_method];
  return (
    <div className="grid gap-6">
      <Section title="What the application needs">
        <Facts>
          <Fact name="Issuer">{organization.data && <Copyable value={organization.data.value.issuer} what="issuer" />}</Fact>
          <Fact name="Client id">
            <Copyable value={client.client_id} what="client id" />
          </Fact>
          <Fact name="Client secret">{absence ?? 'Shown once when it was made. Rotate it if it is lost or may have leaked.'}</Fact>
        </Facts>
        {!absence && editable && (
          <Button className="mt-5" onClick={() => setAsking(true)}>
            <RotateCw aria-hidden />
            Rotate secret
          </Button>
        )}
      </Section>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title="Rotate the client secret?"
        consequence="The old secret stops working at once. The application cannot get tokens until it has the new one."
        button="Rotate secret"
        pendingText="Rotating…"
        onConfirm={async () => {
          const answer = await read(api.POST('/api/v1/orgs/{org}/clients/{id}/secret', { params: { path: { org, id: client.id } } }));
          setSecret(answer.client_secret);
          void queries.invalidateQueries({ queryKey: keys.client(org, client.id) });
        }}
      />
      {secret && <ClientSecretDialog client={client} secret={secret} onClose={() => setSecret(undefined)} />}
    </div>
  );
}
