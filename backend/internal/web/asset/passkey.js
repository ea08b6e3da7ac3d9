// A passkey ceremony (WebAuthn Level 3): the only thing on these pages that needs a script. A form with data-ceremony
// has the options of the server and takes the browser's answer; it stays hidden where passkeys cannot be used. With nothing
// pressed, passkeys are offered in the username field (conditional mediation), where the page has one. A form with
// data-related asks for passkeys of another host, and is shown where the browser says that it lets people use those.
(() => {
  "use strict";
  const api = window.PublicKeyCredential;
  if (!api || !navigator.credentials) return;

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const text = (buffer) =>
    btoa(Array.from(new Uint8Array(buffer), (code) => String.fromCharCode(code)).join(""))
      .replace(/\+/g, "-")
      .replace(/\//g, "_")
      .replace(/=+$/, "");

  // After a sign-in, and where passkeys are removed, authenticators learn which ones are left.
  const accepted = document.querySelector("[data-accepted-passkeys]");
  if (accepted && api.signalAllAcceptedCredentials) {
    api.signalAllAcceptedCredentials(JSON.parse(accepted.dataset.acceptedPasskeys)).catch(() => {});
  }

  const show = (selector, shown) => {
    for (const part of document.querySelectorAll(selector)) part.hidden = !shown;
  };
  show("[data-with-passkeys]", true);
  show("[data-without-passkeys]", false);

  const described = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  const written = (made) => {
    const response = {};
    for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (made.response[part]) response[part] = text(made.response[part]);
    }
    if (made.response.getTransports) response.transports = made.response.getTransports();
    return JSON.stringify({
      id: made.id,
      rawId: text(made.rawId),
      type: made.type,
      authenticatorAttachment: made.authenticatorAttachment || undefined,
      clientExtensionResults: made.getClientExtensionResults(),
      response,
    });
  };

  const related = document.querySelector("form[data-related]");

  // A browser does one ceremony at a time: pressing a button ends what waits in the username field.
  let waiting = null;
  let pressed = false;
  let offer = async () => {};

  const begin = (form) => {
    const button = form.querySelector(".passkey");
    const status = form.querySelector(".notice");
    const creating = form.dataset.ceremony === "create";

    const options = () => {
      const read = JSON.parse(form.dataset.options);
      read.challenge = bytes(read.challenge);
      if (creating) {
        read.user.id = bytes(read.user.id);
        read.excludeCredentials = described(read.excludeCredentials);
      } else {
        read.allowCredentials = described(read.allowCredentials);
      }
      return read;
    };

    const ask = (how) => navigator.credentials[creating ? "create" : "get"]({ publicKey: options(), ...how });

    const say = (words) => {
      status.textContent = words || "";
      status.hidden = !words;
    };

    const send = (made) => {
      form.elements.passkey.value = written(made);
      form.requestSubmit();
    };

    const words = (error) => {
      switch (error.name) {
        case "NotAllowedError":
        case "AbortError":
          return status.dataset.cancelled;
        case "InvalidStateError":
          return status.dataset.exists || status.dataset.failed;
        case "SecurityError":
        case "NotSupportedError":
        case "ConstraintError":
          return status.dataset.impossible;
        default:
          return status.dataset.failed;
      }
    };

    const rest = () => {
      button.removeAttribute("data-busy");
      button.removeAttribute("aria-disabled");
    };

    button.addEventListener("click", async () => {
      if (button.hasAttribute("aria-disabled")) return;
      if (form.elements.name && !form.reportValidity()) return;
      say("");
      button.setAttribute("data-busy", "");
      button.setAttribute("aria-disabled", "true");
      pressed = true;
      if (waiting) waiting.abort();
      try {
        send(await ask({}));
      } catch (error) {
        pressed = false;
        rest();
        say(words(error));
        if (form === related) show("[data-without-related-passkeys]", true); // there is another way
        offer();
      }
    });

    addEventListener("pageshow", (event) => event.persisted && rest());
    form.hidden = button.hidden = false;
    if (creating || "byButton" in form.dataset) return;
    offer = async () => {
      if (!api.isConditionalMediationAvailable || !(await api.isConditionalMediationAvailable()) || pressed) return;
      waiting = new AbortController();
      try {
        send(await ask({ mediation: "conditional", signal: waiting.signal }));
      } catch {
        // Aborted, or the browser thought better of it: the button is there.
      }
    };
    offer();
  };

  for (const form of document.querySelectorAll("form[data-ceremony]:not([data-related])")) begin(form);

  if (related && api.getClientCapabilities) {
    api
      .getClientCapabilities()
      .then((capabilities) => {
        if (!capabilities.relatedOrigins) return;
        begin(related);
        show("[data-without-related-passkeys]", false);
      })
      .catch(() => {});
  }
})();
