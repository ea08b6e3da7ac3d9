'use client';

import { useState } from 'react';
import { Confirm } from '../danger';
import { messageOf } from '../states';
import { Button } from '../ui/button';
import { Notice } from '../ui/surface';

export interface BulkAction<T> {
  label: string;
  /** What happens to that many things, for the question before. */
  consequence: (count: number) => string;
  look?: 'danger' | 'primary';
  run: (item: T) => Promise<unknown>;
  /** After all, whether or not each succeeded. */
  done: () => void;
}

interface Failure {
  name: string;
  message: string;
}

/** Does one thing to everything chosen, one after the other, and tells which ones refused. */
export function BulkBar<T>({ actions, chosen, nameOf, clear }: { actions: BulkAction<T>[]; chosen: T[]; nameOf: (item: T) => string; clear: () => void }) {
  const [asking, setAsking] = useState<BulkAction<T>>();
  const [failures, setFailures] = useState<Failure[]>([]);
  const run = async (action: BulkAction<T>) => {
    const failed: Failure[] = [];
    for (const item of chosen) {
      try {
        await action.run(item);
      } catch (error) {
        failed.push({ name: nameOf(item), message: messageOf(error) });
      }
    }
    setFailures(failed);
    clear();
    action.done();
  };
  return (
    <>
      {chosen.length > 0 && (
        <div role="region" aria-label="Chosen" className="appear flex flex-wrap items-center gap-2 rounded-control border border-brand-6 bg-brand-3 py-1.5 pl-4 pr-1.5">
          <span className="mr-auto font-medium">{chosen.length} chosen</span>
          {actions.map((action) => (
            <Button key={action.label} size="small" onClick={() => setAsking(action)}>
              {action.label}
            </Button>
          ))}
          <Button look="quiet" size="small" onClick={clear}>
            Clear choice
          </Button>
        </div>
      )}
      {failures.length > 0 && (
        <Notice tone="danger" role="alert" title={`${failures.length} could not be changed`} action={<Button size="small" onClick={() => setFailures([])}>Dismiss</Button>}>
          <ul className="mt-1 list-disc pl-5">
            {failures.map((failure) => (
              <li key={failure.name}>
                {failure.name}: {failure.message}
              </li>
            ))}
          </ul>
        </Notice>
      )}
      {asking && (
        <Confirm
          open
          onOpenChange={(open) => !open && setAsking(undefined)}
          title={`${asking.label}: ${chosen.length} chosen`}
          consequence={asking.consequence(chosen.length)}
          button={asking.label}
          look={asking.look ?? 'primary'}
          onConfirm={() => run(asking)}
        />
      )}
    </>
  );
}
