'use client';

import { useEffect, useSyncExternalStore } from 'react';

let title = '';
const listeners = new Set<() => void>();

/** Publishes the page's title to the window and to the breadcrumb. */
export function usePublishTitle(next: string) {
  useEffect(() => {
    title = next;
    document.title = `${next} · Clavex`;
    listeners.forEach((listener) => listener());
  }, [next]);
}

export function useTitle(): string {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => title,
    () => '',
  );
}
