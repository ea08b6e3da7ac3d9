import { Notice } from "./notice";

/** Shown while the identity server cannot be asked for new tokens. */
export function StaleSession() {
  return (
    <Notice kind="warning">
      <strong>The identity server does not answer.</strong> You are still signed in here, but your access token has expired and
      could not be refreshed. It is tried again with your next step.
    </Notice>
  );
}
