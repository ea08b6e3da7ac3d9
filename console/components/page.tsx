'use client';

import type { ReactNode } from 'react';
import { usePublishTitle } from '@/lib/title';

interface PageProps {
  title: string;
  description?: ReactNode;
  /** The one primary action. */
  action?: ReactNode;
  badge?: ReactNode;
  children: ReactNode;
  width?: 'wide' | 'form';
}

/** Title, one primary action, content. */
export function Page({ title, description, action, badge, children, width = 'wide' }: PageProps) {
  usePublishTitle(title);
  return (
    <div className={width === 'form' ? 'max-w-2xl' : undefined}>
      <div className="mb-6 flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
        <div className="min-w-0">
          <h1 className="flex flex-wrap items-center gap-x-3 gap-y-1 break-words text-22 font-semibold leading-tight">
            {title}
            {badge}
          </h1>
          {description && <div className="mt-1 max-w-[70ch] text-neutral-11">{description}</div>}
        </div>
        {action}
      </div>
      <div className="grid gap-6 [&>*]:min-w-0">{children}</div>
    </div>
  );
}

/** Facts as pairs, beside each other where there is room. */
export function Facts({ children }: { children: ReactNode }) {
  return (
    <div className="@container">
      <dl className="grid gap-x-6 gap-y-1 @sm:grid-cols-[8rem_1fr] @sm:gap-y-3 [&>dd]:min-w-0 @max-sm:[&>dd]:mb-2 [&>dt]:text-neutral-11">{children}</dl>
    </div>
  );
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}
