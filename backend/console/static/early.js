// A tap that comes before the page's own scripts have run (a slow phone, a slow network) is kept, and done when they
// have: modules run before DOMContentLoaded. A classic script in the head, for it must be there before any button is.
{
  const kept = new Set();
  const keep = (event) => {
    const button = event.target.closest("button, input[type=submit]");
    if (!button) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    button.setAttribute("aria-busy", "true");
    kept.add(button);
  };
  document.addEventListener("click", keep, true);
  document.addEventListener("DOMContentLoaded", () => {
    document.removeEventListener("click", keep, true);
    for (const button of kept) {
      button.removeAttribute("aria-busy");
      if (button.isConnected) button.click();
    }
  }, { once: true });
}
