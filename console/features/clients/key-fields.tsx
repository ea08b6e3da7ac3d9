'use client';

import { useWatch, type UseFormReturn } from 'react-hook-form';
import { Field, Input, Select, Textarea } from '@/components/ui/field';
import { signingAlgorithms } from './metadata-values';
import type { ClientValues } from './values';

const withKeyPair = signingAlgorithms.filter((algorithm) => algorithm !== 'HS256');

/** The public keys of a client, by which it signs, or to which we encrypt. They stay in sight while there are any, whatever the client authenticates with. */
export function KeyFields({ form }: { form: UseFormReturn<ClientValues> }) {
  const { errors, defaultValues } = form.formState;
  const [method, request, idToken, userinfo, jwks, address] = useWatch({
    control: form.control,
    name: ['token_endpoint_auth_method', 'request_object_signing_alg', 'id_token_encrypted_response_alg', 'userinfo_encrypted_response_alg', 'jwks', 'jwks_uri'],
  });
  const signs = method === 'private_key_jwt';
  const needed = signs || method === 'self_signed_tls_client_auth' || method === 'attest_jwt_client_auth' || !['', 'none', 'HS256'].includes(request) || idToken !== '' || userinfo !== '';
  if (!needed && ![jwks, address, defaultValues?.jwks, defaultValues?.jwks_uri].some(Boolean)) return null;
  return (
    <div role="group" aria-label="Keys of the application" className="grid gap-5">
      <Field label="Address of its public keys (jwks_uri)" hint="A key set that is fetched when it is needed, so that the application can change its keys by itself." error={errors.jwks_uri?.message}>
        <Input {...form.register('jwks_uri')} type="url" autoComplete="off" placeholder="https://" />
      </Field>
      <Field
        label="Or the keys themselves (jwks)"
        hint={<>Public keys only, as {'{"keys": [ … ]}'}. For an application that has no address of its own.</>}
        error={errors.jwks?.message}
      >
        <Textarea {...form.register('jwks')} rows={5} spellCheck={false} autoComplete="off" autoCapitalize="off" className="font-mono text-12" />
      </Field>
      {signs && (
        <Field label="It signs with" hint="Leave open unless only one algorithm should be accepted." error={errors.token_endpoint_auth_signing_alg?.message}>
          <Select {...form.register('token_endpoint_auth_signing_alg')}>
            <option value="">Any algorithm that fits its key</option>
            {withKeyPair.map((algorithm) => <option key={algorithm} value={algorithm}>{algorithm}</option>)}
          </Select>
        </Field>
      )}
    </div>
  );
}
