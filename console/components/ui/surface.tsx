import { CircleAlert, CircleCheck, Info, TriangleAlert } from 'lucide-react';
import type { ComponentProps, ReactNode } from 'react';
import { cn } from '@/lib/cn';

export function Card({ className, ...rest }: ComponentProps<'section'>) {
  return <section className={cn('rounded-card border border-neutral-6 bg-card', className)} {...rest} />;
}

/** A titled part of a page. */
export function Section({ title, description, action, children, className, danger }: { title: string; description?: ReactNode; action?: ReactNode; children: ReactNode; className?: string; danger?: boolean }) {
  return (
    <Card className={cn('p-5 sm:p-6', danger && 'border-danger-border', className)} aria-label={title}>
      <div className="flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
        <div className="min-w-0">
          <h2 className="text-16 font-semibold">{title}</h2>
          {description && <p className="mt-1 max-w-[65ch] text-neutral-11">{description}</p>}
        </div>
        {action}
      </div>
      <div className="mt-5">{children}</div>
    </Card>
  );
}

const tones = {
  neutral: 'border-neutral-6 bg-neutral-3 text-neutral-11',
  brand: 'border-brand-6 bg-brand-3 text-brand-11',
  success: 'border-success-border bg-success-surface text-success',
  warning: 'border-warning-border bg-warning-surface text-warning',
  danger: 'border-danger-border bg-danger-surface text-danger',
  info: 'border-info-border bg-info-surface text-info',
} as const;

export type Tone = keyof typeof tones;

export function Badge({ tone = 'neutral', className, ...rest }: ComponentProps<'span'> & { tone?: Tone }) {
  return <span className={cn('inline-flex items-center whitespace-nowrap rounded-full border px-2 text-12 font-medium leading-5', tones[tone], className)} {...rest} />;
}

const icons = { success: CircleCheck, warning: TriangleAlert, danger: CircleAlert, info: Info };

export function Notice({ tone, title, children, action, role = 'status' }: { tone: 'success' | 'warning' | 'danger' | 'info'; title?: string; children?: ReactNode; action?: ReactNode; role?: 'status' | 'alert' | 'note' }) {
  const Icon = icons[tone];
  return (
    <div role={role} className={cn('flex flex-wrap items-start gap-3 rounded-control border p-3.5', tones[tone])}>
      <Icon aria-hidden className="mt-0.5 size-4 shrink-0" />
      <div className="min-w-0 flex-1 break-words text-neutral-12">
        {title && <p className="font-medium">{title}</p>}
        {children}
      </div>
      {action}
    </div>
  );
}

export function Skeleton({ className }: { className?: string }) {
  return <div aria-hidden className={cn('animate-pulse rounded-control bg-neutral-4 motion-reduce:animate-none', className)} />;
}

export function Key({ children }: { children: ReactNode }) {
  return <kbd className="rounded-[5px] border border-neutral-6 bg-neutral-2 px-1.5 font-mono text-12 text-neutral-11">{children}</kbd>;
}
