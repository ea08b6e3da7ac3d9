'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { ImageUp, Trash2 } from 'lucide-react';
import { useRef, useState } from 'react';
import { useForm, useWatch } from 'react-hook-form';
import { Form } from '@/components/form';
import { Button } from '@/components/ui/button';
import { Field, Input } from '@/components/ui/field';
import { Section } from '@/components/ui/surface';
import type { BrandingPatch, Organization, Versioned } from '@/lib/api';
import { z } from '@/lib/schema';
import { useOrganizationUpdate } from '@/components/use-organization-update';

const schema = z.object({
  brand_color: z.union([z.literal(''), z.string().regex(/^#[0-9a-f]{6}$/i, 'Write the colour as # and six hexadecimal digits, such as #0b6174.')]),
  logo: z.string(),
});

const maxLogoBytes = 96 * 1024;

export function BrandingForm({ organization }: { organization: Versioned<Organization> }) {
  const { branding, name } = organization.value;
  const { editable, save, reload } = useOrganizationUpdate(organization);
  const before = { brand_color: branding.brand_color ?? '', logo: branding.logo ?? '' };
  const form = useForm({ resolver: zodResolver(schema), defaultValues: before });
  const colour = useWatch({ control: form.control, name: 'brand_color' });
  const logo = useWatch({ control: form.control, name: 'logo' });
  const errors = form.formState.errors;
  return (
    <Section title="Branding" description="How the sign-in pages look. From the one colour all shades are computed, with enough contrast in light and in dark.">
      <div className="grid gap-8 lg:grid-cols-2">
        <Form
          form={form}
          submit="Save branding"
          disabled={!editable}
          reload={reload}
          fieldOf={(field) => field.replace(/^branding\./, '')}
          onSubmit={async (values) => {
            const patch: BrandingPatch = {};
            if (values.brand_color !== before.brand_color) patch.brand_color = values.brand_color.toLowerCase() || null;
            if (values.logo !== before.logo) patch.logo = values.logo || null;
            if (Object.keys(patch).length > 0) await save({ branding: patch });
          }}
        >
          <div className="flex items-start gap-3">
            <Field label="Brand colour" className="flex-1" hint="Empty: the colour of Clavex." error={errors.brand_color?.message}>
              <Input {...form.register('brand_color')} placeholder="#0b6174" autoComplete="off" spellCheck={false} className="font-mono" />
            </Field>
            <input
              type="color"
              aria-label="Choose the brand colour"
              className="mt-6.5 h-9 w-14 cursor-pointer rounded-control border border-neutral-8 bg-field p-1"
              value={/^#[0-9a-f]{6}$/i.test(colour) ? colour : '#0b6174'}
              onChange={(event) => form.setValue('brand_color', event.target.value, { shouldDirty: true, shouldValidate: true })}
            />
          </div>
          <LogoField
            value={logo}
            serverError={errors.logo?.message}
            onChange={(value) => form.setValue('logo', value, { shouldDirty: true })}
          />
        </Form>
        <Preview name={name} colour={colour} logo={logo} />
      </div>
    </Section>
  );
}

function LogoField({ value, serverError, onChange }: { value: string; serverError?: string; onChange: (value: string) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [error, setError] = useState('');
  const choose = async (file: File | undefined) => {
    if (!file) return;
    if (!['image/png', 'image/jpeg', 'image/webp'].includes(file.type)) return setError('Choose a PNG, JPEG or WebP image.');
    if (file.size > maxLogoBytes) return setError('Choose an image of at most 96 KiB.');
    setError('');
    onChange(await dataUrl(file));
  };
  return (
    <div className="grid gap-1">
      <p id="logo-label" className="font-medium">
        Logo
      </p>
      <div className="flex flex-wrap items-center gap-2" role="group" aria-labelledby="logo-label" aria-describedby="logo-hint">
        <input ref={input} type="file" accept="image/png,image/jpeg,image/webp" className="sr-only" tabIndex={-1} aria-label="Logo file" onChange={(event) => void choose(event.target.files?.[0])} />
        <Button onClick={() => input.current?.click()}>
          <ImageUp aria-hidden />
          {value ? 'Choose another' : 'Choose a file'}
        </Button>
        {value && (
          <Button look="quiet" onClick={() => onChange('')}>
            <Trash2 aria-hidden />
            Remove
          </Button>
        )}
      </div>
      {(error || serverError) && (
        <p role="alert" className="text-danger">
          {error || serverError}
        </p>
      )}
      <p id="logo-hint" className="text-12 text-neutral-11">
        PNG, JPEG or WebP, at most 96 KiB. Shown 40 pixels high.
      </p>
    </div>
  );
}

function dataUrl(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error ?? new Error('unreadable file'));
    reader.readAsDataURL(file);
  });
}

/** Roughly the sign-in page; the exact shades are computed when the colour is saved. */
function Preview({ name, colour, logo }: { name: string; colour: string; logo: string }) {
  const valid = /^#[0-9a-f]{6}$/i.test(colour);
  return (
    <figure className="grid gap-2">
      <div aria-hidden className="grid place-items-center rounded-card border border-neutral-6 bg-neutral-3 p-6">
        <div className="grid w-full max-w-64 gap-3 rounded-card border border-neutral-6 bg-card p-5">
          {logo ? (
            // eslint-disable-next-line @next/next/no-img-element -- a data URL needs no optimization
            <img src={logo} alt="" className="h-8 w-fit max-w-full object-contain" />
          ) : (
            <span className="size-8 rounded-[8px] bg-brand-9" style={valid ? { backgroundColor: colour } : undefined} />
          )}
          <p className="truncate text-16 font-semibold">Sign in to {name}</p>
          <span className="h-7 rounded-control border border-neutral-8" />
          <span className="h-7 rounded-control border border-neutral-8" />
          <span className="h-8 rounded-control bg-brand-9" style={valid ? { backgroundColor: colour } : undefined} />
        </div>
      </div>
      <figcaption className="text-12 text-neutral-11">A sketch of the sign-in page. Shades are moved until text on them can be read.</figcaption>
    </figure>
  );
}
