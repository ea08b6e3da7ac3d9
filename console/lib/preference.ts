'use client';

import { useCallback, useState } from 'react';

/** A yes or no that a person chose, remembered in this browser. For components that render only after mount. */
export function usePreference(name: string, otherwise: boolean): [boolean, (value: boolean) => void] {
  const key = `clavex.${name}`;
  const [value, setValue] = useState(() => {
    try {
      const kept = localStorage.getItem(key);
      return kept === null ? otherwise : kept === 'yes';
    } catch {
      return otherwise;
    }
  });
  const change = useCallback(
    (next: boolean) => {
      setValue(next);
      try {
        localStorage.setItem(key, next ? 'yes' : 'no');
      } catch {
        // Storage may be forbidden; the choice then lasts as long as the page.
      }
    },
    [key],
  );
  return [value, change];
}
