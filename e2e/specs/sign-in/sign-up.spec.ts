import { demo, issuerOf, unique } from "../../fixtures/environment.ts";
import { codeIn, linkIn, mailsTo, mailTo } from "../../fixtures/mailbox.ts";
import { expect, test } from "../../fixtures/test.ts";

const newcomer = () => ({ email: `eva-${unique()}@new.test`, givenName: "Eva", familyName: "Nova", password: "Analytical-No-1843" });

test("an application asks for an account, and the newcomer is back there with it", async ({ page, hosted, payroll }) => {
  const eva = newcomer();
  expect(payroll.configuration.serverMetadata()["prompt_values_supported"]).toContain("create");
  const attempt = await payroll.begin({ prompt: "create", login_hint: eva.email });
  await page.goto(attempt.url);
  await expect(hosted.heading("Create an account at Demo")).toBeVisible();
  await expect(page.getByText("to continue to Payroll")).toBeVisible();
  await expect(page.getByRole("textbox", { name: "Email", exact: true })).toHaveValue(eva.email);
  await expect(page.getByRole("textbox", { name: "Given name" })).toBeFocused();
  await hosted.signUp(eva);
  await expect(page.getByText(eva.email)).toBeVisible();
  const mail = await mailTo(eva.email);
  expect(mail).toMatchObject({ from_name: "Demo", subject: "Confirm your email address for Demo" });

  await hosted.confirm("2345-CFGH");
  await expect(hosted.problem).toContainText("not the code");
  await expect(page.getByRole("textbox", { name: "Code" })).toBeFocused();
  await expect(page.getByRole("textbox", { name: "Code" })).toHaveAttribute("aria-invalid", "true");
  await hosted.confirm(codeIn(mail).toLowerCase());
  await hosted.allow.click();
  const tokens = await payroll.redeem(await payroll.returned(page, attempt), attempt);
  expect(await payroll.userinfo(tokens)).toMatchObject({ email: eva.email, email_verified: true, name: "Eva Nova", given_name: "Eva", family_name: "Nova" });

  // The account is theirs: they sign in with it elsewhere.
  await page.context().clearCookies();
  await page.goto(`${issuerOf(demo.slug)}/`);
  await hosted.signIn({ username: eva.email, password: eva.password });
  await expect(hosted.heading("You are signed in")).toBeVisible();
});

test("the sign-in page leads to it, and back", async ({ page, hosted }) => {
  await page.goto(`${issuerOf(demo.slug)}/login`);
  await page.getByRole("link", { name: "Create an account" }).click();
  await expect(hosted.heading("Create an account at Demo")).toBeVisible();
  await page.getByRole("button", { name: "I have an account already" }).click();
  await expect(hosted.heading("Sign in to Demo")).toBeVisible();
  await hosted.signIn(demo.ada);
  await expect(hosted.heading("You are signed in")).toBeVisible();
});

test("the link of the mail fills in the code, in this browser only", async ({ page, hosted, browser }) => {
  const eva = newcomer();
  await page.goto(`${issuerOf(demo.slug)}/sign-up`);
  await hosted.signUp(eva);
  const link = linkIn(await mailTo(eva.email));

  const elsewhere = await browser.newContext();
  const other = await elsewhere.newPage();
  await other.goto(link);
  await expect(other.getByRole("heading", { level: 1, name: "Go back to your other browser" })).toBeVisible();
  await elsewhere.close();

  await page.goto(link);
  await expect(page.getByRole("textbox", { name: "Code" })).not.toHaveValue("");
  await page.getByRole("button", { name: "Create the account" }).click();
  await expect(hosted.heading("You are signed in")).toBeVisible();
  await expect(page.getByRole("definition").filter({ hasText: eva.email }).first()).toBeVisible();
});

test("an address that has an account looks the same, and its mailbox is told", async ({ page, hosted }) => {
  const before = (await mailsTo(demo.grace.username)).length;
  await page.goto(`${issuerOf(demo.slug)}/sign-up`);
  await hosted.signUp({ ...newcomer(), email: demo.grace.username });
  const mail = await mailTo(demo.grace.username, before + 1);
  expect(mail.subject).toBe("You have an account at Demo");
  await page.getByRole("button", { name: "Use another address" }).click();
  await expect(hosted.heading("Create an account at Demo")).toBeVisible();
  await page.goto(linkIn(mail));
  await expect(hosted.heading("Sign in to Demo")).toBeVisible();
});

test("another mail makes the first code worthless", async ({ page, hosted }) => {
  const eva = newcomer();
  await page.goto(`${issuerOf(demo.slug)}/sign-up`);
  await hosted.signUp(eva);
  const first = codeIn(await mailTo(eva.email));
  await page.getByRole("button", { name: "Send another mail" }).click();
  await expect(page.getByText("Another mail is on its way.")).toBeVisible();
  const second = codeIn(await mailTo(eva.email, 2));
  await hosted.confirm(first);
  await expect(hosted.problem).toBeVisible();
  await hosted.confirm(second);
  await expect(hosted.heading("You are signed in")).toBeVisible();
});

test("the keyboard alone is enough", async ({ page, hosted }) => {
  const eva = newcomer();
  await page.goto(`${issuerOf(demo.slug)}/sign-up`);
  await expect(page.getByRole("textbox", { name: "Email", exact: true })).toBeFocused();
  for (const text of [eva.email, eva.givenName, eva.familyName]) {
    await page.keyboard.type(text);
    await page.keyboard.press("Tab");
  }
  await expect(hosted.password).toBeFocused();
  await page.keyboard.type(eva.password);
  await page.keyboard.press("Enter");
  await expect(hosted.heading("Check your mail")).toBeVisible();
  await expect(page.getByRole("textbox", { name: "Code" })).toBeFocused();
  await page.keyboard.type(codeIn(await mailTo(eva.email)));
  await page.keyboard.press("Enter");
  await expect(hosted.heading("You are signed in")).toBeVisible();
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("the whole sign-up works", async ({ page, hosted, payroll }) => {
    const eva = newcomer();
    const attempt = await payroll.begin({ prompt: "create" });
    await page.goto(attempt.url);
    await hosted.signUp(eva);
    await page.getByRole("button", { name: "Send another mail" }).click();
    await hosted.confirm(codeIn(await mailTo(eva.email, 2)));
    await hosted.allow.click();
    const tokens = await payroll.redeem(await payroll.returned(page, attempt), attempt);
    expect(await payroll.userinfo(tokens)).toMatchObject({ email: eva.email });
  });
});

test("what clavex dev caught is shown to people", async ({ page, hosted }) => {
  const eva = newcomer();
  await page.goto(`${issuerOf(demo.slug)}/sign-up`);
  await hosted.signUp(eva);
  const mail = await mailTo(eva.email);
  await page.goto("/dev/mail");
  await page.getByRole("listitem").filter({ hasText: eva.email }).getByRole("link").click();
  await expect(page.getByRole("heading", { level: 1, name: mail.subject })).toBeVisible();
  await expect(page.frameLocator("#html").getByText(codeIn(mail))).toBeVisible();
  await page.locator("#text").getByRole("link").first().click();
  await page.getByRole("button", { name: "Create the account" }).click();
  await expect(hosted.heading("You are signed in")).toBeVisible();
});
