'use client';

import type { VisibilityState } from '@tanstack/react-table';
import { useState } from 'react';

/** Which columns a person wants to see, remembered in this browser. */
export function useRememberedColumns(list: string): [VisibilityState, (visibility: VisibilityState) => void] {
  const key = `clavex.columns.${list}`;
  const [visibility, setVisibility] = useState<VisibilityState>(() => {
    try {
      return JSON.parse(localStorage.getItem(key) ?? '{}') as VisibilityState;
    } catch {
      return {};
    }
  });
  return [
    visibility,
    (next) => {
      setVisibility(next);
      try {
        localStorage.setItem(key, JSON.stringify(next));
      } catch {
        // Storage may be forbidden; the choice then lasts as long as the page.
      }
    },
  ];
}
