import path from "node:path";
import { writeEnvironment } from "./environment.ts";
import { Failure, Interrupted } from "./failure.ts";
import type { Framework } from "./frameworks.ts";
import { installDependencies, type Installation } from "./install.ts";
import { discover } from "./issuer.ts";
import type { PackageManager } from "./options.ts";
import { deregister, register, type Registration } from "./registration.ts";
import type { Reporter } from "./reporter.ts";
import { initializeRepository } from "./repository.ts";
import { examineTarget, Staging, type Target } from "./target.ts";
import { copyTemplate } from "./template.ts";

/** Everything decided about the application to make. */
export interface Plan {
  readonly folder: string;
  readonly cwd: string;
  readonly framework: Framework;
  readonly issuer: string;
  readonly port: number;
  readonly packageManager: PackageManager;
  readonly register: boolean;
  readonly install: boolean;
}

export interface Created {
  readonly target: Target;
  readonly appUrl: string;
  readonly registered: boolean;
  /** Undefined when no installation was wanted. */
  readonly installation: Installation | undefined;
}

/**
 * Makes the application: all of it or, when something fails or `signal` fires, nothing, neither
 * on the disk nor at the identity server. A failed installation alone does not undo the rest.
 */
export async function create(plan: Plan, reporter: Reporter, signal: AbortSignal): Promise<Created> {
  const target = await examineTarget(plan.folder, plan.cwd);
  const appUrl = `http://localhost:${plan.port}`;

  const { signIn } = plan.framework;
  const registered = plan.register && signIn ? await registerApplication(plan, signIn, { target, appUrl }, reporter, signal) : undefined;
  let staging: Staging | undefined;
  try {
    signal.throwIfAborted();
    staging = await Staging.open(target);
    const installation = await build(plan, staging.folder, { target, appUrl, registered }, reporter, signal);
    signal.throwIfAborted();
    await staging.commit();
    return { target, appUrl, registered: registered !== undefined, installation };
  } catch (error) {
    await staging?.discard();
    throw await takenBack(registered?.registration, signal.aborted ? new Interrupted() : error);
  }
}

interface Registered {
  readonly issuer: string;
  readonly registration: Registration;
}

async function registerApplication(
  plan: Plan,
  signIn: NonNullable<Framework["signIn"]>,
  { target, appUrl }: { target: Target; appUrl: string },
  reporter: Reporter,
  signal: AbortSignal,
): Promise<Registered> {
  try {
    const metadata = await reporter.step(
      `Looking for ${plan.issuer}`,
      () => discover(plan.issuer, signal),
      ({ issuer }) => `Found ${issuer}`,
    );
    const client = {
      name: target.name,
      redirectUri: appUrl + signIn.redirectPath,
      postLogoutRedirectUri: appUrl + signIn.postLogoutRedirectPath,
    };
    const registration = await reporter.step(
      "Registering the application",
      () => register(metadata, client, signal),
      ({ clientId }) => `Registered as client ${clientId}`,
    );
    return { issuer: metadata.issuer, registration };
  } catch (error) {
    throw signal.aborted ? new Interrupted() : error;
  }
}

async function build(
  plan: Plan,
  folder: string,
  about: { target: Target; appUrl: string; registered: Registered | undefined },
  reporter: Reporter,
  signal: AbortSignal,
): Promise<Installation | undefined> {
  const { name } = about.target;
  await reporter.step(
    "Copying files",
    async () => {
      await copyTemplate(plan.framework, folder, { name, port: plan.port, packageManager: plan.packageManager });
      await writeEnvironment(path.join(folder, ".env.local"), {
        appName: name,
        appUrl: about.appUrl,
        signsIn: plan.framework.signIn !== undefined,
        issuer: about.registered?.issuer ?? plan.issuer,
        registration: about.registered?.registration,
      });
    },
    () => "Wrote the project and .env.local",
  );
  const installation = plan.install
    ? await reporter.step(
        `Installing dependencies with ${plan.packageManager}`,
        () => installDependencies(folder, plan.packageManager, signal),
        ({ problem }) => (problem === undefined ? "Installed the dependencies" : undefined),
      )
    : undefined;
  await reporter.step(
    "Beginning a git repository",
    () => initializeRepository(folder, signal),
    (began) => (began ? "Began a git repository" : undefined),
  );
  return installation;
}

/** Takes the registration back after a failure, and says so when that was not possible. */
async function takenBack(registration: Registration | undefined, error: unknown): Promise<unknown> {
  if (!registration || (await deregister(registration))) return error;
  const advice = `The identity server still knows the client ${registration.clientId}; delete it in the console.`;
  if (error instanceof Interrupted) return new Failure(error.exitCode, "Stopped. No file was left behind.", [advice]);
  if (error instanceof Failure) return new Failure(error.exitCode, error.message, [...error.advice, advice]);
  return error;
}
