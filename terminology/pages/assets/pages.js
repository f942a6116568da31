// What is nicer with a script. Every page works without: forms are sent, and texts can be selected.
"use strict";

const PAUSE = 250;

// A button that copies the text of each request.
for (const way of document.querySelectorAll(".way, .answer")) {
  const code = way.querySelector("code");
  if (!code || !navigator.clipboard) continue;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select and copy";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  (way.matches("pre") ? way.parentElement : way).append(button);
}

// A form with data-live shows its answer while somebody types or chooses.
for (const form of document.querySelectorAll("form[data-live]")) {
  const place = form.dataset.live;
  let waiting;
  let latest = 0;

  const show = async () => {
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value) query.append(name, value);
    const address = `${form.getAttribute("action")}?${query}`;
    const number = ++latest;
    const part = document.querySelector(place);
    part.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(address, { headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const found = page.querySelector(place);
      if (number !== latest || !found) return;
      part.replaceChildren(...found.childNodes);
      history.replaceState(null, "", address);
    } finally {
      part.removeAttribute("aria-busy");
    }
  };
  const soon = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => show().catch(() => {}), PAUSE);
  };
  form.addEventListener("input", soon);
}
