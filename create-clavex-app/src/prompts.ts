import { cancel, intro, select, text } from "@clack/prompts";
import { Failure, Interrupted } from "./failure.ts";
import { FRAMEWORKS, frameworkNamed, type Framework } from "./frameworks.ts";
import { parseIssuer } from "./issuer.ts";
import { DEFAULT_ISSUER, type CommandLine } from "./options.ts";
import { nameFault } from "./target.ts";

export const DEFAULT_NAME = "my-app";

export interface Answers {
  readonly folder: string;
  readonly framework: Framework;
  readonly issuer: string;
}

/** Asks for what the command line left open. */
export async function ask(given: CommandLine): Promise<Answers> {
  intro("Create an application with Clavex sign-in");
  const folder =
    given.folder ??
    (await answered(
      text({
        message: "What is it called?",
        placeholder: DEFAULT_NAME,
        defaultValue: DEFAULT_NAME,
        validate: (value) => (value ? nameFault(value) : undefined),
      }),
    ));
  const framework = given.framework ?? (await askFramework());
  const issuer =
    given.issuer ??
    parseIssuer(
      await answered(
        text({
          message: "Which organization do people sign in with? Its issuer:",
          placeholder: DEFAULT_ISSUER,
          defaultValue: DEFAULT_ISSUER,
          validate: (value) => (value ? issuerFault(value) : undefined),
        }),
      ),
    );
  return { folder, framework, issuer };
}

async function askFramework(): Promise<Framework> {
  const [only, ...others] = FRAMEWORKS;
  if (only && others.length === 0) return only;
  const id = await answered(
    select({ message: "Which framework?", options: FRAMEWORKS.map((framework) => ({ value: framework.id, label: framework.title })) }),
  );
  return frameworkNamed(id) ?? askFramework();
}

function issuerFault(value: string): string | undefined {
  try {
    parseIssuer(value);
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
}

async function answered(prompt: Promise<string | symbol>): Promise<string> {
  const answer = await prompt;
  if (typeof answer === "string") return answer;
  cancel("Stopped.");
  throw new Interrupted();
}
