import { cva, type VariantProps } from 'class-variance-authority';
import Link from 'next/link';
import type { ComponentProps } from 'react';
import { cn } from '@/lib/cn';

export const buttonStyle = cva(
  'relative inline-flex items-center justify-center gap-2 whitespace-nowrap rounded-control border font-medium transition-colors duration-[var(--motion-fast)] disabled:cursor-not-allowed disabled:opacity-55 pointer-coarse:min-h-11 [&_svg]:size-4 [&_svg]:shrink-0',
  {
    variants: {
      look: {
        primary: 'border-transparent bg-brand-9 text-brand-on hover:bg-brand-10',
        secondary: 'border-neutral-8 bg-field text-neutral-12 hover:bg-neutral-3',
        quiet: 'border-transparent bg-transparent text-neutral-11 hover:bg-neutral-4 hover:text-neutral-12',
        danger: 'border-transparent bg-danger-solid text-danger-on hover:brightness-95',
        'danger-outline': 'border-danger-border bg-card text-danger hover:bg-danger-surface',
      },
      size: {
        normal: 'h-9 px-3.5',
        small: 'h-8 px-2.5',
        icon: 'size-9 pointer-coarse:min-w-11',
        'small-icon': 'size-8 pointer-coarse:min-w-11',
      },
    },
    defaultVariants: { look: 'secondary', size: 'normal' },
  },
);

type Look = VariantProps<typeof buttonStyle>;

/** While pending the button keeps its width, says what happens and ignores clicks, but keeps the focus. */
export function Button({ look, size, className, pending, pendingText, children, onClick, type = 'button', ...rest }: ComponentProps<'button'> & Look & { pending?: boolean; pendingText?: string }) {
  return (
    <button
      type={type}
      className={cn(buttonStyle({ look, size }), pending && 'cursor-progress', className)}
      aria-disabled={pending || undefined}
      onClick={(event) => {
        if (pending) event.preventDefault();
        else onClick?.(event);
      }}
      {...rest}
    >
      <span className={cn('inline-flex items-center gap-2', pending && 'invisible')}>{children}</span>
      {pending && <span className="absolute inset-0 grid place-items-center px-2">{pendingText ?? 'Working…'}</span>}
    </button>
  );
}

export function ButtonLink({ look, size, className, ...rest }: ComponentProps<typeof Link> & Look) {
  return <Link className={cn(buttonStyle({ look, size }), className)} {...rest} />;
}
