// The pages say everything without this file. With it they say it anew when something happens: the server's events tell that something
// did, and the parts of the page that show it are taken from the page as it is now. Forms, and whoever types in them, are left alone.
"use strict";
(() => {
  const address = document.body.dataset.live;
  if (!address) return;
  const live = document.getElementById("live");
  let asked = false, again = false, reading = false;

  async function refresh() {
    if (document.hidden || reading) { again = true; return; }
    reading = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (!answer.ok || answer.redirected) { location.reload(); return; }
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of document.querySelectorAll("[data-part]")) {
        const now = fresh.getElementById(part.id);
        if (now && now.innerHTML !== part.innerHTML && !part.contains(document.activeElement)) part.replaceWith(document.adoptNode(now));
      }
      const made = fresh.getElementById("made");
      if (made) document.getElementById("made").replaceWith(document.adoptNode(made));
    } finally {
      reading = false;
      if (again) { again = false; soon(); }
    }
  }

  function soon() {
    if (asked) return;
    asked = true;
    setTimeout(() => { asked = false; refresh(); }, 400);
  }

  // What has changed since the last word, said once.
  const known = new Map();
  function tell(status) {
    const fresh = [];
    for (const g of Object.values(status.groups)) {
      const words = `${g.group} ${g.weight / 100} percent, ${g.verdict.toLowerCase().replace("_", " ")}`;
      if (known.get(g.group) !== words) fresh.push(words);
      known.set(g.group, words);
    }
    return fresh;
  }

  let first = true;
  const events = new EventSource(address);
  events.addEventListener("status", event => {
    const fresh = tell(JSON.parse(event.data));
    if (first) live.textContent = "Live: it changes by itself.";
    else if (fresh.length) live.textContent = `Changed: ${fresh.join("; ")}.`;
    if (!first) soon();
    first = false;
  });
  events.addEventListener("curves", soon);
  events.onopen = () => { if (!first) { live.textContent = "Live again."; soon(); } };
  events.onerror = () => { live.textContent = "Not live: the gateway does not answer, or the session is over. What you see may be old."; };
  document.addEventListener("visibilitychange", () => { if (!document.hidden && again) { again = false; soon(); } });
  addEventListener("pagehide", () => events.close());

  const day = document.getElementById("day");
  if (day) {
    day.form.hidden = false;
    day.addEventListener("change", () => {
      const at = new Date(day.dataset.first + "T00:00:00Z");
      at.setUTCDate(at.getUTCDate() + Number(day.value));
      location.search = "?at=" + at.toISOString().slice(0, 10);
    });
  }
})();
