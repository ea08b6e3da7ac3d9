import { system, unique } from "../../fixtures/environment.ts";
import { expect, test } from "../../fixtures/test.ts";

test("an administrator enters a mail server, hears what it says, and removes it", async ({ page, console: desk }) => {
  await desk.signIn(system.slug, system.administrator);
  const slug = `mail-${unique()}`;
  expect((await desk.call("POST", "/api/v1/orgs", { slug, name: "Mail" })).status).toBe(201);
  await page.goto(`/console/orgs/${slug}/settings?tab=mail`);
  await expect(page.getByText("Mail goes out by the server of this installation")).toBeVisible();

  await page.getByRole("textbox", { name: "Server", exact: true }).fill("127.0.0.1");
  await page.getByRole("textbox", { name: "Port" }).fill("1"); // where nobody listens
  await page.getByRole("textbox", { name: /^User name/ }).fill("clavex");
  await page.getByRole("textbox", { name: "From" }).fill("Mail <no-reply@mail.test>");
  await page.getByRole("button", { name: "Save mail server" }).click();
  await expect(page.getByText("The user name needs a password.")).toBeVisible();
  await page.getByLabel(/^Password/).fill("correct horse battery staple");
  await page.getByRole("button", { name: "Save mail server" }).click();
  await expect(page.getByText("Mail goes out by this server from now on", { exact: true })).toBeVisible();
  await expect(page.getByLabel(/^Password/)).toHaveValue("");

  await page.getByRole("button", { name: "Send a test" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "Not sent" })).toContainText("The mail server cannot be reached");

  await page.getByRole("button", { name: "Remove", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove mail server" }).click();
  await expect(page.getByText("Mail goes out by the server of this installation")).toBeVisible();
  await expect(page.getByRole("textbox", { name: "Server", exact: true })).toHaveValue("");
});
