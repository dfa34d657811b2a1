// A slider over time that shows what was then: a fragment of HTML is fetched for where it stands.
//
//   <div class="slider" data-fetch="/queue/then?at={value}" data-into="then">
//     <label for="when">As of</label>
//     <button type="button" data-step="back">Previous event</button>
//     <input id="when" type="range" min="0" max="600" step="1" value="600" data-stops="[0, 12.5, 60]">
//     <button type="button" data-step="on">Next event</button>
//     <output for="when"></output>
//   </div>
//   <div id="then">…what the server showed first…</div>
//
// It stands outside of `live`. Buttons go to the next of `data-stops` (leave both out if there are
// none). An element with `data-said` in the fragment gives the words that the slider says of its
// value, and the `output`, which is read out. Each move is told by an event `slid` whose detail is
// {value}. Setting `input.value` and sending it an `input` event moves it, so a chart can be clicked.
(() => {
  "use strict";
  const WAIT_MS = 80; // while it is dragged
  const begin = (slider) => {
    const input = slider.querySelector("input[type=range]");
    const into = document.getElementById(slider.dataset.into);
    const stops = JSON.parse(input.dataset.stops || "[]");
    const buttons = [...slider.querySelectorAll("button[data-step]")];
    let timer = 0, asked = null;

    const saySo = () => {
      const said = into.querySelector("[data-said]");
      if (said) input.setAttribute("aria-valuetext", said.dataset.said);
      const output = slider.querySelector("output");
      if (said && output) output.textContent = said.dataset.said;
    };
    const next = (step) => {
      const at = Number(input.value), half = Number(input.step) / 2 || 0;
      return step === "on" ? stops.find((each) => each > at + half) : stops.findLast((each) => each < at - half);
    };
    const fetchIt = async () => {
      if (asked) asked.abort();
      asked = new AbortController();
      const address = slider.dataset.fetch.replace("{value}", encodeURIComponent(input.value));
      try {
        const answer = await fetch(address, { headers: { Accept: "text/html" }, signal: asked.signal });
        if (!answer.ok) throw new Error(`error ${answer.status}`);
        into.innerHTML = await answer.text();
        into.removeAttribute("aria-busy");
        saySo();
      } catch (error) {
        if (error.name === "AbortError") return;
        into.textContent = `What was then cannot be shown: ${error.message}.`;
      }
    };
    const moved = () => {
      // Not `disabled`: the one that is pressed would lose the focus.
      for (const each of buttons) each.setAttribute("aria-disabled", next(each.dataset.step) === undefined);
      slider.dispatchEvent(new CustomEvent("slid", { bubbles: true, detail: { value: Number(input.value) } }));
    };
    input.addEventListener("input", () => {
      moved();
      into.setAttribute("aria-busy", "true");
      clearTimeout(timer);
      timer = setTimeout(fetchIt, WAIT_MS);
    });
    for (const each of buttons) each.addEventListener("click", () => {
      const stop = next(each.dataset.step);
      if (stop === undefined) return;
      input.value = stop;
      input.dispatchEvent(new Event("input"));
    });
    saySo();
    moved();
  };
  for (const each of document.querySelectorAll(".slider[data-fetch]")) begin(each);
})();
