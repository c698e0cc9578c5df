// What is tapped before the page's modules run is done when they do: on a slow network they come long after the page.
// The rule: a button or a form that has a script's meaning is held, once each; links and forms of their own go their way.
{
  const held = new Set();
  const hold = (event) => {
    const what = event.type === "submit" ? event.target : event.target.closest("button[type=button]");
    if (!what || what.matches("form[action], form[method]")) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // of two modules the first may be there already: it is not done twice
    what.setAttribute("aria-busy", "true");
    held.add(what);
  };
  for (const type of ["click", "submit"]) document.addEventListener(type, hold, true);
  document.addEventListener("DOMContentLoaded", () => { // modules have run by then
    for (const type of ["click", "submit"]) document.removeEventListener(type, hold, true);
    for (const what of held) {
      what.removeAttribute("aria-busy");
      if (!what.isConnected) continue;
      if (what.requestSubmit) what.requestSubmit();
      else what.click();
    }
  }, { once: true });
}
