// The address says the time that the slider stands at, so that it can be given to somebody.
(() => {
  "use strict";
  const slider = document.getElementById("as-of");
  if (!slider) return;
  slider.addEventListener("slid", (event) => {
    const address = new URL(location.href);
    address.searchParams.set("as_of", event.detail.value);
    history.replaceState(null, "", address);
    for (const each of document.querySelectorAll(".tabs a[href^='/queue']")) {
      const tab = new URL(each.href);
      tab.searchParams.set("as_of", event.detail.value);
      each.href = tab.pathname + tab.search;
    }
  });
})();
