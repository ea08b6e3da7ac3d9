'use client';

import { useQuery } from '@tanstack/react-query';
import { SecretDialog } from '@/components/secret';
import type { Client } from '@/lib/api';
import { useOrg } from '@/lib/address';
import { organizationQuery } from '@/lib/organization';

export function ClientSecretDialog({ client, secret, onClose }: { client: Client; secret: string; onClose: () => void }) {
  const { data } = useQuery(organizationQuery(useOrg()));
  const content = [`CLAVEX_ISSUER=${data?.value.issuer ?? ''}`, `CLAVEX_CLIENT_ID=${client.client_id}`, `CLAVEX_CLIENT_SECRET=${secret}`, ''].join('\n');
  return (
    <SecretDialog
      open
      title={`Secret of ${client.client_name}`}
      warning="This is the only time the secret is shown. Store it where the application reads its configuration."
      label="Client secret"
      value={secret}
      file={{ name: `${client.client_id}.env`, content }}
      onClose={onClose}
    />
  );
}
