import type { Profile, User, UserPatch } from '@/lib/api';
import { optionalUri, z } from '@/lib/schema';
import { email, phone } from './fields';

const text = (max = 200) => z.string().trim().max(max, `Use at most ${max} characters.`);

export const profileSchema = z.object({
  username: text(254).min(1, 'Give a username.'),
  email,
  email_verified: z.boolean(),
  phone_number: phone,
  phone_number_verified: z.boolean(),
  name: text(),
  given_name: text(),
  family_name: text(),
  middle_name: text(),
  nickname: text(),
  preferred_username: text(),
  profile: optionalUri,
  picture: optionalUri,
  website: optionalUri,
  gender: text(100),
  birthdate: z.string().regex(/^([0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4})?$/, 'Write the date as YYYY-MM-DD, or only the year.'),
  zoneinfo: text(100),
  locale: text(50),
  street_address: text(500),
  postal_code: text(50),
  locality: text(),
  region: text(),
  country: text(100),
  attributes: z.string().refine(isObject, 'Write a JSON object, such as {"department": "Sales"}.'),
});

export type ProfileValues = z.infer<typeof profileSchema>;

const claims = ['name', 'given_name', 'family_name', 'middle_name', 'nickname', 'preferred_username', 'profile', 'picture', 'website', 'gender', 'birthdate', 'zoneinfo', 'locale'] as const;
const addressClaims = ['street_address', 'postal_code', 'locality', 'region', 'country'] as const;

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text || '{}');
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

export function valuesOf(user: User): ProfileValues {
  const { profile } = user;
  return {
    username: user.username,
    email: user.email ?? '',
    email_verified: user.email_verified,
    phone_number: user.phone_number ?? '',
    phone_number_verified: user.phone_number_verified,
    ...(Object.fromEntries(claims.map((claim) => [claim, profile[claim] ?? ''])) as Record<(typeof claims)[number], string>),
    ...(Object.fromEntries(addressClaims.map((claim) => [claim, profile.address?.[claim] ?? ''])) as Record<(typeof addressClaims)[number], string>),
    attributes: JSON.stringify(user.attributes, null, 2),
  };
}

/** What differs from the user, as a merge patch; undefined when nothing does. */
export function patchOf(user: User, values: ProfileValues): UserPatch | undefined {
  const before = valuesOf(user);
  const patch: UserPatch = {};
  if (values.username !== before.username) patch.username = values.username;
  if (values.email !== before.email) patch.email = values.email || null;
  if (values.email_verified !== before.email_verified) patch.email_verified = values.email_verified;
  if (values.phone_number !== before.phone_number) patch.phone_number = values.phone_number || null;
  if (values.phone_number_verified !== before.phone_number_verified) patch.phone_number_verified = values.phone_number_verified;
  if ([...claims, ...addressClaims].some((claim) => values[claim] !== before[claim])) patch.profile = profileOf(user, values);
  const attributes: unknown = JSON.parse(values.attributes || '{}');
  if (JSON.stringify(attributes) !== JSON.stringify(user.attributes)) patch.attributes = attributes as Record<string, unknown>;
  return Object.keys(patch).length > 0 ? patch : undefined;
}

/** The profile is replaced as a whole, so parts without a field (a formatted address) are carried over. */
function profileOf(user: User, values: ProfileValues): Profile {
  const profile: Profile = {};
  for (const claim of claims) if (values[claim]) profile[claim] = values[claim];
  const address = { ...(user.profile.address?.formatted && { formatted: user.profile.address.formatted }) } as NonNullable<Profile['address']>;
  for (const claim of addressClaims) if (values[claim]) address[claim] = values[claim];
  if (Object.keys(address).length > 0) profile.address = address;
  return profile;
}
