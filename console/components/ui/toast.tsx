'use client';

import { CircleCheck, X } from 'lucide-react';
import { Toast as RadixToast } from 'radix-ui';
import { createContext, useCallback, useContext, useState, type ReactNode } from 'react';
import { Button } from './button';

const ToastContext = createContext<(text: string) => void>(() => {});

/** Says that something was done. Errors never come this way: they stay where they happened. */
export function useToast() {
  return useContext(ToastContext);
}

export function ToastProvider({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<{ id: number; text: string }[]>([]);
  const show = useCallback((text: string) => setToasts((shown) => [...shown.slice(-2), { id: (shown.at(-1)?.id ?? 0) + 1, text }]), []);
  return (
    <ToastContext value={show}>
      <RadixToast.Provider duration={5000} label="Messages" swipeDirection="right">
        {children}
        {toasts.map((toast) => (
          <RadixToast.Root
            key={toast.id}
            onOpenChange={(open) => !open && setToasts((shown) => shown.filter((other) => other.id !== toast.id))}
            className="slide-in flex items-center gap-3 rounded-control border border-neutral-6 bg-card py-2 pl-3.5 pr-2 shadow-float"
          >
            <CircleCheck aria-hidden className="size-4 shrink-0 text-success" />
            <RadixToast.Description className="flex-1">{toast.text}</RadixToast.Description>
            <RadixToast.Close asChild>
              <Button look="quiet" size="small-icon" aria-label="Dismiss">
                <X aria-hidden />
              </Button>
            </RadixToast.Close>
          </RadixToast.Root>
        ))}
        <RadixToast.Viewport className="fixed bottom-4 right-4 z-60 grid w-[min(100vw-2rem,24rem)] gap-2 outline-none" />
      </RadixToast.Provider>
    </ToastContext>
  );
}
