'use client';

import { useSyncExternalStore } from 'react';
import { exactTime, relativeTime } from '@/lib/time';
import { Tooltip } from './ui/tooltip';

let minute = 0;
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void) {
  listeners.add(listener);
  timer ??= setInterval(() => {
    minute = Date.now();
    listeners.forEach((each) => each());
  }, 30_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** "3 minutes ago"; the exact instant in the viewer's zone on hover, and on focus where it is reachable: not in lists, where it would only be in the way. */
export function Time({ instant, reachable }: { instant: string; reachable?: boolean }) {
  useSyncExternalStore(subscribe, () => minute, () => 0);
  return (
    <Tooltip text={exactTime(instant)}>
      <time dateTime={instant} tabIndex={reachable ? 0 : undefined} className="whitespace-nowrap rounded-[3px]">
        {relativeTime(instant, new Date())}
      </time>
    </Tooltip>
  );
}
