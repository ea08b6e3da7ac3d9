import type { ReactNode } from 'react';

/** A short list of things that have no page of their own. */
export function Entries({ label, children }: { label: string; children: ReactNode }) {
  return (
    <ul aria-label={label} className="divide-y divide-neutral-5">
      {children}
    </ul>
  );
}

interface EntryProps {
  title: string;
  badge?: ReactNode;
  children?: ReactNode;
  /** What can be done with it. */
  actions?: ReactNode;
}

export function Entry({ title, badge, children, actions }: EntryProps) {
  return (
    <li className="flex flex-wrap items-start justify-between gap-x-6 gap-y-2 py-4 first:pt-0 last:pb-0">
      <div className="grid min-w-0 flex-1 basis-56 gap-1">
        <h3 className="flex min-w-0 flex-wrap items-center gap-2">
          <span className="min-w-0 break-all font-mono font-medium">{title}</span>
          {badge}
        </h3>
        {children}
      </div>
      {actions && <div className="flex flex-wrap gap-2">{actions}</div>}
    </li>
  );
}
