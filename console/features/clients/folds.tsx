'use client';

import { useWatch, type UseFormReturn } from 'react-hook-form';
import { Fixed } from '@/components/form';
import { TokenPolicyFields } from '@/components/token-policy-fields';
import { Folded } from '@/components/ui/folded';
import { LifetimeFields, ProtocolFields } from './advanced';
import { ApiFields } from './api-fields';
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
  protocol: ['profile', 'grant_types', 'response_types', 'token_endpoint_auth_method', 'token_endpoint_auth_signing_alg', 'jwks', 'jwks_uri', 'certificate_name', 'dpop_bound_access_tokens', 'tls_client_certificate_bound_access_tokens', 'application_type', 'scopes'],
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
  tokens: ['access_token_lifetime_seconds', 'refresh_token_lifetime_seconds', 'token_policy'],
  apis: ['resources', 'authorization_details_types', 'introspection_signed_response_alg', 'introspection_encrypted_response_alg', 'introspection_encrypted_response_enc'],
  backchannel: ['backchannel_token_delivery_mode', 'backchannel_client_notification_endpoint', 'backchannel_authentication_request_signing_alg'],
  exchange: ['token_exchange_clients', 'token_exchange_audiences', 'token_exchange_subjects', 'token_exchange_delegation'],
  presentation: ['client_uri', 'logo_uri', 'policy_uri', 'tos_uri', 'contacts', 'localized', 'software_id', 'software_version'],
} as const satisfies Record<string, readonly (keyof ClientValues)[]>;

interface ClientFoldsProps {
  form: UseFormReturn<ClientValues>;
  disabled?: boolean;
  /** A document describes the client: only what is for administrators to decide can be changed here. */
  described?: boolean;
}

/** What most clients never need, in folds. What has to do with people is left out for a service, unless a fault is in it. */
export function ClientFolds({ form, disabled, described = false }: ClientFoldsProps) {
  const { errors } = form.formState;
  const grants = useWatch({ control: form.control, name: 'grant_types' });
  const people = signsPeopleIn(grants);
  const faulty = (fold: keyof typeof holds) => holds[fold].some((name) => errors[name]);
  return (
    <>
      <Folded title="Protocol" hint="Profile, grant types, authentication, keys, bound tokens, scopes" faulty={faulty('protocol')}>
        <ProtocolFields form={form} disabled={disabled} described={described} />
      </Folded>
      {(people || faulty('signing')) && (
        <Folded title="Signing and encryption" hint="ID token, userinfo, requests and their answers" faulty={faulty('signing')}>
          <Fixed when={described}>
            <SigningFields form={form} disabled={disabled} />
          </Fixed>
        </Folded>
      )}
      {(people || faulty('signIn')) && (
        <Folded title="Sign-in" hint="Identifiers of people, how recent and how strong" faulty={faulty('signIn')}>
          <Fixed when={described}>
            <SignInFields form={form} disabled={disabled} />
          </Fixed>
        </Folded>
      )}
      {(people || faulty('session')) && (
        <Folded title="Sessions" hint="Hearing of their end, starting a sign-in" faulty={faulty('session')}>
          <Fixed when={described}>
            <SessionFields form={form} disabled={disabled} />
          </Fixed>
        </Folded>
      )}
      <Folded title="Tokens" hint="How long they live, their form, what is in them, and how they are renewed" faulty={faulty('tokens')}>
        <LifetimeFields form={form} />
        <TokenPolicyFields inherits />
      </Folded>
      <Folded title="APIs" hint="For whom its tokens may be, permissions in detail, answers about tokens" faulty={faulty('apis')}>
        <ApiFields form={form} disabled={disabled} described={described} />
      </Folded>
      {(grants.includes(backchannelGrant) || faulty('backchannel')) && (
        <Folded title="Back channel" hint="How its tokens come, and how its requests are signed" faulty={faulty('backchannel')}>
          <Fixed when={described}>
            <BackchannelFields form={form} />
          </Fixed>
        </Folded>
      )}
      {(grants.includes(exchangeGrant) || faulty('exchange')) && (
        <Folded title="Token exchange" hint="Whose tokens, for whom, and in whose name" faulty={faulty('exchange')}>
          <ExchangeFields form={form} disabled={disabled} />
        </Folded>
      )}
      <Folded title="Presentation" hint="Links, other languages, contacts, software" faulty={faulty('presentation')}>
        <Fixed when={described}>
          <PresentationFields form={form} />
        </Fixed>
      </Folded>
    </>
  );
}
