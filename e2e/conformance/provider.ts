import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { type Browser, request } from "@playwright/test";
import { demo, unique } from "../fixtures/environment.ts";
import { asTyped } from "../fixtures/subprocess.ts";
import { Administrator } from "./administrator.ts";

const execute = promisify(execFile);

/** Every standard claim of OpenID Connect Core 1.0 §5.1: a plan warns about each one that is missing. */
const person = {
  username: demo.ada.username,
  email: demo.ada.username,
  email_verified: true,
  phone_number: "+44 20 7946 0018",
  phone_number_verified: true,
  password: demo.ada.password,
  password_temporary: false,
  profile: {
    name: "Ada King Lovelace",
    given_name: "Ada",
    family_name: "Lovelace",
    middle_name: "King",
    nickname: "Ada",
    preferred_username: "ada",
    profile: "https://demo.test/people/ada",
    picture: "https://demo.test/people/ada.png",
    website: "https://ada.demo.test/",
    gender: "female",
    birthdate: "1985-12-10",
    zoneinfo: "Europe/London",
    locale: "en-GB",
    address: {
      formatted: "12 St James's Square\nLondon SW1Y 4JH\nUnited Kingdom",
      street_address: "12 St James's Square",
      locality: "London",
      region: "Greater London",
      postal_code: "SW1Y 4JH",
      country: "United Kingdom",
    },
  },
};

/** The server under test: an organization of its own in it, and what a person or an operator does there. */
export class Provider {
  readonly issuer: string;
  readonly #base: string;
  readonly #organization: string;

  private constructor(base: string, organization: string) {
    this.#base = base;
    this.#organization = organization;
    this.issuer = `${base}/${organization}`;
  }

  /**
   * Makes an organization with a person in it. It is made as the console makes one: the platform administrator signs
   * in, and the Admin API does the rest.
   */
  static async prepare(browser: Browser, base: string, policies: Readonly<Record<string, unknown>>): Promise<Provider> {
    const organization = `conformance-${unique()}`;
    const administrator = await Administrator.signIn(browser, base);
    await administrator.make("/api/v1/orgs", { slug: organization, name: "Conformance", policies });
    await administrator.make(`/api/v1/orgs/${organization}/users`, person);
    await administrator.close();
    return new Provider(base, organization);
  }

  /** The address of something of the organization in the Admin API. */
  administered(what: string): string {
    return `/api/v1/orgs/${this.#organization}/${what}`;
  }

  /**
   * Brings the organization's next signing keys into its key set, as an operator does (`clavex key rotate`), and
   * waits until the server has heard of it.
   */
  async rotateKeys(): Promise<void> {
    const before = await this.#keySet();
    await this.#rotate();
    const deadline = Date.now() + 30_000;
    while ((await this.#keySet()) === before) {
      if (Date.now() > deadline) throw new Error(`${this.issuer}/jwks shows no new key half a minute after they were rotated`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  async #keySet(): Promise<string> {
    const http = await request.newContext({ ignoreHTTPSErrors: true });
    try {
      return await (await http.get(`${this.issuer}/jwks`)).text();
    } finally {
      await http.dispose();
    }
  }

  async #rotate(): Promise<void> {
    const data = process.env.CLAVEX_E2E_DATA_DIR ?? "";
    if (data === "") throw new Error("CLAVEX_E2E_DATA_DIR does not name the data folder of the server: its keys cannot be rotated");
    const [password, port, key] = await Promise.all(["password", "port", "key-encryption-key"].map((name) => readFile(path.join(data, name), "utf8").then((text) => text.trim())));
    await execute(process.env.CLAVEX_E2E_BINARY ?? "", ["key", "rotate", "--org", this.#organization, "--json"], {
      env: asTyped({
        CLAVEX_DATABASE_URL: `postgres://clavex:${encodeURIComponent(password ?? "")}@127.0.0.1:${port ?? ""}/clavex?sslmode=disable`,
        CLAVEX_KEY_ENCRYPTION_KEY: key,
        CLAVEX_PUBLIC_URL: this.#base,
      }),
    });
  }
}
