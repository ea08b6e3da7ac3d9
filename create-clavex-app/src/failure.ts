/** How a run ends, for scripts. `--help` documents each. */
export const ExitCode = {
  success: 0,
  unexpected: 1,
  usage: 2,
  target: 3,
  issuer: 4,
  registration: 5,
  installation: 6,
  interrupted: 130,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** A failure a person can do something about: what happened, and what to do. */
export class Failure extends Error {
  readonly exitCode: ExitCode;
  readonly advice: readonly string[];

  constructor(exitCode: ExitCode, message: string, advice: readonly string[] = []) {
    super(message);
    this.name = "Failure";
    this.exitCode = exitCode;
    this.advice = advice;
  }
}

/** The person pressed Ctrl-C, or the process was told to stop. */
export class Interrupted extends Failure {
  constructor() {
    super(ExitCode.interrupted, "Stopped. Nothing was left behind.");
    this.name = "Interrupted";
  }
}

const LONGEST = 300;

/** Words of somebody else's, made safe for a terminal: one line, no control characters, not endless. */
export function quoted(words: string): string {
  const line = words.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ").trim();
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}
