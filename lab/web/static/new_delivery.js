// The form is sent from here, so that what was typed and chosen stays as it is.
(() => {
  "use strict";
  const form = document.getElementById("new-delivery");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = event.submitter || form.querySelector("button");
    const fields = new FormData(form);
    fields.set("do", button.value);
    const buttons = form.querySelectorAll("button");
    for (const each of buttons) each.disabled = true;
    try {
      const reply = await fetch(form.action, { method: "POST", body: fields, headers: { Accept: "application/json" } });
      if (reply.status === 201) {
        location.assign(reply.headers.get("Location"));
        return;
      }
      const page = new DOMParser().parseFromString(await reply.text(), "text/html");
      const answer = page.getElementById("answer");
      if (!answer) throw new Error(`error ${reply.status}`);
      answer.querySelector("[data-again]")?.remove(); // here the browser does keep it
      document.getElementById("answer").replaceWith(answer);
      answer.focus();
      answer.scrollIntoView({ block: "nearest" });
    } catch (error) {
      const answer = document.getElementById("answer");
      const words = document.createElement("p");
      words.className = "error";
      words.textContent = `The server did not answer as it should: ${error.message}`;
      answer.append(words);
    }
    for (const each of buttons) each.disabled = false;
  });
})();
