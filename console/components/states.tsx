'use client';

import { RotateCw } from 'lucide-react';
import type { ReactNode } from 'react';
import { isProblem } from '@/lib/api';
import { Page } from './page';
import { Button } from './ui/button';
import { Notice, Skeleton } from './ui/surface';

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'Something went wrong.';
}

/** What happened, what to do, and the request id for support. */
export function ErrorNotice({ error, title, retry }: { error: unknown; title?: string; retry?: () => void }) {
  if (isProblem(error) && error.status === 401) return null;
  const id = isProblem(error) ? error.requestId : '';
  const fields = isProblem(error) ? error.errors.filter((each) => each.message !== error.message) : [];
  const wait = isProblem(error) ? error.retryAfter : undefined;
  return (
    <Notice
      tone="danger"
      role="alert"
      title={title}
      action={
        retry && (
          <Button size="small" onClick={retry}>
            <RotateCw aria-hidden />
            Try again
          </Button>
        )
      }
    >
      <p>
        {messageOf(error)}
        {wait !== undefined && ` Wait ${wait} second${wait === 1 ? '' : 's'}.`}
      </p>
      {fields.length > 0 && (
        <ul className="mt-1 list-disc pl-5">
          {fields.map((each) => (
            <li key={each.field + each.code}>
              <code className="font-mono text-12">{each.field}</code>: {each.message}
            </li>
          ))}
        </ul>
      )}
      {id && (
        <p className="mt-1 text-12 text-neutral-11">
          Request id <code className="break-all font-mono">{id}</code>
        </p>
      )}
    </Notice>
  );
}

export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="grid place-items-center gap-2 px-6 py-14 text-center">
      <p className="text-16 font-semibold">{title}</p>
      {children && <div className="max-w-[48ch] text-neutral-11">{children}</div>}
      {action && <div className="mt-2">{action}</div>}
    </div>
  );
}

export function PageSkeleton() {
  return (
    <div role="status" aria-label="Loading" className="grid gap-4">
      <Skeleton className="h-8 w-56" />
      <Skeleton className="h-40" />
      <Skeleton className="h-40" />
    </div>
  );
}

interface QueryLike<T> {
  data: T | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
}

interface LoadedProps<T> {
  query: QueryLike<T>;
  what: string;
  /** Set where it is not the page itself that is loaded. */
  part?: boolean;
  children: (data: T) => ReactNode;
}

/** Loading, error and success of one thing; 404 has words of its own. */
export function Loaded<T>({ query, what, part, children }: LoadedProps<T>) {
  if (query.data !== undefined) return children(query.data);
  if (query.isPending) return <PageSkeleton />;
  if (isProblem(query.error) && query.error.status === 404) {
    return part ? (
      <Empty title={`There is no such ${what}`} />
    ) : (
      <Page title={`There is no such ${what}`}>
        <p className="text-neutral-11">It may have been deleted, or it belongs to an organization that you do not manage.</p>
      </Page>
    );
  }
  return <ErrorNotice title={`This ${what} could not be read`} error={query.error} retry={() => void query.refetch()} />;
}
