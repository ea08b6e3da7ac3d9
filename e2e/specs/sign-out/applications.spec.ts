import * as client from "openid-client";
import { demo, issuerOf } from "../../fixtures/environment.ts";
import { RelyingParty } from "../../fixtures/relying-party.ts";
import { expect, test } from "../../fixtures/test.ts";

test("whoever signed in hears of the sign-out: from the server, in the browser, and through the check-session iframe", async ({ page, hosted }) => {
  const told = await RelyingParty.registered(issuerOf(demo.slug), "Told by the server", (origin) => ({ backchannel_logout_uri: `${origin}/backchannel` }));
  const framed = await RelyingParty.registered(issuerOf(demo.slug), "Told in the browser", (origin) => ({ frontchannel_logout_uri: `${origin}/frontchannel` }));
  try {
    const first = await told.begin({ prompt: "login consent" });
    await page.goto(first.url);
    await hosted.signIn(demo.ada);
    await hosted.allow.click();
    const answer = await told.returned(page, first);
    const tokens = await told.redeem(answer, first);
    const second = await framed.begin({ prompt: "consent" });
    await page.goto(second.url);
    await hosted.allow.click();
    const sessionState = (await framed.returned(page, second)).searchParams.get("session_state") ?? "";
    const sid = tokens.claims()?.sid as string;

    // A page of the application asks the provider's iframe, as Session Management 1.0 §3.1 shows.
    const iframe = String(framed.configuration.serverMetadata().check_session_iframe);
    const ask = (message: string): Promise<string> =>
      page.evaluate(
        async ([source, text]) => {
          const frame = document.createElement("iframe");
          frame.src = source;
          const loaded = new Promise((resolve) => { frame.addEventListener("load", resolve); });
          document.body.append(frame);
          await loaded;
          const heard = new Promise<string>((resolve) => { addEventListener("message", (event) => { resolve(String(event.data)); }, { once: true }); });
          frame.contentWindow?.postMessage(text, new URL(source).origin);
          return heard;
        },
        [iframe, message] as const,
      );
    const { client_id } = framed.configuration.clientMetadata();
    expect(await ask(`${client_id} ${sessionState}`)).toBe("unchanged");
    expect(await ask(`another-client ${sessionState}`)).toBe("changed");
    expect(await ask("nonsense")).toBe("error");

    const farewell = client.buildEndSessionUrl(told.configuration, {
      id_token_hint: tokens.id_token ?? "",
      post_logout_redirect_uri: `${told.callback.origin}/`,
      state: "bye",
    });
    await page.goto(farewell.href);
    await expect(page).toHaveURL(`${told.callback.origin}/?state=bye`);

    const opened = framed.callback.visits("/frontchannel");
    expect(opened.map((visit) => Object.fromEntries(visit.searchParams))).toEqual([{ iss: issuerOf(demo.slug), sid }]);
    await expect.poll(() => told.callback.visits("/backchannel").length).toBe(1);
    const token = told.callback.visits("/backchannel")[0]?.searchParams.get("logout_token") ?? "";
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as Record<string, unknown>;
    expect(claims).toMatchObject({ iss: issuerOf(demo.slug), aud: told.configuration.clientMetadata().client_id, sub: tokens.claims()?.sub, sid });

    await page.goto(`${framed.callback.origin}/`);
    expect(await ask(`${client_id} ${sessionState}`)).toBe("changed");
  } finally {
    await told.stop();
    await framed.stop();
  }
});
