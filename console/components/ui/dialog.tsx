'use client';

import { X } from 'lucide-react';
import { Dialog as RadixDialog } from 'radix-ui';
import type { ReactNode } from 'react';
import { cn } from '@/lib/cn';
import { Button } from './button';

interface DialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  description?: ReactNode;
  children?: ReactNode;
  /** side: a sheet at the right edge. */
  placement?: 'centre' | 'side' | 'left';
  className?: string;
  /** A secret must not vanish by a click beside the dialog. */
  keepOpen?: boolean;
}

const places = {
  centre: 'left-1/2 top-[12vh] max-h-[80vh] w-[min(100vw-2rem,30rem)] -translate-x-1/2 rounded-card border',
  side: 'inset-y-0 right-0 w-[min(100vw,34rem)] border-l slide-in',
  left: 'inset-y-0 left-0 w-[min(85vw,18rem)] border-r',
};

export function Dialog({ open, onOpenChange, title, description, children, placement = 'centre', className, keepOpen }: DialogProps) {
  const hold = (event: Event) => {
    if (keepOpen) event.preventDefault();
  };
  return (
    <RadixDialog.Root open={open} onOpenChange={onOpenChange}>
      <RadixDialog.Portal>
        <RadixDialog.Overlay className="fixed inset-0 z-40 bg-black/40" />
        <RadixDialog.Content
          className={cn('fixed z-50 flex flex-col overflow-y-auto border-neutral-6 bg-card p-5 shadow-float sm:p-6', places[placement], className)}
          onInteractOutside={hold}
          onEscapeKeyDown={hold}
          {...(description ? {} : { 'aria-describedby': undefined })}
        >
          <div className="mb-4 flex items-start justify-between gap-4">
            <div className="grid gap-1">
              <RadixDialog.Title className="text-18 font-semibold">{title}</RadixDialog.Title>
              {description && <RadixDialog.Description className="text-neutral-11">{description}</RadixDialog.Description>}
            </div>
            {!keepOpen && (
              <RadixDialog.Close asChild>
                <Button look="quiet" size="small-icon" aria-label="Close" className="-mr-2 -mt-1">
                  <X aria-hidden />
                </Button>
              </RadixDialog.Close>
            )}
          </div>
          {children}
        </RadixDialog.Content>
      </RadixDialog.Portal>
    </RadixDialog.Root>
  );
}

export function DialogActions({ children }: { children: ReactNode }) {
  return <div className="mt-6 flex flex-wrap justify-end gap-2">{children}</div>;
}
