import type { AuditActor, AuditEvent } from './api';

/** Known actions in words; the list also feeds the filter. */
export const actionWords: Record<string, string> = {
  'access_token.revoked': 'Access token revoked',
  'client.created': 'Client created',
  'client.deleted': 'Client deleted',
  'client.secret_rotated': 'Client secret rotated',
  'client.updated': 'Client changed',
  'consent.granted': 'Consent granted',
  'consent.withdrawn': 'Consent withdrawn',
  'credential.password_set': 'Password set',
  'grant.revoked': 'Grant revoked',
  'initial_access_token.created': 'Initial access token issued',
  'initial_access_token.revoked': 'Initial access token revoked',
  'mail.failed': 'Mail not delivered',
  'mail.sent': 'Mail sent',
  'one_time_link.created': 'One-time link made',
  'one_time_link.used': 'One-time link used',
  'organization.created': 'Organization created',
  'organization.deleted': 'Organization deleted',
  'organization.deletion_started': 'Deletion of the organization begun',
  'organization.restored': 'Organization restored',
  'organization.suspended': 'Organization suspended',
  'organization.updated': 'Organization changed',
  'refresh_token.reused': 'Refresh token used twice',
  'session.ended': 'Session ended',
  'session.renewed': 'Signed in again',
  'session.started': 'Signed in',
  'session.strayed': 'Session turned up in another browser',
  'domain.claimed': 'Domain claimed',
  'domain.removed': 'Domain given up',
  'domain.verified': 'Domain proved',
  'organization.former_address_left': 'Former address given up',
  'organization.moved': 'Moved to another address',
  'proof_of_work.demanded': 'Computing demanded',
  'proof_of_work.failed': 'Computing not done',
  'proof_of_work.solved': 'Computing done',
  'second_factor.mail_code_sent': 'Code sent as a second factor',
  'second_factor.mail_code_used': 'Code of a mail as second factor',
  'rate_limit.reached': 'Limit reached',
  'sign_in.failed': 'Sign-in failed',
  'sign_in.slowed_down': 'Waiting after failed attempts',
  'sign_in_notice.withheld': 'Notice of a sign-in withheld',
  'signing_key.published': 'Next signing key published',
  'signing_key.rotated': 'Signing key rotated',
  'terms.accepted': 'Terms accepted',
  'terms.declined': 'Terms declined',
  'terms.published': 'Terms published',
  'terms.withdrawn': 'Terms withdrawn',
  'user.created': 'User created',
  'user.deleted': 'User deleted',
  'user.roles_changed': 'Roles changed',
  'user.signed_up': 'Signed up',
  'magic_link.used': 'Signed in by mail',
  'identity.linked': 'Linked an account elsewhere',
  'identity.unlinked': 'Removed an account elsewhere',
  'sign_in.handed_over': 'Proved at the address before',
  'identity.used': 'Signed in by an account elsewhere',
  'identity_provider.created': 'Added an identity provider',
  'identity_provider.updated': 'Changed an identity provider',
  'identity_provider.deleted': 'Removed an identity provider',
  'user.erasure_requested': 'Asked that the account be erased',
  'user.erasure_withdrawn': 'Kept the account',
  'user.erased': 'Erased the account',
  'invitation.sent': 'Sent an invitation',
  'invitation.revoked': 'Revoked an invitation',
  'invitation.accepted': 'Accepted an invitation',
  'user.email_verified': 'Proved the email address',
  'user.email_changed': 'Changed the email address',
  'user.email_restored': 'Undid a change of the email address',
  'credential.password_removed': 'Password removed',
  'user.updated': 'User changed',
  'users.imported': 'Users imported',
};

export function wordsOf(action: string): string {
  const known = actionWords[action];
  if (known) return known;
  const words = action.replace(/[._]/g, ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const actorWords: Record<AuditActor['type'], string> = {
  user: 'A user',
  client: 'A client',
  system: 'Clavex',
  operator: 'The command line',
  anonymous: 'Somebody not signed in',
};

/** Who did it. Clients choose their names, so what is one says so: no name passes for a person's. */
export function actorName(actor: AuditActor): string {
  if (!actor.name) return actorWords[actor.type];
  return actor.type === 'client' ? `${actor.name} (client)` : actor.name;
}

/** What an event was about: its recorded name, else a name in what it holds, else its id. */
export function targetName(event: AuditEvent): string {
  if (!event.target) return '';
  if (event.target.name) return event.target.name;
  const state = event.after ?? event.before ?? {};
  for (const field of ['username', 'client_name', 'display_name', 'name']) {
    const value = state[field];
    if (typeof value === 'string' && value) return value;
  }
  return event.target.id ? `${event.target.type} ${event.target.id.slice(0, 8)}…` : event.target.type;
}

export interface Difference {
  field: string;
  before: string | undefined;
  after: string | undefined;
}

/** Field by field, nested ones as a.b, only what differs. */
export function differences(before: unknown, after: unknown): Difference[] {
  const left = flatten(before);
  const right = flatten(after);
  return [...new Set([...left.keys(), ...right.keys()])]
    .sort()
    .map((field) => ({ field, before: left.get(field), after: right.get(field) }))
    .filter((difference) => difference.before !== difference.after);
}

function flatten(value: unknown, path = '', into = new Map<string, string>()): Map<string, string> {
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
    for (const [key, inner] of Object.entries(value)) flatten(inner, path ? `${path}.${key}` : key, into);
  } else if (path) {
    into.set(path, typeof value === 'string' ? value : Array.isArray(value) ? value.map((item) => (typeof item === 'string' ? item : JSON.stringify(item))).join('\n') : JSON.stringify(value));
  }
  return into;
}
