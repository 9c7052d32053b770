/* A button that says what it will do with the amount that is written: above a limit, something else. The server decides;
   without this the hint beside the field says the same. */
"use strict";

for (const field of document.querySelectorAll("input[data-limit]")) {
  const button = field.form.querySelector("button[type=submit]");
  const usual = button.textContent;
  const tell = () => {
    const above = Number(field.value) > Number(field.dataset.limit);
    button.textContent = above ? field.dataset.above : usual;
  };
  field.addEventListener("input", tell);
  tell();
}
