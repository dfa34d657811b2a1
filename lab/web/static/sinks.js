// The form of the page of sinks: which sink it is about, and what the personality that is chosen does.
(() => {
  "use strict";
  const form = document.getElementById("behave");
  if (!form) return;
  const sink = document.getElementById("sink");
  const personality = document.getElementById("personality");
  const does = document.getElementById("does");
  const chosen = () => {
    form.dataset.post = `/api/v1/sinks/${encodeURIComponent(sink.value)}/personality`;
    const row = document.querySelector(`tr[data-personality="${CSS.escape(personality.value)}"] .said`);
    does.textContent = row ? row.textContent : "";
  };
  const other = () => {
    personality.value = sink.selectedOptions[0].dataset.personality;
    chosen();
  };
  sink.addEventListener("change", other);
  personality.addEventListener("change", chosen);
  other();
})();
