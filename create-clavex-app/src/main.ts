import path from "node:path";
import { create, type Created, type Plan } from "./create.ts";
import { ExitCode, Failure } from "./failure.ts";
import { FRAMEWORKS, type Framework } from "./frameworks.ts";
import { callingPackageManager, DEFAULT_ISSUER, HELP, parseCommandLine, usage, type CommandLine } from "./options.ts";
import { ask } from "./prompts.ts";
import { Reporter } from "./reporter.ts";

/** Replaced with the package's version when the bundle is made. */
declare const PACKAGE_VERSION: string;

async function main(): Promise<ExitCode> {
  const commandLine = parseCommandLine(process.argv.slice(2));
  if (commandLine.help) {
    process.stdout.write(HELP);
    return ExitCode.success;
  }
  if (commandLine.version) {
    process.stdout.write(`${PACKAGE_VERSION}\n`);
    return ExitCode.success;
  }
  const plan = await planFrom(commandLine);
  const reporter = new Reporter(process.stdout);
  const created = await create(plan, reporter, stopSignal());
  return farewell(created, plan, reporter);
}

/** Fills in what the command line left open: by asking where somebody can answer, by defaults elsewhere. */
async function planFrom(given: CommandLine): Promise<Plan> {
  const complete = given.folder !== undefined && given.framework !== undefined;
  const canAsk = process.stdin.isTTY && process.stdout.isTTY && !given.yes && !complete;
  const answers = canAsk ? await ask(given) : defaults(given);
  return {
    ...answers,
    cwd: process.cwd(),
    port: given.port ?? answers.framework.defaultPort,
    packageManager: given.packageManager ?? callingPackageManager(process.env.npm_config_user_agent),
    register: given.register,
    install: given.install,
  };
}

function defaults(given: CommandLine): { folder: string; framework: Framework; issuer: string } {
  if (given.folder === undefined) throw usage("Say where the application goes: npx create-clavex-app my-app");
  const framework = given.framework ?? FRAMEWORKS[0];
  if (!framework) throw new Error("no framework is known");
  return { folder: given.folder, framework, issuer: given.issuer ?? DEFAULT_ISSUER };
}

/** Fires when the run is told to stop. A second Ctrl-C does not wait for the cleaning up. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(ExitCode.interrupted);
      controller.abort();
    });
  }
  return controller.signal;
}

function farewell(created: Created, plan: Plan, reporter: Reporter): ExitCode {
  const { target, installation } = created;
  const way = path.relative(plan.cwd, target.folder);
  const run = plan.packageManager;
  const commands = [
    ...(way === "" ? [] : [`cd ${/^[\w./-]+$/.test(way) ? way : JSON.stringify(way)}`]),
    ...(installation && installation.problem === undefined ? [] : [`${run} install`]),
    `${run} run dev`,
  ];
  reporter.line();
  if (installation?.problem !== undefined) {
    reporter.line(`The application is made, but ${run} could not install its dependencies:`);
    reporter.line(installation.problem.replace(/^/gm, "  "));
    reporter.line();
  }
  reporter.line(reporter.style("bold", `${target.name} is ready. Next:`));
  reporter.line();
  for (const command of commands) reporter.line(`  ${reporter.style("cyan", command)}`);
  reporter.line();
  const { signIn } = plan.framework;
  if (!signIn) {
    reporter.line(`Then, in another terminal: ${run} run try`);
    reporter.line(`The organization must know the server as the resource server ${created.appUrl}/mcp; the demo does at port ${plan.framework.defaultPort}.`);
  } else if (created.registered) reporter.line(`Then open ${created.appUrl} and sign in.`);
  else {
    reporter.line(`Fill in CLAVEX_CLIENT_ID and CLAVEX_CLIENT_SECRET in .env.local first, from a client with`);
    reporter.line(`  redirect URI              ${created.appUrl}${signIn.redirectPath}`);
    reporter.line(`  post-logout redirect URI  ${created.appUrl}${signIn.postLogoutRedirectPath}`);
  }
  return installation?.problem === undefined ? ExitCode.success : ExitCode.installation;
}

function reportFailure(error: unknown): ExitCode {
  if (error instanceof Failure) {
    process.stderr.write(`\n${error.message}\n${error.advice.map((line) => `  ${line}\n`).join("")}`);
    return error.exitCode;
  }
  process.stderr.write(`\nSomething failed that should not: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return ExitCode.unexpected;
}

process.exitCode = await main().catch(reportFailure);
