'use client';

import { useEffect, type ReactNode } from 'react';
import { FormProvider, type FieldValues, type Path, type UseFormReturn } from 'react-hook-form';
import { isProblem } from '@/lib/api';
import { ErrorNotice } from './states';
import { Button } from './ui/button';
import { Notice } from './ui/surface';

interface FormProps<T extends FieldValues> {
  form: UseFormReturn<T>;
  onSubmit: (values: T) => Promise<unknown>;
  submit: string;
  pendingText?: string;
  /** Beside the button, such as a way back. */
  aside?: ReactNode;
  children: ReactNode;
  disabled?: boolean;
  /** Reads the newest state after somebody else changed it. */
  reload?: () => void;
  /** Turns the field names of the API into those of the form. */
  fieldOf?: (apiField: string) => string;
}

/** A form whose problems come back to the fields that caused them; what has no field stands above the button. */
export function Form<T extends FieldValues>({ form, onSubmit, submit, pendingText, aside, children, disabled, reload, fieldOf = (field) => field }: FormProps<T>) {
  const { errors, isSubmitting, isDirty } = form.formState;
  useUnsavedWarning(isDirty && !isSubmitting);
  const send = form.handleSubmit(async (values) => {
    try {
      await onSubmit(values);
    } catch (problem) {
      let placed = 0;
      if (isProblem(problem)) {
        for (const { field, message } of problem.errors) {
          const name = fieldOf(field.replace(/\[\d+\]$/, ''));
          if (!knows(form, name)) continue;
          form.setError(name as Path<T>, { type: 'server', message }, { shouldFocus: placed === 0 });
          placed += 1;
        }
      }
      const allPlaced = isProblem(problem) && placed > 0 && placed === problem.errors.length;
      if (!allPlaced) form.setError('root', { type: 'server', message: '' });
      lastProblem.set(form.control, allPlaced ? undefined : problem);
    }
  });
  const problem = errors.root ? lastProblem.get(form.control) : undefined;
  const outdated = isProblem(problem) && problem.status === 412;
  return (
    <form noValidate onSubmit={send} className="grid content-start gap-5">
      <FormProvider {...form}>
        <fieldset disabled={disabled} className="grid min-w-0 gap-5">
          {children}
        </fieldset>
      </FormProvider>
      {problem !== undefined && !outdated && <ErrorNotice error={problem} />}
      {outdated && (
        <Notice tone="warning" role="alert" title="Somebody else changed this in the meantime" action={reload && <Button size="small" onClick={reload}>Show the newest</Button>}>
          Your changes were not saved. Look at the newest version and make them again.
        </Notice>
      )}
      {!disabled && (
        <div className="flex flex-wrap items-center gap-2">
          <Button type="submit" look="primary" pending={isSubmitting} pendingText={pendingText ?? 'Saving…'}>
            {submit}
          </Button>
          {aside}
        </div>
      )}
    </form>
  );
}

/** Fields of a form that can be read but not changed, while others can. */
export function Fixed({ when, children }: { when: boolean; children: ReactNode }) {
  return (
    <fieldset disabled={when} className="grid min-w-0 gap-5">
      {children}
    </fieldset>
  );
}

/** The problem itself, beside the form's own error state, which holds words only. */
const lastProblem = new WeakMap<object, unknown>();

function knows<T extends FieldValues>(form: UseFormReturn<T>, name: string): boolean {
  return name !== '' && form.getValues(name as Path<T>) !== undefined;
}

function useUnsavedWarning(dirty: boolean) {
  useEffect(() => {
    if (!dirty) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', warn);
    return () => window.removeEventListener('beforeunload', warn);
  }, [dirty]);
}
