// Starts Next.js with its telemetry off. This has to be in the environment before the command
// begins: it reports on itself from processes that never read next.config.ts.
import { createRequire } from "node:module";

process.env.NEXT_TELEMETRY_DISABLED = "1";
createRequire(import.meta.url)("next/dist/bin/next");
