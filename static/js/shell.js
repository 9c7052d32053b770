/* Menus are <details> and sections a row that scrolls: both work without this. It closes menus with Escape, on a press
   elsewhere and when the focus leaves, and brings the section that is current or has the focus into sight. */
"use strict";

const closeMenus = (keep) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(keep)) menu.open = false;
};

const show = (link) => {
  const row = link.parentElement;
  const [inner, outer] = [link.getBoundingClientRect(), row.getBoundingClientRect()];
  const margin = 32; // the row fades out at its end
  if (inner.right + margin > outer.right) row.scrollLeft += inner.right + margin - outer.right;
  else if (inner.left < outer.left) row.scrollLeft -= outer.left + margin - inner.left;
};

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.activeElement.closest("details.menu[open]");
  closeMenus(null);
  if (menu) menu.querySelector("summary").focus();
});

document.addEventListener("pointerdown", (event) => closeMenus(event.target));

document.addEventListener("focusin", (event) => {
  closeMenus(event.target);
  if (event.target.matches(".sections nav a")) show(event.target);
});

const current = document.querySelector(".sections nav a[aria-current]");
if (current) show(current);
