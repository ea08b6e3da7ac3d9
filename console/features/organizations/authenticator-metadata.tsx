'use client';

import { useQuery } from '@tanstack/react-query';
import { Fact, Facts } from '@/components/page';
import { Empty, Loaded } from '@/components/states';
import { Time } from '@/components/time';
import { Badge, Notice, Section } from '@/components/ui/surface';
import { api, read, type AuthenticatorMetadata } from '@/lib/api';
import { address } from '@/lib/address';
import { keys } from '@/lib/query';
import { day } from '@/lib/time';

/** By which metadata models are judged, and whether it is kept up to date. Only platform administrators learn where from and what went wrong. */
export function AuthenticatorMetadataStatus({ org }: { org: string }) {
  const query = useQuery({
    queryKey: keys.authenticatorMetadata(org),
    queryFn: ({ signal }) => read(api.GET('/api/v1/orgs/{org}/authenticator-metadata', { params: { path: { org } }, signal })),
  });
  return (
    <Section title="Metadata" description="What the FIDO Metadata Service says of models. All organizations of this installation share it.">
      <Loaded part query={query} what="metadata">
        {(metadata) => (metadata.loaded ? <State metadata={metadata} /> : <Missing metadata={metadata} />)}
      </Loaded>
    </Section>
  );
}

function Missing({ metadata }: { metadata: AuthenticatorMetadata }) {
  if (metadata.configured) {
    return (
      <div className="grid gap-4">
        <Notice tone="info" role="note" title="Nothing is loaded yet">
          The servers look for it every quarter of an hour, <code className="font-mono text-12">clavex authenticator refresh</code> at once.
        </Notice>
        <LastLook metadata={metadata} />
      </div>
    );
  }
  return (
    <Empty title="No metadata is configured">
      Models have no names, and nothing can be demanded of them. Whoever runs Clavex sets <code className="font-mono text-12 break-all">CLAVEX_FIDO_METADATA_URL</code>, or{' '}
      <code className="font-mono text-12 break-all">CLAVEX_FIDO_METADATA_FILE</code> where nothing is fetched from outside.{' '}
      <a href={`${address.documents('accounts')}#which-authenticators-passkeys-may-be-on`} className="rounded-[4px] text-brand-11 underline">
        Read how
      </a>
    </Empty>
  );
}

function State({ metadata }: { metadata: AuthenticatorMetadata }) {
  return (
    <div className="grid gap-4">
      {!metadata.configured && (
        <Notice tone="warning" role="note" title="It is not refreshed any more">
          Neither <code className="font-mono text-12">fido_metadata_url</code> nor <code className="font-mono text-12">fido_metadata_file</code> is set. What is loaded stays in force.
        </Notice>
      )}
      {metadata.configured && metadata.stale && (
        <Notice tone="warning" role="note" title="A newer one is overdue">
          What is loaded stays in force. Models that were flagged since are not known.
        </Notice>
      )}
      <Facts>
        <Fact name="Number">{metadata.number}</Fact>
        <Fact name="Models">{new Intl.NumberFormat('en').format(metadata.models)}</Fact>
        <Fact name="Next update">
          <span className="flex flex-wrap items-center gap-2">
            {metadata.next_update === undefined ? 'not announced' : day(metadata.next_update)}
            {metadata.stale && <Badge tone="warning">Overdue</Badge>}
          </span>
        </Fact>
        <Fact name="Loaded">{metadata.loaded_at === undefined ? 'never' : <Time reachable instant={metadata.loaded_at} />}</Fact>
      </Facts>
      <LastLook metadata={metadata} />
    </div>
  );
}

function LastLook({ metadata }: { metadata: AuthenticatorMetadata }) {
  return (
    <>
      <Facts>
        <Fact name="Looked for">{metadata.checked_at === undefined ? 'never' : <Time reachable instant={metadata.checked_at} />}</Fact>
        {metadata.source !== undefined && (
          <Fact name="From">
            <span className="break-all font-mono text-12">{metadata.source}</span>
          </Fact>
        )}
      </Facts>
      {metadata.last_error !== undefined && (
        <Notice tone="danger" role="note" title="The last look failed">
          {metadata.last_error}
        </Notice>
      )}
    </>
  );
}
