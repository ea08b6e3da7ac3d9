"use client";

import { useSyncExternalStore } from "react";

const never = () => () => undefined;

/** A moment in the reader's own time zone; in UTC until the browser has had a look. */
export function LocalTime({ id, at }: { readonly id: string; readonly at: number }) {
  const isBrowser = useSyncExternalStore(
    never,
    () => true,
    () => false,
  );
  const options: Intl.DateTimeFormatOptions = {
    dateStyle: "medium",
    timeStyle: "medium",
    ...(isBrowser ? {} : { timeZone: "UTC" }),
  };
  const text = new Intl.DateTimeFormat("en-GB", options).format(at);
  return (
    <time id={id} dateTime={new Date(at).toISOString()}>
      {isBrowser ? text : `${text} UTC`}
    </time>
  );
}
