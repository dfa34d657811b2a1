// The list of runs looks again while one of them is under way: nothing of it is in the lab's store.
(() => {
  "use strict";
  setInterval(() => {
    if (document.querySelector("[data-running]")) document.dispatchEvent(new Event("look-again"));
  }, 1000);
})();
