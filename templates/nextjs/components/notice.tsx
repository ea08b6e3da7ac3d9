import type { ReactNode } from "react";

/** A message about what just happened. Warnings are announced at once, the rest when there is time. */
export function Notice({ kind, children }: { readonly kind: "info" | "success" | "warning"; readonly children: ReactNode }) {
  return (
    <div className={`notice notice-${kind}`} role={kind === "warning" ? "alert" : "status"}>
      {children}
    </div>
  );
}
