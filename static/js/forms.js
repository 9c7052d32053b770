/* Forms that must not be sent twice by a double click, and buttons that copy. Both work without this: the server refuses a
   form that it has had, and what is to be copied can be selected. */
"use strict";

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[data-once]")) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});

// A page that comes back out of the browser's memory has been sent, but is to be used again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
    const told = document.getElementById(button.getAttribute("aria-describedby"));
    if (told) told.textContent = "Copied";
  });
}
