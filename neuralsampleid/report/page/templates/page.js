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
  const sounds = (button) =>
    button.dataset.clips.split(" ").map((clip) => document.getElementById(`clip-${clip}`));
  function ready(sound) {
    return new Promise((done, fail) => {
      if (sound.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA) return done();
      sound.addEventListener("canplay", done, { once: true });
      sound.addEventListener("error", fail, { once: true });
      sound.load();
    });
  }
  function stop() {
    if (!playing) return;
    for (const sound of sounds(playing)) sound.pause();
    playing.setAttribute("aria-pressed", "false");
    playing = null;
  }
  async function toggle(button) {
    const again = button === playing;
    stop();
    if (again) return;
    playing = button;
    button.setAttribute("aria-pressed", "true");
    const sides = sounds(button); // of a match: the query, then the reference
    try {
      await Promise.all(sides.map(ready)); // so that they begin together
      if (playing !== button) return;
      sides.forEach((sound, side) => {
        sound.onended = () => { if (playing === button) stop(); };
        sound.currentTime = 0;
        sound.playbackRate = side ? Number(button.dataset.rate) : 1; // the pitch stays
      });
      await Promise.all(sides.map((sound) => sound.play()));
    } catch {
      if (playing === button) stop();
    }
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
    const button = event.target.closest("button[data-clips]");
    if (button) toggle(button);
  });
})();
