import { demo, issuerOf, unique } from "../../fixtures/environment.ts";
import { expect, test } from "../../fixtures/test.ts";

/** What cannot be believed is answered here, with a request id, and never sent anywhere. */
const refused = [
  { what: "an unknown organization", url: () => `${issuerOf(`nobody-${unique()}`)}/login`, heading: "This page does not exist", code: "organization_not_found" },
  {
    what: "an unknown application",
    url: () => `${issuerOf(demo.slug)}/authorize?client_id=${unique()}&response_type=code&redirect_uri=http%3A%2F%2Flocalhost%3A3000%2Fapi%2Fauth%2Fcallback`,
    heading: "The application made a mistake",
    code: "invalid_client",
  },
  {
    what: "a redirect URI that was not registered",
    url: () => `${issuerOf(demo.slug)}/authorize?client_id=demo-web&response_type=code&redirect_uri=http%3A%2F%2Flocalhost%3A3000%2Felsewhere`,
    heading: "The application made a mistake",
    code: "invalid_redirect_uri",
  },
  {
    what: "a parameter given twice",
    url: () => `${issuerOf(demo.slug)}/authorize?client_id=demo-web&client_id=demo-spa&response_type=code`,
    heading: "The application made a mistake",
    code: "invalid_request",
  },
];

for (const { what, url, heading, code } of refused) {
  test(`${what} is refused on a page with a request id`, async ({ page, hosted }) => {
    const address = url();
    const answer = await page.goto(address);
    expect(answer?.status()).toBeGreaterThanOrEqual(400);
    expect(answer?.status()).toBeLessThan(500);
    expect(page.url()).toBe(address);
    await expect(hosted.heading(heading)).toBeVisible();
    await expect(page.locator("#error-code")).toHaveText(code);
    await expect(page.locator("#request-id")).toHaveText(answer?.headers()["x-request-id"] ?? "missing");
    await expect(page.locator("#error-description")).not.toBeEmpty();
  });
}
