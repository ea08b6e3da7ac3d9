'use client';

import { Monitor, Moon, Sun } from 'lucide-react';
import { setTheme, useTheme, type Theme } from '@/lib/theme';
import { Button } from './ui/button';

const steps: Record<Theme, { next: Theme; label: string; icon: typeof Sun }> = {
  system: { next: 'light', label: 'as the system', icon: Monitor },
  light: { next: 'dark', label: 'light', icon: Sun },
  dark: { next: 'system', label: 'dark', icon: Moon },
};

/** One button that goes through the appearances, where a menu would weigh more than the page. */
export function ThemeToggle() {
  const { next, label, icon: Icon } = steps[useTheme()];
  return (
    <Button look="quiet" size="icon" aria-label={`Appearance: ${label}. Change to ${steps[next].label}`} title={`Appearance: ${label}`} onClick={() => setTheme(next)}>
      <Icon aria-hidden />
    </Button>
  );
}
