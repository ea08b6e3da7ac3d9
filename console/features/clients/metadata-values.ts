import type { Client, ContentEncryptionAlgorithm, KeyManagementAlgorithm, RequestObjectSigningAlgorithm, SigningAlgorithm } from '@/lib/api';
import { lines, optionalUri, words, z } from '@/lib/schema';

/** What tokens can be signed with, what we would choose first. */
export const signingAlgorithms = ['ES256', 'RS256', 'PS256', 'EdDSA', 'ES384', 'ES512', 'PS384', 'PS512', 'RS384', 'RS512', 'HS256'] as const satisfies readonly SigningAlgorithm[];

export const keyManagements = ['ECDH-ES', 'RSA-OAEP-256', 'ECDH-ES+A128KW', 'ECDH-ES+A256KW'] as const satisfies readonly KeyManagementAlgorithm[];

export const contentEncryptions = ['A256GCM', 'A128GCM', 'A256CBC-HS512', 'A128CBC-HS256'] as const satisfies readonly ContentEncryptionAlgorithm[];

const requestObjectAlgorithms = [...signingAlgorithms, 'none'] as const satisfies readonly RequestObjectSigningAlgorithm[];

/** What is signed for the application or by it, and encrypted to one of both. */
export const protectedThings = ['id_token_encrypted_response', 'userinfo_encrypted_response', 'authorization_encrypted_response', 'introspection_encrypted_response', 'request_object_encryption'] as const;

/** By which name in its certificate a client is known (RFC 8705 §2.1.2). */
export const certificateNameKinds = ['tls_client_auth_subject_dn', 'tls_client_auth_san_dns', 'tls_client_auth_san_uri', 'tls_client_auth_san_ip', 'tls_client_auth_san_email'] as const;

const key = z.union([z.literal(''), z.enum(keyManagements)]);
const content = z.union([z.literal(''), z.enum(contentEncryptions)]);

const requestUris = z.string().superRefine((text, context) => {
  const wrong = lines(text).find((line) => !z.url({ protocol: /^https?$/ }).safeParse(line).success);
  if (wrong !== undefined) context.addIssue({ code: 'custom', message: `${wrong} is not a complete address.` });
});

const atMost50 = z.string().refine((text) => lines(text).length <= 50, 'Name at most 50.');

const oneLine = z.string().trim().max(255, 'Use at most 255 characters.');

/** The fields of a client that most never need. */
export const metadataFields = {
  id_token_encrypted_response_alg: key,
  id_token_encrypted_response_enc: content,
  /** Empty: a JSON object without signature. */
  userinfo_signed_response_alg: z.union([z.literal(''), z.enum(signingAlgorithms)]),
  userinfo_encrypted_response_alg: key,
  userinfo_encrypted_response_enc: content,
  authorization_signed_response_alg: z.enum(signingAlgorithms),
  authorization_encrypted_response_alg: key,
  authorization_encrypted_response_enc: content,
  introspection_signed_response_alg: z.enum(signingAlgorithms),
  introspection_encrypted_response_alg: key,
  introspection_encrypted_response_enc: content,
  /** Empty: all of them. */
  resources: atMost50,
  authorization_details_types: z.array(z.string()),
  /** Empty: any that fits the keys. */
  request_object_signing_alg: z.union([z.literal(''), z.enum(requestObjectAlgorithms)]),
  request_object_encryption_alg: key,
  request_object_encryption_enc: content,
  request_uris: requestUris,
  require_pushed_authorization_requests: z.boolean(),
  certificate_name_kind: z.enum(certificateNameKinds),
  certificate_name: z.string().trim().max(2000, 'Use at most 2,000 characters.'),
  dpop_bound_access_tokens: z.boolean(),
  tls_client_certificate_bound_access_tokens: z.boolean(),
  require_signed_request_object: z.boolean(),
  subject_type: z.enum(['public', 'pairwise']),
  sector_identifier_uri: optionalUri.refine((uri) => uri === '' || uri.startsWith('https://'), 'This has to be an https address.'),
  /** Seconds; NaN for none. */
  default_max_age: z.union([z.nan(), z.number().int('Choose whole seconds.').min(0, 'Choose 0 or more.').max(315_360_000, 'Choose at most ten years.')]),
  require_auth_time: z.boolean(),
  default_acr_values: z.string().refine((text) => words(text).length <= 20, 'Name at most 20 values.'),
  software_id: oneLine,
  software_version: oneLine,
};

export type MetadataValues = z.infer<z.ZodObject<typeof metadataFields>>;

export function newMetadata(): MetadataValues {
  return {
    id_token_encrypted_response_alg: '',
    id_token_encrypted_response_enc: '',
    userinfo_signed_response_alg: '',
    userinfo_encrypted_response_alg: '',
    userinfo_encrypted_response_enc: '',
    authorization_signed_response_alg: 'ES256',
    authorization_encrypted_response_alg: '',
    authorization_encrypted_response_enc: '',
    introspection_signed_response_alg: 'ES256',
    introspection_encrypted_response_alg: '',
    introspection_encrypted_response_enc: '',
    resources: '',
    authorization_details_types: [],
    request_object_signing_alg: '',
    request_object_encryption_alg: '',
    request_object_encryption_enc: '',
    request_uris: '',
    require_pushed_authorization_requests: false,
    certificate_name_kind: 'tls_client_auth_subject_dn',
    certificate_name: '',
    dpop_bound_access_tokens: false,
    tls_client_certificate_bound_access_tokens: false,
    require_signed_request_object: false,
    subject_type: 'public',
    sector_identifier_uri: '',
    default_max_age: Number.NaN,
    require_auth_time: false,
    default_acr_values: '',
    software_id: '',
    software_version: '',
  };
}

