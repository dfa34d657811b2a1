// The frame of a mail is as wide as the page, or as a phone.
(() => {
  "use strict";
  const frame = document.getElementById("mail");
  const buttons = [...document.querySelectorAll("[data-width]")];
  for (const button of buttons) {
    button.addEventListener("click", () => {
      frame.classList.toggle("phone", button.dataset.width === "phone");
      for (const each of buttons) each.setAttribute("aria-pressed", String(each === button));
    });
  }
})();
