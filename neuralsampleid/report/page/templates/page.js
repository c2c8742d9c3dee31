"use strict";
(() => {
  const queries = [...document.querySelectorAll("details.query")];
  const type = document.getElementById("type");
  const outcome = document.getElementById("outcome");
  const open = document.getElementById("open");

  function filter() {
    let shown = 0;
    for (const query of queries) {
      const types = query.dataset.types.split("|");
      const fits = (!type || !type.value || types.includes(type.value))
        && (!outcome.value || query.dataset.outcome === outcome.value);
      query.hidden = !fits;
      shown += fits;
    }
    document.getElementById("count").textContent = `${shown} of ${queries.length} queries`;
    document.getElementById("empty").hidden = shown > 0;
  }

  let playing = null; // the button whose sound is heard
  function stop() {
    if (!playing) return;
    const sound = document.getElementById(`clip-${playing.dataset.clip}`);
    sound.pause();
    playing.setAttribute("aria-pressed", "false");
    playing = null;
  }
  function toggle(button) {
    const again = button === playing;
    stop();
    if (again) return;
    const sound = document.getElementById(`clip-${button.dataset.clip}`);
    playing = button;
    button.setAttribute("aria-pressed", "true");
    sound.onended = stop;
    sound.currentTime = 0;
    sound.play().catch(() => { if (playing === button) stop(); });
  }

  if (queries.length) {
    for (const select of [type, outcome]) if (select) select.addEventListener("change", filter);
    document.getElementById("filters").addEventListener("submit", (event) => event.preventDefault());
    open.addEventListener("click", () => {
      const all = open.textContent === "Open all";
      for (const query of queries) query.open = all;
      open.textContent = all ? "Close all" : "Open all";
    });
    filter(); // a reloaded page keeps what was chosen
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-clip]");
    if (button) toggle(button);
  });
})();
