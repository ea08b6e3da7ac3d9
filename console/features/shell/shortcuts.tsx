'use client';

import { useRouter } from 'next/navigation';
import { useEffect, useRef } from 'react';
import { CheckField } from '@/components/ui/choice';
import { Dialog } from '@/components/ui/dialog';
import { Key } from '@/components/ui/surface';
import { sections } from './sections';

interface ShortcutOptions {
  org: string;
  /** People who dictate or tremble can switch single keys off (WCAG 2.1.4). */
  singleKeys: boolean;
  openPalette: () => void;
  openHelp: () => void;
}

export function useShortcuts({ org, singleKeys, openPalette, openHelp }: ShortcutOptions) {
  const router = useRouter();
  const goPressed = useRef(0);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        openPalette();
        return;
      }
      const target = event.target as HTMLElement;
      if (!singleKeys || event.ctrlKey || event.metaKey || event.altKey || target.closest('input, textarea, select, [role=dialog], [role=menu], [contenteditable]')) return;
      if (event.key === '?') {
        event.preventDefault();
        openHelp();
      } else if (event.key === 'g') {
        goPressed.current = event.timeStamp;
      } else if (event.timeStamp - goPressed.current < 1500) {
        const section = sections.find((entry) => entry.key === event.key);
        goPressed.current = 0;
        if (section) router.push(section.href(org));
      } else if (event.key === 'n') {
        document.querySelector<HTMLElement>('[data-create]')?.click();
      }
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [org, singleKeys, openPalette, openHelp, router]);
}

const general: [string[], string][] = [
  [['Ctrl', 'K'], 'Search or go to anything (⌘ K on a Mac)'],
  [['/'], 'Search the list'],
  [['n'], 'Create something new'],
  [['↑', '↓'], 'Walk through the rows of a list'],
  [['?'], 'Show these shortcuts'],
];

export function ShortcutsDialog({ open, onOpenChange, singleKeys, onSingleKeys }: { open: boolean; onOpenChange: (open: boolean) => void; singleKeys: boolean; onSingleKeys: (on: boolean) => void }) {
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title="Keyboard shortcuts">
      <dl className="grid grid-cols-[7rem_1fr] items-center gap-x-4 gap-y-2">
        {[...general, ...sections.map((entry): [string[], string] => [['g', entry.key], `Go to ${entry.label.toLowerCase()}`])].map(([pressed, does]) => (
          <div key={does} className="contents">
            <dt className="flex gap-1">
              {pressed.map((key) => (
                <Key key={key}>{key}</Key>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <div className="mt-5 border-t border-neutral-6 pt-4">
        <CheckField label="Shortcuts of a single key" hint="Switch them off if you dictate or press keys by accident." checked={singleKeys} onChange={onSingleKeys} />
      </div>
    </Dialog>
  );
}
