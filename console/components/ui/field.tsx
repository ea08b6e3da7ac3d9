'use client';

import { ChevronDown } from 'lucide-react';
import { createContext, useContext, useId, type ComponentProps, type ReactNode } from 'react';
import { cn } from '@/lib/cn';

interface FieldIds {
  control: string;
  describedBy: string | undefined;
  invalid: boolean;
}

const FieldContext = createContext<FieldIds | undefined>(undefined);

interface FieldProps {
  label: string;
  /** One line that explains the field. */
  hint?: ReactNode;
  error?: string;
  optional?: boolean;
  className?: string;
  children: ReactNode;
}

/** A label, one control, its explanation and its error, tied together for assistive technology. */
export function Field({ label, hint, error, optional, className, children }: FieldProps) {
  const id = useId();
  const describedBy = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ') || undefined;
  return (
    <FieldContext value={{ control: id, describedBy, invalid: Boolean(error) }}>
      <div className={cn('grid content-start gap-1', className)}>
        <label htmlFor={id} className="font-medium">
          {label}
          {optional && <span className="ml-1.5 font-normal text-neutral-11">optional</span>}
        </label>
        {children}
        {error && (
          <p id={`${id}-error`} className="text-danger">
            {error}
          </p>
        )}
        {hint && (
          <p id={`${id}-hint`} className="text-12 text-neutral-11">
            {hint}
          </p>
        )}
      </div>
    </FieldContext>
  );
}

function useField() {
  const field = useContext(FieldContext);
  return field ? { id: field.control, 'aria-describedby': field.describedBy, 'aria-invalid': field.invalid || undefined } : {};
}

const control =
  'w-full rounded-control border border-neutral-8 bg-field px-3 text-neutral-12 aria-invalid:border-danger disabled:opacity-60';

export function Input({ className, ...rest }: ComponentProps<'input'>) {
  return <input {...useField()} className={cn(control, 'h-9 pointer-coarse:h-11', className)} {...rest} />;
}

export function Textarea({ className, ...rest }: ComponentProps<'textarea'>) {
  return <textarea {...useField()} className={cn(control, 'min-h-20 py-2', className)} {...rest} />;
}

/** The platform's own list: the best one on a phone and for a screen reader. */
export function Select({ className, ...rest }: ComponentProps<'select'>) {
  return (
    <span className={cn('relative block', className)}>
      <select {...useField()} className={cn(control, 'h-9 appearance-none truncate pr-9 pointer-coarse:h-11')} {...rest} />
      <ChevronDown aria-hidden className="pointer-events-none absolute right-3 top-1/2 size-4 -translate-y-1/2 text-neutral-11" />
    </span>
  );
}
