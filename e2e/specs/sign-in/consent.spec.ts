import { demo } from "../../fixtures/environment.ts";
import { expect, test } from "../../fixtures/test.ts";

test("consent is asked in sentences, remembered, and asked again for more", async ({ page, hosted, payroll }) => {
  const first = await payroll.begin({ prompt: "login consent" });
  await page.goto(first.url);
  await hosted.signIn(demo.ada);
  await expect(hosted.heading("Payroll asks for access")).toBeVisible();
  await expect(page.getByText(`Signed in as ${demo.ada.name}`)).toBeVisible();
  await expect(page.getByRole("listitem").filter({ hasText: "See your email address" })).toBeVisible();
  await hosted.allow.click();
  await payroll.redeem(await payroll.returned(page, first), first);

  // Signed in and allowed before: straight back, without a page in between.
  const second = await payroll.begin();
  await page.goto(second.url);
  await payroll.redeem(await payroll.returned(page, second), second);

  const third = await payroll.begin({ scope: "openid profile email phone" });
  await page.goto(third.url);
  await expect(page.getByRole("listitem").filter({ hasText: "See your phone number" })).toBeVisible();
  await hosted.deny.click();
  expect((await payroll.returned(page, third)).searchParams.get("error")).toBe("access_denied");
});

test("denying tells the application, and nothing is shared", async ({ page, hosted, payroll }) => {
  const attempt = await payroll.begin({ prompt: "login consent" });
  await page.goto(attempt.url);
  await hosted.signIn(demo.ada);
  await hosted.deny.click();
  const answer = await payroll.returned(page, attempt);
  expect(answer.searchParams.get("error")).toBe("access_denied");
  expect(answer.searchParams.get("iss")).toBe(payroll.configuration.serverMetadata().issuer);
  expect(answer.searchParams.has("code")).toBe(false);
  await expect(payroll.redeem(answer, attempt)).rejects.toMatchObject({ error: "access_denied" });
});
