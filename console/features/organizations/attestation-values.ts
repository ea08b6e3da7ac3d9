import type { AttestationPolicy, AttestationPreviewModel, AuthenticatorStatus } from '@/lib/api';
import { z } from '@/lib/schema';

type Conveyance = NonNullable<AttestationPolicy['conveyance']>;
type Acceptance = NonNullable<AttestationPolicy['unknown_models']>;
type Certification = NonNullable<AttestationPolicy['minimum_certification']>;

export const conveyances: { value: Conveyance; label: string; hint: string }[] = [
  { value: 'none', label: 'Nothing', hint: 'Nobody is asked for anything. Models are what authenticators say that they are.' },
  { value: 'indirect', label: 'What browsers like (indirect)', hint: 'They may make the proof anonymous, so models cannot be demanded.' },
  { value: 'direct', label: 'The proof of the model (direct)', hint: 'Browsers may ask people whether they agree. Needed for whatever is demanded below.' },
  { value: 'enterprise', label: 'Also who it was given to (enterprise)', hint: 'For browsers and authenticators that your organization manages; others pass on the model.' },
];

export const certifications: { value: Certification; label: string }[] = [
  { value: 'none', label: 'None' },
  { value: 'FIDO_CERTIFIED_L1', label: 'Level 1 (FIDO_CERTIFIED_L1)' },
  { value: 'FIDO_CERTIFIED_L1plus', label: 'Level 1+ (FIDO_CERTIFIED_L1plus)' },
  { value: 'FIDO_CERTIFIED_L2', label: 'Level 2 (FIDO_CERTIFIED_L2)' },
  { value: 'FIDO_CERTIFIED_L2plus', label: 'Level 2+ (FIDO_CERTIFIED_L2plus)' },
  { value: 'FIDO_CERTIFIED_L3', label: 'Level 3 (FIDO_CERTIFIED_L3)' },
  { value: 'FIDO_CERTIFIED_L3plus', label: 'Level 3+ (FIDO_CERTIFIED_L3plus)' },
];

export const statuses: { value: AuthenticatorStatus; label: string; hint: string }[] = [
  { value: 'REVOKED', label: 'Revoked', hint: 'REVOKED: the FIDO Alliance does not trust it any more.' },
  { value: 'USER_VERIFICATION_BYPASS', label: 'User verification bypassed', hint: 'USER_VERIFICATION_BYPASS: it can be used without PIN, finger or face.' },
  { value: 'ATTESTATION_KEY_COMPROMISE', label: 'Proof of the model stolen', hint: 'ATTESTATION_KEY_COMPROMISE: others can pretend to be it.' },
  { value: 'USER_KEY_REMOTE_COMPROMISE', label: 'Keys stolen from afar', hint: 'USER_KEY_REMOTE_COMPROMISE: passkeys can be copied by a program.' },
  { value: 'USER_KEY_PHYSICAL_COMPROMISE', label: 'Keys stolen by hand', hint: 'USER_KEY_PHYSICAL_COMPROMISE: passkeys can be copied by whoever holds it.' },
  { value: 'UPDATE_AVAILABLE', label: 'Update available', hint: 'UPDATE_AVAILABLE: there is newer firmware. Which one somebody has is not known.' },
  { value: 'NOT_FIDO_CERTIFIED', label: 'Not certified', hint: 'NOT_FIDO_CERTIFIED: nobody certified it.' },
  { value: 'SELF_ASSERTION_SUBMITTED', label: 'Only its maker says so', hint: 'SELF_ASSERTION_SUBMITTED: a checklist of the maker, no certification.' },
  { value: 'RETIRED', label: 'Retired', hint: 'RETIRED: its maker does not look after it any more.' },
];

export const unknownModels: { value: Acceptance; label: string; hint: string }[] = [
  { value: 'accept', label: 'They are accepted', hint: 'Also passkeys that name no model, such as those of many password managers.' },
  { value: 'refuse', label: 'They are refused', hint: 'Passkeys prove a model that the metadata describes.' },
];

export const existingPasskeys: { value: Acceptance; label: string; hint: string }[] = [
  { value: 'accept', label: 'They go on signing in', hint: 'What is demanded holds for new ones. Models that are denied or have a refusing status stop in any case.' },
  { value: 'refuse', label: 'They stop', hint: 'Unless they prove what is demanded. People need another way in.' },
];

// Many AAGUIDs are no UUIDs by RFC 9562: the makers choose the bytes.
const aaguids = z.array(z.string().refine(isModel, 'Use AAGUIDs such as 2fc0579f-8113-47ea-b116-bb5a8db9202a.')).max(500, 'A list has at most 500 models.');

export const attestationSchema = z
  .object({
    conveyance: z.enum(['none', 'indirect', 'direct', 'enterprise']),
    allowed_models: aaguids,
    denied_models: aaguids,
    minimum_certification: z.enum(['none', 'FIDO_CERTIFIED_L1', 'FIDO_CERTIFIED_L1plus', 'FIDO_CERTIFIED_L2', 'FIDO_CERTIFIED_L2plus', 'FIDO_CERTIFIED_L3', 'FIDO_CERTIFIED_L3plus']),
    refused_statuses: z.array(z.string()),
    unknown_models: z.enum(['accept', 'refuse']),
    existing_passkeys: z.enum(['accept', 'refuse']),
  })
  .superRefine((values, context) => {
    if (demands(values) && values.conveyance !== 'direct' && values.conveyance !== 'enterprise') {
      context.addIssue({ code: 'custom', path: ['conveyance'], message: 'Allowed models, a certification or the refusal of unknown models need a proof: choose direct or enterprise.' });
    }
    const both = values.denied_models.find((model) => values.allowed_models.includes(model));
    if (both !== undefined) context.addIssue({ code: 'custom', path: ['denied_models'], message: `The model ${both} is allowed and denied.` });
  });

export type AttestationValues = z.infer<typeof attestationSchema>;

/** Whether new passkeys must prove their model. */
export function demands(values: Pick<AttestationValues, 'allowed_models' | 'minimum_certification' | 'unknown_models'>): boolean {
  return values.allowed_models.length > 0 || values.minimum_certification !== 'none' || values.unknown_models === 'refuse';
}

/** What is absent has the default that the contract names. */
export function valuesOf(policy: AttestationPolicy): AttestationValues {
  return {
    conveyance: policy.conveyance ?? 'none',
    allowed_models: policy.allowed_models ?? [],
    denied_models: policy.denied_models ?? [],
    minimum_certification: policy.minimum_certification ?? 'none',
    refused_statuses: policy.refused_statuses ?? statuses.slice(0, 5).map(({ value }) => value),
    unknown_models: policy.unknown_models ?? 'accept',
    existing_passkeys: policy.existing_passkeys ?? 'accept',
  };
}

export function policyOf(values: AttestationValues): AttestationPolicy {
  return { ...values, refused_statuses: statuses.map(({ value }) => value).filter((value) => values.refused_statuses.includes(value)) };
}

/** Why passkeys on a model would not sign in. */
export const problems: Record<NonNullable<AttestationPreviewModel['problem']>, string> = {
  passkey_model_refused: 'Not accepted',
  passkey_model_unsafe: 'Known weakness',
  passkey_model_unproved: 'Model not proved',
};

/** The text is an AAGUID that names a model. */
export function isModel(text: string): boolean {
  return /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/.test(text) && !/^[0-]*$/.test(text);
}
