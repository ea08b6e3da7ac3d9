
// Answers the pages of clients (OpenID Connect Session Management 1.0 §3.2): a message "client_id session_state" is
// answered with "unchanged" or "changed", and one that cannot be understood with "error". The digest is computed here
// and not by crypto.subtle, which is missing wherever a page around this one came by plain http.
(() => {
  "use strict";
  const K = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
  ];

  // SHA-256 (FIPS 180-4 §6.2) of ASCII text, in base64url.
  const digest = (text) => {
    const rotate = (x, n) => (x >>> n) | (x << (32 - n));
    const length = ((text.length + 8) >> 6) * 16 + 16;
    const words = new Int32Array(length);
    for (let i = 0; i < text.length; i++) words[i >> 2] |= text.charCodeAt(i) << (24 - (i % 4) * 8);
    words[text.length >> 2] |= 0x80 << (24 - (text.length % 4) * 8);
    words[length - 1] = text.length * 8;
    const h = new Int32Array([
      0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    ]);
    const w = new Int32Array(64);
    for (let block = 0; block < length; block += 16) {
      let [a, b, c, d, e, f, g, z] = h;
      for (let i = 0; i < 64; i++) {
        if (i < 16) {
          w[i] = words[block + i];
        } else {
          const x = w[i - 15], y = w[i - 2];
          w[i] = w[i - 16] + (rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3)) + w[i - 7] + (rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10));
        }
        const first = (z + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
        const second = ((rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        z = g; g = f; f = e; e = (d + first) | 0;
        d = c; c = b; b = a; a = (first + second) | 0;
      }
      [a, b, c, d, e, f, g, z].forEach((value, i) => { h[i] += value; });
    }
    let bytes = "";
    for (const value of h) bytes += String.fromCharCode(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
    return btoa(bytes).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
  };

  const browserState = () => {
    const prefix = document.documentElement.dataset.cookie + "=";
    const pair = document.cookie.split("; ").find((text) => text.startsWith(prefix));
    return pair ? pair.slice(prefix.length) : "";
  };

  addEventListener("message", (event) => {
    if (!event.source || event.source === window || event.origin === "null") return;
    const asked = /^([\x21-\x7e]+) ([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{1,64})$/.exec(typeof event.data === "string" ? event.data : "");
    let answer = "error";
    if (asked) {
      const now = digest([asked[1], event.origin, browserState(), asked[3]].join(" "));
      answer = now === asked[2] ? "unchanged" : "changed";
    }
    event.source.postMessage(answer, event.origin);
  });
})();
