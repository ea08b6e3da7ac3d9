'use client';

import { useWatch, type UseFormReturn } from 'react-hook-form';
import { TokenPolicyFields } from '@/components/token-policy-fields';
import { Folded } from '@/components/ui/folded';
import { ProtocolFields } from './advanced';
import { BackchannelFields } from './backchannel-fields';
import { backchannelGrant } from './backchannel-values';
import { ExchangeFields } from './exchange-fields';
import { PresentationFields } from './presentation-fields';
import { SessionFields } from './session-fields';
import { SignInFields } from './sign-in-fields';
import { SigningFields } from './signing-fields';
import { exchangeGrant, signsPeopleIn, type ClientValues } from './values';

/** Which fields each fold holds: one with a fault opens it. */
const holds = {
  protocol: ['profile', 'grant_types', 'response_types', 'token_endpoint_auth_method', 'token_endpoint_auth_signing_alg', 'jwks', 'jwks_uri', 'certificate_name', 'dpop_bound_access_tokens', 'tls_client_certificate_bound_access_tokens', 'application_type', 'scopes', 'access_token_lifetime_seconds', 'refresh_token_lifetime_seconds'],
  signing: [
    'id_token_signed_response_alg',
    'id_token_encrypted_response_alg',
    'id_token_encrypted_response_enc',
    'userinfo_signed_response_alg',
    'userinfo_encrypted_response_alg',
    'userinfo_encrypted_response_enc',
    'authorization_signed_response_alg',
    'authorization_encrypted_response_alg',
    'authorization_encrypted_response_enc',
    'request_object_signing_alg',
    'request_object_encryption_alg',
    'request_object_encryption_enc',
    'request_uris',
    'require_pushed_authorization_requests',
    'require_signed_request_object',
  ],
  signIn: ['subject_type', 'sector_identifier_uri', 'default_max_age', 'require_auth_time', 'default_acr_values'],
  session: ['backchannel_logout_uri', 'backchannel_logout_session_required', 'frontchannel_logout_uri', 'frontchannel_logout_session_required', 'initiate_login_uri'],
  tokens: ['token_policy'],
  backchannel: ['backchannel_token_delivery_mode', 'backchannel_client_notification_endpoint', 'backchannel_authentication_request_signing_alg'],
  exchange: ['token_exchange_clients', 'token_exchange_audiences', 'token_exchange_subjects', 'token_exchange_delegation'],
  presentation: ['client_uri', 'logo_uri', 'policy_uri', 'tos_uri', 'contacts', 'localized', 'software_id', 'software_version'],
} as const satisfies Record<string, readonly (keyof ClientValues)[]>;

/** What most clients never need, in folds. What has to do with people is left out for a service, unless a fault is in it. */
export function ClientFolds({ form, disabled }: { form: UseFormReturn<ClientValues>; disabled?: boolean }) {
  const { errors } = form.formState;
  const grants = useWatch({ control: form.control, name: 'grant_types' });
  const people = signsPeopleIn(grants);
  const faulty = (fold: keyof typeof holds) => holds[fold].some((name) => errors[name]);
  return (
    <>
      <Folded title="Protocol" hint="Profile, grant types, authentication, keys, bound tokens, scopes, lifetimes" faulty={faulty('protocol')}>
        <ProtocolFields form={form} disabled={disabled} />
      </Folded>
      {(people || faulty('signing')) && (
        <Folded title="Signing and encryption" hint="ID token, userinfo, requests and their answers" faulty={faulty('signing')}>
          <SigningFields form={form} disabled={disabled} />
        </Folded>
      )}
      {(people || faulty('signIn')) && (
        <Folded title="Sign-in" hint="Identifiers of people, how recent and how strong" faulty={faulty('signIn')}>
          <SignInFields form={form} disabled={disabled} />
        </Folded>
      )}
      {(people || faulty('session')) && (
        <Folded title="Sessions" hint="Hearing of their end, starting a sign-in" faulty={faulty('session')}>
          <SessionFields form={form} disabled={disabled} />
        </Folded>
      )}
      <Folded title="Tokens" hint="Their form, what is in them, whom they are for, and how they are renewed" faulty={faulty('tokens')}>
        <TokenPolicyFields form={form as unknown as Parameters<typeof TokenPolicyFields>[0]['form']} inherits />
      </Folded>
      {(grants.includes(backchannelGrant) || faulty('backchannel')) && (
        <Folded title="Back channel" hint="How its tokens come, and how its requests are signed" faulty={faulty('backchannel')}>
          <BackchannelFields form={form} />
        </Folded>
      )}
      {(grants.includes(exchangeGrant) || faulty('exchange')) && (
        <Folded title="Token exchange" hint="Whose tokens, for whom, and in whose name" faulty={faulty('exchange')}>
          <ExchangeFields form={form} disabled={disabled} />
        </Folded>
      )}
      <Folded title="Presentation" hint="Links, other languages, contacts, software" faulty={faulty('presentation')}>
        <PresentationFields form={form} />
      </Folded>
    </>
  );
}
