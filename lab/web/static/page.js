// What every page does: it looks again when the server says so, and is used by keyboard.
(() => {
  "use strict";
  const live = document.getElementById("live");
  const connection = document.getElementById("connection");
  const root = document.documentElement;

  // --- live ---------------------------------------------------------------------------------
  const LEAST_MS = 700; // between two looks of one page
  let lastLook = 0, timer = 0, isStale = false;

  // What somebody unfolded stays unfolded.
  if (window.Idiomorph) {
    Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => !(name === "open" && node.tagName === "DETAILS");
  }
  const look = () => {
    timer = 0;
    if (document.hidden || document.body.dataset.live === "off") { isStale = true; return; }
    isStale = false;
    lastLook = performance.now();
    for (const each of document.querySelectorAll("[hx-trigger~='changed']")) htmx.trigger(each, "changed");
  };
  const lookSoon = () => {
    if (!timer) timer = setTimeout(look, Math.max(0, lastLook + LEAST_MS - performance.now()));
  };
  const say = (words, kind) => {
    connection.textContent = words;
    connection.className = `connection ${kind}`;
  };
  if (live && live.innerHTML.trim()) {
    const source = new EventSource("/api/v1/changes");
    let isFirst = true;
    source.addEventListener("changed", () => {
      say("live", "on");
      if (!isFirst) lookSoon(); // the page itself is as new as the first
      isFirst = false;
    });
    source.addEventListener("error", () => say("not connected", "off"));
    addEventListener("pagehide", () => source.close());
    document.addEventListener("visibilitychange", () => { if (!document.hidden && isStale) lookSoon(); });
  }
  document.addEventListener("look-again", lookSoon);
  document.addEventListener("htmx:responseError", (event) => {
    say(event.detail.xhr.status === 503 ? "the store is away" : `error ${event.detail.xhr.status}`, "off");
  });
  document.addEventListener("htmx:sendError", () => say("not connected", "off"));

  // --- actions: <button data-post="/api/v1/…" data-body='{…}' data-confirm="Sure?" data-to="/…/{key}"> -----
  const toast = document.getElementById("toast");
  let toastTimer = 0;
  const tell = (words, kind) => {
    clearTimeout(toastTimer);
    toast.textContent = words;
    toast.className = `toast ${kind}`;
    toast.hidden = false;
    toastTimer = setTimeout(() => { toast.hidden = true; }, kind === "bad" ? 12000 : 4000);
  };
  const act = async (button) => {
    if (button.dataset.confirm && !confirm(button.dataset.confirm)) return;
    button.disabled = true;
    try {
      const answer = await fetch(button.dataset.post, {
        method: button.dataset.method || "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json" },
        body: button.dataset.body || "{}",
      });
      if (answer.ok) {
        tell(button.dataset.done || "Done.", "good");
        if (button.dataset.to) {
          const found = await answer.json().catch(() => ({})); // {run} of `data-to` is its `run`
          location.assign(button.dataset.to.replace(/\{(\w+)\}/g, (_, key) => encodeURIComponent(found[key])));
        } else document.dispatchEvent(new Event("look-again"));
      } else {
        const problem = await answer.json().catch(() => ({ detail: `error ${answer.status}` }));
        tell([problem.detail, problem.remedy].filter(Boolean).join(" "), "bad");
      }
    } catch {
      tell("The server does not answer.", "bad");
    } finally {
      button.disabled = false;
    }
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-post]");
    // That of a form is submitted below, each time with what stands in it.
    if (button && !button.closest("form[data-post]")) { event.preventDefault(); act(button); }
  });
  // A form with data-post sends its fields as JSON.
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-post]");
    if (!form) return;
    event.preventDefault();
    const button = event.submitter || form.querySelector("button");
    const fields = Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ""));
    Object.assign(button.dataset, { ...form.dataset, body: JSON.stringify(fields) });
    act(button);
  });

  // --- theme --------------------------------------------------------------------------------
  const otherTheme = () => {
    const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = isDark ? "light" : "dark";
    localStorage.setItem("theme", root.dataset.theme);
    document.dispatchEvent(new Event("theme"));
  };
  document.getElementById("theme").addEventListener("click", otherTheme);

  // --- keyboard -----------------------------------------------------------------------------
  const help = document.getElementById("key-help");
  document.getElementById("keys").addEventListener("click", () => help.showModal());
  const rows = () => [...document.querySelectorAll("main tr[data-href]")];
  const step = (by) => {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((each) => each.contains(document.activeElement));
    const next = all[Math.min(Math.max(at + by, 0), all.length - 1)];
    const link = next.querySelector("a");
    (link || next).focus();
    next.scrollIntoView({ block: "nearest" });
  };
  let isGoing = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const place = event.target;
    if (place.matches("input:not([type=range]):not([type=checkbox]), textarea, select, [contenteditable]")) {
      if (event.key === "Escape") place.blur();
      return;
    }
    if (help.open) return;
    if (isGoing && performance.now() - isGoing < 1500) {
      isGoing = 0;
      const link = document.querySelector(`a[data-go="${CSS.escape(event.key)}"]`);
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    const does = {
      "/": () => document.getElementById("search").focus(),
      "?": () => help.showModal(),
      g: () => { isGoing = performance.now(); },
      j: () => step(1),
      k: () => step(-1),
      t: otherTheme,
    }[event.key];
    if (does) { event.preventDefault(); does(); }
  });
  document.addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-href]");
    if (row && !event.target.closest("a, button, input, label, select, summary") && !String(getSelection())) {
      location.assign(row.dataset.href);
    }
  });
})();
