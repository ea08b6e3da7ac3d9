import { demo, issuerOf } from "../../fixtures/environment.ts";
import { StarterApplication } from "../../fixtures/starter.ts";
import { expect, test as base } from "../../fixtures/test.ts";

const test = base.extend<object, { starter: StarterApplication }>({
  starter: [
    async ({}, use) => {
      const application = await StarterApplication.make();
      await use(application);
      await application.stop();
    },
    // It installs Next.js from the registry.
    { scope: "worker", timeout: 300_000 },
  ],
});

test("one command makes an application in which Ada signs in, refreshes and signs out", async ({ page, hosted, starter }) => {
  // The first visit of each page compiles it.
  test.setTimeout(180_000);
  const protectedContent = page.locator("#protected-content");

  await page.goto(starter.url);
  await expect(page.getByRole("heading", { name: "Sign in to myapp" })).toBeVisible();
  await expect(page.locator("#issuer-status")).toHaveAttribute("data-reachable", "true");
  await page.goto(`${starter.url}/protected`);
  await expect(page.getByText("Sign in to see")).toBeVisible();
  await expect(protectedContent).toHaveCount(0);

  await page.getByRole("link", { name: "Sign in", exact: true }).click();
  await expect(hosted.heading("Sign in to Demo")).toBeVisible();
  await expect(page.getByText("to continue to myapp")).toBeVisible();
  await hosted.signIn(demo.ada);
  await expect(hosted.heading("myapp asks for access")).toBeVisible();
  await hosted.allow.click();

  await expect(protectedContent).toBeVisible({ timeout: 60_000 });
  await expect(page.locator("#user-name")).toHaveText(demo.ada.name);

  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Profile" }).click();
  const expiry = page.locator("#token-expires-at");
  await expect(expiry).toBeVisible({ timeout: 60_000 });
  const before = Date.parse((await expiry.getAttribute("datetime")) ?? "");
  await page.getByRole("button", { name: "Refresh token now" }).click();
  await expect(page.getByText("Your tokens were refreshed.")).toBeVisible({ timeout: 60_000 });
  await expect.poll(async () => Date.parse((await expiry.getAttribute("datetime")) ?? "")).toBeGreaterThan(before);
  await expect(page.locator("#renewals")).toHaveText("once");

  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await expect(page.getByText("You are signed out.")).toBeVisible({ timeout: 60_000 });
  await page.goto(`${starter.url}/protected`);
  await expect(page.getByRole("link", { name: "Sign in", exact: true })).toBeVisible();
  await expect(protectedContent).toHaveCount(0);
  // The identity server has forgotten the session too.
  await page.goto(`${issuerOf(demo.slug)}/`);
  await expect(hosted.username).toBeVisible();
});

test("somebody who denies is told what happened and can start again", async ({ page, hosted, starter }) => {
  test.setTimeout(120_000);
  await page.goto(`${starter.url}/protected`);
  await page.getByRole("link", { name: "Sign in", exact: true }).click();
  await hosted.signIn(demo.grace);
  await hosted.deny.click();
  await expect(page.getByRole("heading", { name: "You did not allow the sign-in" })).toBeVisible({ timeout: 60_000 });
  await expect(page.locator("#error-code")).toHaveText("access_denied");

  await page.getByRole("link", { name: "Start again" }).click();
  await hosted.allow.click();
  await expect(page.locator("#protected-content")).toBeVisible({ timeout: 60_000 });
  await expect(page).toHaveURL(`${starter.url}/protected`);
  await expect(page.locator("#user-name")).toHaveText(demo.grace.name);
});

test("the browser never holds a token, and the log no secret", async ({ page, context, hosted, starter }) => {
  await page.goto(`${starter.url}/protected`);
  await page.getByRole("link", { name: "Sign in", exact: true }).click();
  await hosted.signIn(demo.ada);
  await hosted.allow.click();
  await expect(page.locator("#protected-content")).toBeVisible({ timeout: 60_000 });
  const own = (await context.cookies(starter.url)).filter(({ name }) => !name.startsWith("clavex-") && !name.startsWith("__Host-clavex"));
  expect(own.length).toBeGreaterThan(0);
  for (const cookie of own) {
    expect(cookie.httpOnly).toBe(true);
    expect(cookie.value).not.toContain("eyJhbGciOiJFUzI1NiI");
  }
  // Ports of one host share cookies. The identity server's browser state is the one that scripts may read (Session
  // Management 1.0 §4.2), and opens nothing.
  const [stored, readable] = await page.evaluate(() => [localStorage.length, document.cookie.split("; ").map((pair) => pair.split("=")[0])] as const);
  expect(stored).toBe(0);
  expect(readable).toEqual([`clavex-state-${demo.slug}`]);

  const settings = await starter.settings();
  expect(settings.CLAVEX_ISSUER).toBe(issuerOf(demo.slug));
  expect(await starter.files()).toEqual(expect.arrayContaining([".env.local", ".gitignore", "package.json", "node_modules"]));
  for (const secret of [settings.CLAVEX_CLIENT_SECRET, settings.SESSION_SECRET]) {
    expect(secret).toMatch(/.{32,}/);
    expect(starter.output).not.toContain(secret);
  }
});
