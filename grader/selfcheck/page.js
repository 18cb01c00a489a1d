// What a script adds: the answer comes by itself, and a file is looked at before it is sent.
"use strict";

function follow() {
  const state = document.getElementById("state");
  if (!state || state.dataset.done === "1") return;
  setTimeout(async () => {
    try {
      const reply = await fetch(location.href, { headers: { "X-XSRFToken": state.dataset.xsrf } });
      const page = new DOMParser().parseFromString(await reply.text(), "text/html");
      if (reply.ok && !reply.redirected) take(page, state);
      else if (reply.redirected || reply.status === 403) location.reload(); // log in anew
    } catch {
      // The service or the network is away for a moment: look again.
    }
    follow();
  }, 1000 * Number(state.dataset.seconds));
}

function take(page, state) {
  const now = page.getElementById("state");
  if (!now) return;
  state.dataset.seconds = now.dataset.seconds;
  state.dataset.done = now.dataset.done;
  // Only what is new is read out.
  if (state.textContent !== now.textContent) state.textContent = now.textContent;
  if (now.dataset.done === "1") document.getElementById("answer").replaceWith(page.getElementById("answer"));
  document.title = page.title;
}

function look() {
  const form = document.querySelector("form[data-bytes]");
  if (!form) return;
  const file = form.querySelector("#file");
  const problem = form.querySelector("#problem");
  file.addEventListener("change", () => {
    const chosen = file.files[0];
    const tooLarge = chosen && chosen.size > Number(form.dataset.bytes);
    problem.textContent = tooLarge
      ? `It has ${(chosen.size / 2 ** 20).toFixed(1)} MiB. Clear its outputs, save it, and choose it again.`
      : "";
    file.setCustomValidity(problem.textContent);
    const stem = chosen ? chosen.name.replace(/\.ipynb$/, "") : "";
    const same = [...form.elements.notebook.options].filter((option) => option.value.endsWith(`/${stem}`));
    if (same.length === 1) same[0].selected = true;
  });
}

look();
follow();
