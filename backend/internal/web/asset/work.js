// Computes the answer to the challenge of a form (package proofofwork): for each part a number with which SHA-256 of seed,
// part and number begins with enough zeros. It begins when somebody writes into the form, in slices that leave the page
// usable, and holds the form back until the answer is there. Without it the form is taken after some waiting.
(() => {
  "use strict";
  const place = document.getElementById("work");
  if (!place) return;
  const form = place.closest("form");
  const bar = document.getElementById("work-progress");
  const status = document.getElementById("work-status");
  const SLICE = 24; // milliseconds
  document.getElementById("work-wait").hidden = true;
  status.hidden = "quiet" in place.dataset;

  const [, bits, parts, seed] = place.dataset.challenge.split(".");
  const bytes = Uint8Array.from(atob(seed.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));

  // SHA-256 (FIPS 180-4) of one block: the seed of 16 bytes, part and number, 24 bytes in all.
  const K = new Int32Array(64);
  const H = new Int32Array(8);
  for (let n = 2, found = 0; found < 64; n++) {
    let prime = true;
    for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
    if (!prime) continue;
    if (found < 8) H[found] = (Math.sqrt(n) % 1) * 0x100000000;
    K[found++] = (Math.cbrt(n) % 1) * 0x100000000;
  }
  const block = new DataView(bytes.buffer);
  const W = new Int32Array(64);
  const first = (part, number) => {
    for (let i = 0; i < 4; i++) W[i] = block.getInt32(4 * i);
    W[4] = part;
    W[5] = number;
    W[6] = 0x80000000;
    W.fill(0, 7, 15);
    W[15] = 24 * 8;
    for (let i = 16; i < 64; i++) {
      const x = W[i - 15];
      const y = W[i - 2];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      W[i] = (W[i - 16] + s0 + W[i - 7] + s1) | 0;
    }
    let [a, b, c, d, e, f, g, h] = H;
    for (let i = 0; i < 64; i++) {
      const S1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + S1 + ((e & f) ^ (~e & g)) + K[i] + W[i]) | 0;
      const S0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (S0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    return (H[0] + a) | 0; // the first 32 bits of the digest
  };

  const shift = 32 - Number(bits);
  const count = Number(parts);
  const solution = [];
  let part = 0;
  let number = 0;
  let begun = false;
  let held = null; // what pressed, when the form waits for the answer

  const turn = new MessageChannel(); // timers are slowed down when they follow each other
  const slice = () => {
    const until = performance.now() + SLICE;
    while (performance.now() < until) {
      for (let i = 0; i < 500; i++) {
        if (first(part, number) >>> shift) {
          number++;
          continue;
        }
        solution.push(number);
        number = 0;
        part++;
        bar.value = part;
        if (part === count) {
          done();
          return;
        }
      }
    }
    turn.port2.postMessage(0);
  };
  turn.port1.onmessage = slice;

  const begin = () => {
    if (begun) return;
    begun = true;
    turn.port2.postMessage(0);
  };

  const done = () => {
    form.elements.solution.value = solution.join(".");
    bar.hidden = true;
    status.textContent = place.dataset.ready;
    if (held) form.requestSubmit(held.submitter && held.submitter.form === form ? held.submitter : undefined);
  };

  form.addEventListener("input", begin);
  form.addEventListener(
    "submit",
    (event) => {
      if (form.elements.solution.value) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (held) return;
      held = { submitter: event.submitter };
      bar.hidden = status.hidden = false;
      status.textContent = place.dataset.busy;
      if (event.submitter) {
        event.submitter.setAttribute("data-busy", "");
        event.submitter.setAttribute("aria-disabled", "true");
      }
      begin();
    },
    true,
  );
  // Back from the next page: the challenge was used.
  addEventListener("pageshow", (event) => event.persisted && location.reload());
})();
