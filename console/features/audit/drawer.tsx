'use client';

import { useQuery } from '@tanstack/react-query';
import { Copyable } from '@/components/copy';
import { Fact, Facts } from '@/components/page';
import { Loaded } from '@/components/states';
import { Time } from '@/components/time';
import { Button } from '@/components/ui/button';
import { Dialog } from '@/components/ui/dialog';
import { Badge } from '@/components/ui/surface';
import { api, read, type AuditEvent } from '@/lib/api';
import { actorName, differences, targetName, wordsOf } from '@/lib/audit-words';
import { useOrg } from '@/lib/address';
import { keys } from '@/lib/query';
import { exactTime } from '@/lib/time';

type Filter = { actor?: string; target?: string };

/** One event in full; its address can be shared. */
export function EventDrawer({ id, onClose, onFilter }: { id: string; onClose: () => void; onFilter: (filter: Filter) => void }) {
  const org = useOrg();
  const query = useQuery({
    queryKey: keys.auditEvent(org, id),
    queryFn: ({ signal }) => read(api.GET('/api/v1/orgs/{org}/audit-events/{event_id}', { params: { path: { org, event_id: id } }, signal })),
    enabled: id !== '',
  });
  return (
    <Dialog open={id !== ''} onOpenChange={(open) => !open && onClose()} placement="side" title={query.data ? wordsOf(query.data.action) : 'Audit event'}>
      <Loaded part query={query} what="event">
        {(event) => <EventFacts event={event} onFilter={onFilter} />}
      </Loaded>
    </Dialog>
  );
}

function EventFacts({ event, onFilter }: { event: AuditEvent; onFilter: (filter: Filter) => void }) {
  const { actor, target } = event;
  return (
    <div className="grid gap-6">
      <Facts>
        <Fact name="Outcome">{event.outcome === 'success' ? <Badge tone="success">Success</Badge> : <Badge tone="danger">Failed</Badge>}</Fact>
        <Fact name="When">
          {exactTime(event.occurred_at)} (<Time instant={event.occurred_at} />)
        </Fact>
        <Fact name="Who">
          <p>{actorName(actor)}</p>
          {actor.id && <Copyable value={actor.id} what="actor id" />}
        </Fact>
        {target && (
          <Fact name="To what">
            <p>
              {targetName(event)} <span className="text-neutral-11">({target.type})</span>
            </p>
            {target.id && <Copyable value={target.id} what="target id" />}
          </Fact>
        )}
        {event.client_address && (
          <Fact name="From where">
            <span className="font-mono text-12">{event.client_address}</span>
          </Fact>
        )}
        {event.user_agent && (
          <Fact name="With">
            <span className="break-words text-12">{event.user_agent}</span>
          </Fact>
        )}
        <Fact name="Action">
          <span className="font-mono text-12">{event.action}</span>
        </Fact>
        {event.request_id && (
          <Fact name="Request id">
            <Copyable value={event.request_id} what="request id" />
          </Fact>
        )}
      </Facts>
      <Changes event={event} />
      <div className="flex flex-wrap gap-2">
        {actor.id && <Button size="small" onClick={() => onFilter({ actor: actor.id })}>Everything by this actor</Button>}
        {target?.id && <Button size="small" onClick={() => onFilter({ target: target.id })}>Everything about this target</Button>}
      </div>
    </div>
  );
}

/** Before and after, field by field; removed and added are told by sign and word, not by colour alone. */
function Changes({ event }: { event: AuditEvent }) {
  const changed = differences(event.before, event.after);
  const details = differences(undefined, event.details);
  return (
    <>
      {changed.length > 0 && (
        <section aria-label="Changes">
          <h3 className="mb-2 font-semibold">Changes</h3>
          <ul className="overflow-hidden rounded-control border border-neutral-6">
            {changed.map(({ field, before, after }) => (
              <li key={field} className="border-t border-neutral-5 first:border-t-0">
                <p className="bg-neutral-3 px-3 py-1 font-mono text-12 text-neutral-11">{field}</p>
                {before !== undefined && <Line sign="−" word="Before" tone="bg-danger-surface" text={before} />}
                {after !== undefined && <Line sign="+" word="After" tone="bg-success-surface" text={after} />}
              </li>
            ))}
          </ul>
        </section>
      )}
      {details.length > 0 && (
        <section aria-label="Details">
          <h3 className="mb-2 font-semibold">Details</h3>
          <Facts>
            {details.map(({ field, after }) => (
              <Fact key={field} name={field}>
                <span className="whitespace-pre-wrap break-words font-mono text-12">{after}</span>
              </Fact>
            ))}
          </Facts>
        </section>
      )}
    </>
  );
}

function Line({ sign, word, tone, text }: { sign: string; word: string; tone: string; text: string }) {
  return (
    <p className={`flex gap-2 px-3 py-1 font-mono text-12 ${tone}`}>
      <span aria-hidden>{sign}</span>
      <span className="sr-only">{word}</span>
      <span className="min-w-0 whitespace-pre-wrap break-all">{text === '' ? '(empty)' : text}</span>
    </p>
  );
}
