import { Controller, useWatch, type UseFormReturn } from 'react-hook-form';
import { CheckField } from '@/components/ui/choice';
import { Field, Input, Select } from '@/components/ui/field';
import { certificateNameKinds } from './metadata-values';
import type { ClientValues } from './values';

const kindWords: Record<(typeof certificateNameKinds)[number], { label: string; example: string }> = {
  tls_client_auth_subject_dn: { label: 'Subject', example: 'CN=payroll,O=Acme,C=IT' },
  tls_client_auth_san_dns: { label: 'Host name', example: 'payroll.acme.example' },
  tls_client_auth_san_uri: { label: 'URI', example: 'https://payroll.acme.example/' },
  tls_client_auth_san_ip: { label: 'IP address', example: '192.0.2.7' },
  tls_client_auth_san_email: { label: 'E-mail address', example: 'payroll@acme.example' },
};

/** By which certificate the application is known, and what its access tokens are bound to. */
export function SenderFields({ form, disabled }: { form: UseFormReturn<ClientValues>; disabled?: boolean }) {
  const { errors } = form.formState;
  const [method, kind] = useWatch({ control: form.control, name: ['token_endpoint_auth_method', 'certificate_name_kind'] });
  return (
    <>
      {method === 'tls_client_auth' && (
        <div role="group" aria-label="Certificate of the application" className="grid gap-5 sm:grid-cols-2">
          <Field label="Its certificate is known by" hint="Authorities stand in the organization’s policies, or in the server’s configuration.">
            <Select {...form.register('certificate_name_kind')}>
              {certificateNameKinds.map((value) => (
                <option key={value} value={value}>
                  {kindWords[value].label}
                </option>
              ))}
            </Select>
          </Field>
          <Field label="Name in the certificate" hint={`For example ${kindWords[kind].example}`} error={errors.certificate_name?.message}>
            <Input {...form.register('certificate_name')} spellCheck={false} autoComplete="off" autoCapitalize="off" className="font-mono" />
          </Field>
        </div>
      )}
      <div role="group" aria-label="Whom access tokens are bound to" className="grid gap-3">
        <Controller
          control={form.control}
          name="dpop_bound_access_tokens"
          render={({ field }) => (
            <CheckField label="Access tokens are bound to a key (DPoP)" hint="Whoever steals one cannot use it without the application’s key. Requests without a proof are refused." checked={field.value} disabled={disabled} onChange={field.onChange} />
          )}
        />
        <Controller
          control={form.control}
          name="tls_client_certificate_bound_access_tokens"
          render={({ field }) => (
            <CheckField label="Access tokens are bound to the TLS certificate" hint="They work only on connections with the certificate of the application." checked={field.value} disabled={disabled} onChange={field.onChange} />
          )}
        />
      </div>
    </>
  );
}
