'use client';

import { ChevronRight } from 'lucide-react';
import { Collapsible } from 'radix-ui';
import { useState, type ReactNode } from 'react';

interface FoldedProps {
  title: string;
  hint?: string;
  /** A field inside has a fault: stays open until it is mended. */
  faulty?: boolean;
  children: ReactNode;
}

/** What most people never need, one press away. */
export function Folded({ title, hint, faulty = false, children }: FoldedProps) {
  const [open, setOpen] = useState(false);
  return (
    <Collapsible.Root open={open || faulty} onOpenChange={setOpen} className="min-w-0 border-t border-neutral-6 pt-3">
      {/* No button: a form that may only be read disables its buttons, and what is folded must still be readable. */}
      <Collapsible.Trigger asChild>
        <div
          role="button"
          tabIndex={0}
          className="group flex min-h-9 w-full cursor-pointer items-center gap-2 rounded-control text-left pointer-coarse:min-h-11"
          onKeyDown={(event) => {
            if (event.key !== 'Enter' && event.key !== ' ') return;
            event.preventDefault();
            setOpen(!open);
          }}
        >
          <ChevronRight aria-hidden className="size-4 shrink-0 text-neutral-11 transition-transform duration-[var(--motion-fast)] group-data-[state=open]:rotate-90" />
          <span className="shrink-0 font-medium">{title}</span>
          {hint && <span className="min-w-0 truncate text-neutral-11 max-sm:hidden">{hint}</span>}
        </div>
      </Collapsible.Trigger>
      <Collapsible.Content className="appear grid gap-5 pb-1 pt-4">{children}</Collapsible.Content>
    </Collapsible.Root>
  );
}
