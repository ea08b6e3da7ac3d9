'use client';

import { Check, Minus } from 'lucide-react';
import { Checkbox as RadixCheckbox, RadioGroup as RadixRadioGroup } from 'radix-ui';
import { useId, type ComponentProps, type ReactNode } from 'react';
import { cn } from '@/lib/cn';

export function Checkbox({ className, ...rest }: ComponentProps<typeof RadixCheckbox.Root>) {
  return (
    <RadixCheckbox.Root
      className={cn(
        'grid size-4.5 shrink-0 place-items-center rounded-[5px] border border-neutral-8 bg-field text-brand-on data-[state=checked]:border-brand-9 data-[state=checked]:bg-brand-9 data-[state=indeterminate]:border-brand-9 data-[state=indeterminate]:bg-brand-9 disabled:opacity-55',
        className,
      )}
      {...rest}
    >
      <RadixCheckbox.Indicator>{rest.checked === 'indeterminate' ? <Minus className="size-3.5" /> : <Check className="size-3.5" />}</RadixCheckbox.Indicator>
    </RadixCheckbox.Root>
  );
}

interface CheckFieldProps {
  label: string;
  hint?: ReactNode;
  checked: boolean;
  disabled?: boolean;
  onChange: (checked: boolean) => void;
}

export function CheckField({ label, hint, checked, disabled, onChange }: CheckFieldProps) {
  const id = useId();
  return (
    <div className="flex items-start gap-2.5 pointer-coarse:min-h-11">
      <Checkbox id={id} className="mt-0.5" checked={checked} disabled={disabled} onCheckedChange={(state) => onChange(state === true)} aria-describedby={hint ? `${id}-hint` : undefined} />
      <div className="min-w-0 break-words">
        <label htmlFor={id} className="font-medium">
          {label}
        </label>
        {hint && (
          <p id={`${id}-hint`} className="text-12 text-neutral-11">
            {hint}
          </p>
        )}
      </div>
    </div>
  );
}

export interface Option {
  value: string;
  label: string;
  hint: string;
}

/** A few alternatives, each with its explanation, as cards that can be pressed anywhere. */
export function OptionCards({ label, options, value, onChange, disabled, columns = 1 }: { label: string; options: Option[]; value: string; onChange: (value: string) => void; disabled?: boolean; columns?: 1 | 2 }) {
  const id = useId();
  return (
    <div className="grid gap-1.5">
      <p id={id} className="font-medium">
        {label}
      </p>
      <RadixRadioGroup.Root aria-labelledby={id} value={value} onValueChange={onChange} disabled={disabled} className={cn('grid gap-2', columns === 2 && 'sm:grid-cols-2')}>
        {options.map((option) => (
          <label
            key={option.value}
            htmlFor={`${id}-${option.value}`}
            className="flex items-start gap-3 rounded-control border border-neutral-6 bg-card p-3 has-[[data-state=checked]]:border-brand-8 has-[[data-state=checked]]:bg-brand-3"
          >
            <RadixRadioGroup.Item
              id={`${id}-${option.value}`}
              value={option.value}
              aria-describedby={`${id}-${option.value}-hint`}
              className="mt-0.5 grid size-4.5 shrink-0 place-items-center rounded-full border border-neutral-8 bg-field data-[state=checked]:border-brand-9"
            >
              <RadixRadioGroup.Indicator className="size-2.5 rounded-full bg-brand-9" />
            </RadixRadioGroup.Item>
            <span>
              <span className="block font-medium">{option.label}</span>
              <span id={`${id}-${option.value}-hint`} className="block text-12 text-neutral-11">
                {option.hint}
              </span>
            </span>
          </label>
        ))}
      </RadixRadioGroup.Root>
    </div>
  );
}

interface ChoicesProps<T extends string> {
  label: string;
  options: { value: T; label: string; hint?: ReactNode }[];
  value: T[];
  onChange: (value: T[]) => void;
  disabled?: boolean;
  error?: string;
  /** Two beside each other where there is room. */
  columns?: boolean;
}

/** Several of a few; what is wrong with the choice is said below it, and to whoever enters the group. */
export function Choices<T extends string>({ label, options, value, onChange, disabled, error, columns }: ChoicesProps<T>) {
  const id = useId();
  return (
    <div role="group" aria-label={label} aria-describedby={error ? id : undefined} className="grid gap-2.5">
      <p className="font-medium">{label}</p>
      <div className={cn('grid gap-2.5 [&>*]:min-w-0', columns && 'sm:grid-cols-2')}>
        {options.map((option) => (
          <CheckField
            key={option.value}
            label={option.label}
            hint={option.hint}
            disabled={disabled}
            checked={value.includes(option.value)}
            onChange={(on) => onChange(on ? [...value, option.value] : value.filter((other) => other !== option.value))}
          />
        ))}
      </div>
      {error && (
        <p id={id} role="alert" className="text-danger">
          {error}
        </p>
      )}
    </div>
  );
}