function certificateNameKind(client: Client) {
  return certificateNameKinds.find((kind) => client[kind]) ?? 'tls_client_auth_subject_dn';
}

export function metadataOf(client: Client): MetadataValues {
  return {
    id_token_encrypted_response_alg: client.id_token_encrypted_response_alg ?? '',
    id_token_encrypted_response_enc: client.id_token_encrypted_response_enc ?? '',
    userinfo_signed_response_alg: client.userinfo_signed_response_alg ?? '',
    userinfo_encrypted_response_alg: client.userinfo_encrypted_response_alg ?? '',
    userinfo_encrypted_response_enc: client.userinfo_encrypted_response_enc ?? '',
    authorization_signed_response_alg: client.authorization_signed_response_alg ?? 'RS256',
    authorization_encrypted_response_alg: client.authorization_encrypted_response_alg ?? '',
    authorization_encrypted_response_enc: client.authorization_encrypted_response_enc ?? '',
    introspection_signed_response_alg: client.introspection_signed_response_alg ?? 'RS256',
    introspection_encrypted_response_alg: client.introspection_encrypted_response_alg ?? '',
    introspection_encrypted_response_enc: client.introspection_encrypted_response_enc ?? '',
    resources: (client.resources ?? []).join('\n'),
    authorization_details_types: client.authorization_details_types ?? [],
    request_object_signing_alg: client.request_object_signing_alg ?? '',
    request_object_encryption_alg: client.request_object_encryption_alg ?? '',
    request_object_encryption_enc: client.request_object_encryption_enc ?? '',
    request_uris: (client.request_uris ?? []).join('\n'),
    require_pushed_authorization_requests: client.require_pushed_authorization_requests ?? false,
    certificate_name_kind: certificateNameKind(client),
    certificate_name: client[certificateNameKind(client)] ?? '',
    dpop_bound_access_tokens: client.dpop_bound_access_tokens ?? false,
    tls_client_certificate_bound_access_tokens: client.tls_client_certificate_bound_access_tokens ?? false,
    require_signed_request_object: client.require_signed_request_object ?? false,
    subject_type: client.subject_type,
    sector_identifier_uri: client.sector_identifier_uri ?? '',
    default_max_age: client.default_max_age ?? Number.NaN,
    require_auth_time: client.require_auth_time,
    default_acr_values: (client.default_acr_values ?? []).join(' '),
    software_id: client.software_id ?? '',
    software_version: client.software_version ?? '',
  };
}

/** The parts that are never absent. */
export function metadataAlways(values: MetadataValues) {
  return {
    request_uris: lines(values.request_uris),
    require_pushed_authorization_requests: values.require_pushed_authorization_requests,
    dpop_bound_access_tokens: values.dpop_bound_access_tokens,
    tls_client_certificate_bound_access_tokens: values.tls_client_certificate_bound_access_tokens,
    require_signed_request_object: values.require_signed_request_object,
    authorization_signed_response_alg: values.authorization_signed_response_alg,
    introspection_signed_response_alg: values.introspection_signed_response_alg,
    resources: lines(values.resources),
    authorization_details_types: values.authorization_details_types,
    subject_type: values.subject_type,
    require_auth_time: values.require_auth_time,
    default_acr_values: words(values.default_acr_values),
  };
}

/** The parts that a client may be without. How content is encrypted goes only with how its key is told. */
export function metadataMaybe(values: MetadataValues) {
  const encryption = Object.fromEntries(
    protectedThings.flatMap((thing) => {
      const algorithm = values[`${thing}_alg`] || undefined;
      return [
        [`${thing}_alg`, algorithm],
        [`${thing}_enc`, (algorithm && values[`${thing}_enc`]) || undefined],
      ];
    }),
  ) as { [name in `${(typeof protectedThings)[number]}_alg`]?: KeyManagementAlgorithm } & { [name in `${(typeof protectedThings)[number]}_enc`]?: ContentEncryptionAlgorithm };
  return {
    ...encryption,
    userinfo_signed_response_alg: values.userinfo_signed_response_alg || undefined,
    request_object_signing_alg: values.request_object_signing_alg || undefined,
    sector_identifier_uri: values.sector_identifier_uri || undefined,
    default_max_age: Number.isNaN(values.default_max_age) ? undefined : values.default_max_age,
    software_id: values.software_id || undefined,
    software_version: values.software_version || undefined,
  };
}

const encryptedToApplication = ['id_token_encrypted_response_alg', 'userinfo_encrypted_response_alg', 'authorization_encrypted_response_alg', 'introspection_encrypted_response_alg'] as const;

/** Whether something is encrypted to the application, which takes a public key of its. */
export function encrypts(values: Pick<MetadataValues, (typeof encryptedToApplication)[number]>): boolean {
  return encryptedToApplication.some((name) => values[name] !== '');
}
