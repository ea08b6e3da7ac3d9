(() => {
"use strict";
const SLOW_AFTER = 8000;
for (const button of document.querySelectorAll("[data-copy]")) {
if (!navigator.clipboard) continue; // without TLS there is none
button.hidden = false;
button.addEventListener("click", async () => {
await navigator.clipboard.writeText(button.dataset.copy);
button.querySelector("span").textContent = button.dataset.done;
button.setAttribute("aria-live", "polite");
});
}
for (const button of document.querySelectorAll("[data-after]")) {
const words = button.textContent.trim();
const due = Date.now() + button.dataset.after * 1000;
const tick = () => {
const left = Math.ceil((due - Date.now()) / 1000);
button.disabled = left > 0;
button.textContent = left > 0 ? `${words} (${left})` : words;
if (left > 0) setTimeout(tick, 1000);
};
tick();
}
for (const button of document.querySelectorAll(".reveal")) {
const input = document.getElementById(button.getAttribute("aria-controls"));
const show = (shown) => {
input.type = shown ? "text" : "password";
button.setAttribute("aria-pressed", String(shown));
};
button.hidden = false;
input.style.paddingInlineEnd = button.offsetWidth + "px";
button.addEventListener("click", () => show(input.type === "password"));
input.form.addEventListener("submit", () => show(false));
}
const stay = document.getElementById("stay");
if (stay) {
const tell = () => {
const said = stay.checked ? "yes" : "no";
for (const field of document.querySelectorAll("input[type=hidden][name=stay]")) field.value = said;
for (const link of document.querySelectorAll('a[href*="transaction="]')) {
const to = new URL(link.href);
to.searchParams.set("stay", said);
link.href = to.href;
}
};
stay.addEventListener("change", tell);
addEventListener("pageshow", tell); // also when the browser ticks it again
}
const status = document.getElementById("status");
const say = (words) => {
status.textContent = words;
status.hidden = !words;
};
for (const form of document.querySelectorAll("form")) {
let timer = 0;
const rest = () => {
clearTimeout(timer);
form.removeAttribute("aria-busy");
for (const button of form.querySelectorAll("[aria-disabled]")) {
button.removeAttribute("aria-disabled");
button.removeAttribute("data-busy");
}
say("");
};
form.addEventListener("submit", (event) => {
if (form.hasAttribute("aria-busy")) {
event.preventDefault();
return;
}
if (!navigator.onLine) {
event.preventDefault();
say(status.dataset.offline);
return;
}
say("");
form.setAttribute("aria-busy", "true");
for (const button of form.querySelectorAll("[type=submit]")) {
button.setAttribute("aria-disabled", "true");
}
if (event.submitter) event.submitter.setAttribute("data-busy", "");
timer = setTimeout(() => say(status.dataset.slow), SLOW_AFTER);
});
addEventListener("pageshow", (event) => event.persisted && rest());
}
})();
