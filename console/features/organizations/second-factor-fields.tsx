import { Controller, type UseFormReturn } from 'react-hook-form';
import { OptionCards } from '@/components/ui/choice';
import { Field, Input, Select } from '@/components/ui/field';
import { emailCodes, roleChoices, roleRules, secondFactors } from './second-factor-values';
import type { SignUpValues } from './sign-up-values';

/** Who proves a second factor. */
export function SecondFactorFields({ form, editable, system }: { form: UseFormReturn<SignUpValues>; editable: boolean; system: boolean }) {
  return (
    <>
      <Controller
        control={form.control}
        name="second_factor"
        render={({ field }) => <OptionCards label="Second factor" options={secondFactors} value={field.value} onChange={field.onChange} disabled={!editable} />}
      />
      <div className="grid gap-5 sm:grid-cols-2">
        {roleRules
          .filter(({ role }) => role !== 'platform-administrator' || system)
          .map(({ name, label }) => (
            <Field key={name} label={label} hint="Of all rules the strictest holds, those of applications included." error={form.formState.errors[name]?.message}>
              <Select {...form.register(name)} disabled={!editable}>
                {roleChoices.map(({ value, label: words }) => (
                  <option key={value} value={value}>
                    {words}
                  </option>
                ))}
              </Select>
            </Field>
          ))}
      </div>
      {!system && (
        <Controller
          control={form.control}
          name="second_factor_email_codes"
          render={({ field }) => <OptionCards label="What is a second factor" options={emailCodes} value={field.value} onChange={field.onChange} disabled={!editable} />}
        />
      )}
      <Field
        label="Days for which a device is remembered"
        hint="0 to 90. People may say that they are not asked again there; 0: they may not. What roles, applications and sensitive pages demand is asked in any case."
        error={form.formState.errors.remembered_device_days?.message}
      >
        <Input {...form.register('remembered_device_days')} inputMode="numeric" autoComplete="off" className="max-w-24" disabled={!editable} />
      </Field>
    </>
  );
}
