// Keyboard, in one file and small. No single key carries anything out: keys move the focus, open links or choose.
// Ignored in fields, with modifiers, on repeat, and while an input method composes (isComposing or keyCode 229).
// Esc is no shortcut: it closes a panel also from within a field of it, and with the single keys switched off.
(() => {
  "use strict";
  const root = document.documentElement;
  const composing = (event) => event.isComposing || event.keyCode === 229;
  const typing = (at) => at.closest && at.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");
  const find = (selector) => Array.from(document.querySelectorAll(selector)).find((el) => el.offsetParent !== null);
  const places = { w: "/", a: "/approvals/", c: "/cases/", m: "/map/", r: "/reports/" };
  let going = 0;

  function row(step) {
    const links = Array.from(document.querySelectorAll(".row h3 a"));
    if (!links.length) return false;
    const at = links.indexOf(document.activeElement);
    const next = at < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + step));
    links[next].focus();
    return true;
  }

  function closePanel() {
    const fold = document.activeElement.closest(".decide details[open]");
    document.querySelectorAll("details.drop[open]").forEach((el) => el.removeAttribute("open"));
    if (fold) {
      fold.removeAttribute("open");
      fold.querySelector("summary").focus();
    }
  }

  function press(key) {
    if (key === "j") return row(1);
    if (key === "k") return row(-1);
    if (key === "o") {
      const link = document.activeElement;
      if (!link || !link.matches(".row h3 a")) return false;
      link.click();
      return true;
    }
    if (key === "x") {
      const at = document.activeElement.closest(".row");
      const box = at && at.querySelector(".pick input");
      if (box) box.click();
      return Boolean(box);
    }
    const target = find('[data-key="' + CSS.escape(key) + '"]');
    if (!target) return false;
    if (target.matches("a[href], input[type=radio], [data-help], summary")) {
      target.focus();
      target.click();
    } else {
      target.focus(); // a button that does something is only reached, never pressed
    }
    return true;
  }

  addEventListener("keydown", (event) => {
    if (composing(event)) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      const button = find("[data-confirm]");
      if (button && !event.repeat) {
        event.preventDefault();
        button.form.requestSubmit(button);
      }
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") {
      closePanel();
      return;
    }
    if (root.dataset.keys === "off" || typing(event.target)) return;
    if (going && Date.now() - going < 1500) {
      going = 0;
      if (places[event.key]) {
        event.preventDefault();
        location.assign(places[event.key]);
        return;
      }
    }
    if (event.key === "g") {
      going = Date.now();
      return;
    }
    if (press(event.key)) event.preventDefault();
  });

  const say = (words) => {
    const region = document.getElementById("say");
    if (region) region.textContent = words;
  };

  addEventListener("click", (event) => {
    const help = event.target.closest("[data-help]");
    if (help) document.getElementById("keys").showModal();
    const reveal = event.target.closest("[data-reveal]");
    if (reveal) {
      const shown = reveal.getAttribute("aria-pressed") !== "true";
      reveal.setAttribute("aria-pressed", String(shown));
      document.getElementById(reveal.dataset.reveal).type = shown ? "text" : "password";
    }
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      const text = document.getElementById(copy.dataset.copy).textContent;
      navigator.clipboard.writeText(text).then(() => say(copy.dataset.said));
    }
    document.querySelectorAll("details.drop[open]").forEach((el) => {
      if (!el.contains(event.target)) el.removeAttribute("open");
    });
  });

  // What was unfolded once was looked at, also when it is folded again.
  addEventListener("change", (event) => {
    const box = event.target;
    if (!box.matches('.unfold input[name="unfolded"]') || box.checked || !box.form) return;
    const kept = document.createElement("input");
    Object.assign(kept, { type: "hidden", name: box.name, value: box.value });
    box.form.append(kept);
  });
  // A device that is offline decides nothing: it says so, and keeps nothing to send later.
  function offline() {
    const off = navigator.onLine === false;
    const bar = document.getElementById("offline");
    if (bar) bar.hidden = !off;
    return off;
  }
  addEventListener("offline", offline);
  addEventListener("online", offline);

  // A second press while the first is on its way does nothing; the server holds a nonce as well.
  addEventListener("submit", (event) => {
    if (event.target.method !== "post" || event.defaultPrevented) return;
    if (event.target.dataset.sent || offline()) {
      event.preventDefault();
      return;
    }
    event.target.dataset.sent = "yes";
    const button = event.submitter;
    if (button && button.dataset.busy) {
      setTimeout(() => { button.textContent = button.dataset.busy; }, 300);
    }
  });
  addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent);
  });

  // Each key stands beside what it reaches, for eyes only: a name that is read aloud stays as it is.
  function hint(el) {
    const kbd = document.createElement("kbd");
    const mac = /Mac|iP(hone|ad)/.test(navigator.platform);
    kbd.className = "key";
    kbd.setAttribute("aria-hidden", "true");
    kbd.textContent = el.dataset.key || (mac ? "⌘ Enter" : "Ctrl Enter");
    if (el.matches("summary, a")) el.append(kbd);
    else if (el.matches("input[type=radio]")) el.closest("label").append(kbd);
    else if (el.matches("textarea")) (el.closest("fieldset") || el.parentElement).querySelector("legend, label").append(kbd);
    else if (el.matches("button")) el.after(kbd);
  }
  if (root.dataset.keys !== "off") document.querySelectorAll("[data-key], [data-confirm]").forEach(hint);

  document.querySelectorAll("[data-help], [data-copy], [data-reveal]").forEach((el) => { el.hidden = false; });
  const wrong = document.querySelector(".summary");
  if (wrong) wrong.focus();

  // Asking only while somebody looks and the network is there; an expression in the page for that would need eval,
  // which the policy forbids.
  addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden || offline()) event.preventDefault();
  });

  function sweep() {
    const now = Date.now();
    document.querySelectorAll("[data-until]").forEach((el) => {
      if (Date.parse(el.dataset.until) <= now) el.remove();
    });
  }
  if (document.querySelector("[data-until]")) setInterval(sweep, 1000);
})();
