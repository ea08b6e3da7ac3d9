'use client';

import Link from 'next/link';
import { usePathname, useSearchParams } from 'next/navigation';
import { useEffect, useRef } from 'react';
import { changeQuery } from '@/lib/address';
import { cn } from '@/lib/cn';

export interface Tab {
  id: string;
  label: string;
}

/** The tab in the address, else the first. */
export function useTab(tabs: Tab[]): string {
  const wanted = useSearchParams().get('tab');
  return tabs.find((tab) => tab.id === wanted)?.id ?? tabs[0]?.id ?? '';
}

/** Tabs are links, so that each has an address that can be shared. */
export function Tabs({ tabs, label }: { tabs: Tab[]; label: string }) {
  const pathname = usePathname();
  const active = useTab(tabs);
  const shown = useRef<HTMLElement>(null);
  // On a narrow screen the list is longer than what is seen of it.
  useEffect(() => {
    const list = shown.current;
    const tab = list?.querySelector<HTMLElement>('[aria-current=page]');
    if (list && tab) list.scrollLeft = tab.offsetLeft - (list.clientWidth - tab.offsetWidth) / 2;
  }, [active]);
  return (
    <nav ref={shown} aria-label={label} className="relative -mb-px flex gap-1 overflow-x-auto border-b border-neutral-6">
      {tabs.map((tab, index) => (
        <Link
          key={tab.id}
          href={index === 0 ? pathname : `${pathname}?tab=${tab.id}`}
          prefetch={false}
          onClick={(event) => {
            if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
            event.preventDefault();
            changeQuery(event.currentTarget.href, 'push');
          }}
          aria-current={tab.id === active ? 'page' : undefined}
          className={cn(
            'inline-flex min-h-10 items-center whitespace-nowrap rounded-t-control border-b-2 px-3 font-medium -outline-offset-2 pointer-coarse:min-h-11',
            tab.id === active ? 'border-brand-9 text-neutral-12' : 'border-transparent text-neutral-11 hover:text-neutral-12',
          )}
        >
          {tab.label}
        </Link>
      ))}
    </nav>
  );
}
