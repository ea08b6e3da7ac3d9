import { parseArgs } from "node:util";
import { ExitCode, Failure } from "./failure.ts";
import { FRAMEWORKS, frameworkNamed, type Framework } from "./frameworks.ts";
import { parseIssuer } from "./issuer.ts";

export const DEFAULT_ISSUER = "http://localhost:8080/demo";

export const PACKAGE_MANAGERS = ["npm", "pnpm", "yarn"] as const;
export type PackageManager = (typeof PACKAGE_MANAGERS)[number];

/** What the command line said; `undefined` where it said nothing. */
export interface CommandLine {
  readonly folder: string | undefined;
  readonly framework: Framework | undefined;
  readonly issuer: string | undefined;
  readonly port: number | undefined;
  readonly packageManager: PackageManager | undefined;
  readonly yes: boolean;
  readonly install: boolean;
  readonly register: boolean;
  readonly help: boolean;
  readonly version: boolean;
}

export const HELP = `Makes an application whose people sign in with Clavex, registered and ready to run.

Usage
  npx create-clavex-app <folder> [options]

Options
  --framework <name>        ${FRAMEWORKS.map((framework) => framework.id).join(", ")}
  --issuer <address>        the organization to sign in with (default ${DEFAULT_ISSUER})
  --port <number>           where the application will listen (default ${FRAMEWORKS.map(({ id, defaultPort }) => `${defaultPort} for ${id}`).join(", ")})
  --package-manager <name>  ${PACKAGE_MANAGERS.join(", ")} (default: the one this runs under)
  --no-register             contact no server; .env.local is left with values to fill in
  --no-install              leave the dependencies to you
  --yes                     ask nothing, take the defaults
  --help                    show this
  --version                 show the version

Nothing is asked when there is no terminal. The folder appears when everything is done;
a run that fails or is stopped leaves nothing behind, at the server neither.

Exit codes
  0    done
  1    a fault that should not happen
  2    the command line is wrong
  3    the folder cannot be used
  4    the identity server does not answer, or is not what it should be
  5    the identity server did not register the application
  6    the application is made, but its dependencies were not installed
  130  stopped with Ctrl-C
`;

/** Reads the command line (without interpreter and script). */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const { values, positionals } = readArguments(args);
  if (positionals.length > 1) {
    throw usage(`One folder is enough, and there are ${positionals.length}: ${positionals.join(", ")}.`);
  }
  return {
    folder: positionals[0],
    framework: values.framework === undefined ? undefined : parseFramework(values.framework),
    issuer: values.issuer === undefined ? undefined : parseIssuer(values.issuer),
    port: values.port === undefined ? undefined : parsePort(values.port),
    packageManager: values["package-manager"] === undefined ? undefined : parsePackageManager(values["package-manager"]),
    yes: values.yes ?? false,
    install: !(values["no-install"] ?? false),
    register: !(values["no-register"] ?? false),
    help: values.help ?? false,
    version: values.version ?? false,
  };
}

function readArguments(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        framework: { type: "string", short: "f" },
        issuer: { type: "string" },
        port: { type: "string" },
        "package-manager": { type: "string" },
        "no-register": { type: "boolean" },
        "no-install": { type: "boolean" },
        yes: { type: "boolean", short: "y" },
        help: { type: "boolean", short: "h" },
        version: { type: "boolean", short: "v" },
      },
    });
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error));
  }
}

function parseFramework(id: string): Framework {
  const framework = frameworkNamed(id);
  if (framework) return framework;
  throw usage(`There is no framework “${id}”. Choose one of: ${FRAMEWORKS.map((known) => known.id).join(", ")}.`);
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65535) return port;
  throw usage(`“${text}” is no port. Give a number from 1 to 65535.`);
}

function parsePackageManager(name: string): PackageManager {
  const known = PACKAGE_MANAGERS.find((manager) => manager === name);
  if (known) return known;
  throw usage(`There is no package manager “${name}” here. Choose one of: ${PACKAGE_MANAGERS.join(", ")}.`);
}

/** The package manager this process was started by, as it introduces itself. */
export function callingPackageManager(userAgent: string | undefined): PackageManager {
  const name = userAgent?.split("/")[0];
  return PACKAGE_MANAGERS.find((manager) => manager === name) ?? "npm";
}

export function usage(message: string): Failure {
  return new Failure(ExitCode.usage, message, ["See the options with --help."]);
}
