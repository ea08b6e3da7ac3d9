import type { GrantType } from '@/lib/api';
import type { ClientValues } from './values';

export const backchannelGrant: GrantType = 'urn:openid:params:grant-type:ciba';

/** What goes with the back channel; without that grant all of it is taken away. */
export function backchannel(values: ClientValues) {
  const asks = values.grant_types.includes(backchannelGrant);
  const mode = asks ? values.backchannel_token_delivery_mode : undefined;
  return {
    backchannel_token_delivery_mode: mode,
    backchannel_client_notification_endpoint: (asks && mode !== 'poll' && values.backchannel_client_notification_endpoint) || undefined,
    backchannel_authentication_request_signing_alg: (asks && values.backchannel_authentication_request_signing_alg) || undefined,
  };
}
