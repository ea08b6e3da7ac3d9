"use client";

import { useEffect, useRef, useState } from "react";

/**
 * The button of a plain form. It works without JavaScript; with it, the button says what is
 * happening and cannot be pressed twice.
 */
export function SubmitButton({
  id,
  className,
  busy,
  children,
}: {
  readonly id: string;
  readonly className: string;
  readonly busy: string;
  readonly children: string;
}) {
  const button = useRef<HTMLButtonElement>(null);
  const [pending, setPending] = useState(false);

  useEffect(() => {
    const form = button.current?.form;
    const begin = () => setPending(true);
    // A page taken from the back/forward cache comes with the state it was left in.
    const reset = () => setPending(false);
    form?.addEventListener("submit", begin);
    window.addEventListener("pageshow", reset);
    return () => {
      form?.removeEventListener("submit", begin);
      window.removeEventListener("pageshow", reset);
    };
  }, []);

  return (
    <button id={id} ref={button} type="submit" className={className} disabled={pending} aria-live="polite">
      {/* Both texts share one cell, so the button is as wide as the longer and never jumps. */}
      <span className="button-text" data-hidden={pending}>
        {children}
      </span>
      <span className="button-text" data-hidden={!pending}>
        {busy}
      </span>
    </button>
  );
}
