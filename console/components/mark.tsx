import { cn } from '@/lib/cn';

/** The product's sign: a keyhole in a shield of the brand's colour. */
export function Mark({ className, compact }: { className?: string; compact?: boolean }) {
  return (
    <span className={cn('flex items-center gap-2.5', className)}>
      <svg viewBox="0 0 32 32" aria-hidden="true" className="h-full max-h-8 w-auto shrink-0">
        <rect width="32" height="32" rx="9" className="fill-brand-9" />
        <circle cx="16" cy="13" r="4.6" className="fill-brand-on" />
        <path d="M13.9 15.6h4.2l1.5 8.1a.8.8 0 0 1-.8 1h-5.6a.8.8 0 0 1-.8-1z" className="fill-brand-on" />
      </svg>
      {!compact && <span className="text-18 font-semibold tracking-tight">Clavex</span>}
      {compact && <span className="sr-only">Clavex</span>}
    </span>
  );
}
