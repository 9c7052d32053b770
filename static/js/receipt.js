// Works the receipt out again in the reader's own browser, from the figures on the page, in whole numbers.
(() => {
  "use strict";
  const table = document.getElementById("sum");
  const place = document.getElementById("browser");
  if (!table || !place) return;
  const PLACES = 9;

  // A decimal as a whole number and how many of its digits stand after the point.
  const read = (text) => {
    const [whole, part = ""] = text.split(".");
    return { digits: BigInt(whole + part), places: part.length };
  };

  const markup = read(table.dataset.markup);
  const amounts = [...table.querySelectorAll("[data-tokens]")].map((row) => {
    const rate = read(row.dataset.rate);
    return { digits: BigInt(row.dataset.tokens) * rate.digits * markup.digits, places: rate.places + markup.places + 6 };
  });
  const places = Math.max(PLACES, ...amounts.map((amount) => amount.places));
  const sum = amounts.reduce((total, a) => total + a.digits * 10n ** BigInt(places - a.places), 0n);
  const step = 10n ** BigInt(places - PLACES);
  const half = sum < 0n ? -step / 2n : step / 2n; // halves away from zero
  const rounded = (sum + half) / step;

  const cost = read(table.dataset.cost);
  const stored = cost.digits * 10n ** BigInt(PLACES - cost.places);
  place.textContent = rounded === stored ? "Your browser got the same cost just now." : "Your browser gets another cost.";
  place.className = rounded === stored ? "up" : "down";
})();
