// Says how fresh the live page's figures are, lets a reader pause them, and moves nothing under the hand or the focus.
// The stream itself is htmx's; a message carries HTML that the server has drawn.
(() => {
  "use strict";
  const root = document.getElementById("live");
  const line = document.getElementById("freshness");
  const word = line.querySelector("[data-word]");
  const age = line.querySelector("[data-age]");
  const asof = line.querySelector("[data-asof]");
  const button = document.getElementById("pause");
  const STALE = 20; // seconds; the server sends the time of the figures at least every 11
  const SIGNED_OUT = 60; // seconds after which a line that is cut may be a session that has ended
  const kept = new Map(); // messages that are not shown yet, by their place
  let paused = false;
  let connected = false;
  let arrived = performance.now(); // when the newest message came
  let fresh = arrived; // when what is shown came

  const show = (state, text, older) => {
    if (line.dataset.state !== state) {
      line.dataset.state = state;
      word.textContent = text;
    }
    age.textContent = older ? `(${Math.round(older)} s old)` : "";
  };

  const tell = () => {
    const seconds = (performance.now() - fresh) / 1000;
    if (paused) show("paused", "Paused,", seconds);
    else if (!connected) show("lost", "Reconnecting, figures", seconds);
    else if (seconds > STALE) show("lost", "Not updating, figures", seconds);
    else show("live", "Live,", 0);
    const held = [...kept.keys()].some((target) => !target.dataset.into);
    if (!paused && connected && held) age.textContent = "(what you point at or stand on waits)";
    if (!connected && seconds > SIGNED_OUT) age.textContent += " If this stays, open the page again: you may be signed out.";
  };

  // On a touch screen the last thing tapped counts as hovered, for good.
  const hovers = matchMedia("(hover: hover)");
  const inUse = (place) => place.contains(document.activeElement)
    || (hovers.matches && place.matches("[data-still]") && place.matches(":hover"));

  const place = (target, html) => {
    if (target.dataset.into === "asof") asof.innerHTML = html;
    else htmx.swap(target, html, { swapStyle: "innerHTML" });
  };

  const release = () => {
    for (const [target, html] of kept) {
      if (paused || inUse(target)) continue;
      kept.delete(target);
      place(target, html);
    }
  };

  root.addEventListener("htmx:sseOpen", () => { connected = true; tell(); });
  root.addEventListener("htmx:sseError", () => { connected = false; tell(); });
  root.addEventListener("htmx:sseBeforeMessage", (event) => {
    const target = event.target;
    arrived = performance.now();
    if (!paused) fresh = arrived;
    if (paused || inUse(target) || target.dataset.into) {
      event.preventDefault();
      kept.set(target, event.detail.data);
      release();
    }
    tell();
  });
  root.addEventListener("focusout", () => setTimeout(release));
  root.addEventListener("mouseleave", release, true);

  button.hidden = false;
  button.addEventListener("click", () => {
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
    button.textContent = paused ? "Resume updates" : "Pause updates";
    if (!paused) {
      fresh = arrived;
      release();
    }
    tell();
  });
  setInterval(tell, 1000);
})();
