// Before the page is painted: the colours that were chosen here earlier. Without a choice the system's are used.
(() => {
  try {
    const chosen = localStorage.getItem("theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch {
    // a browser that stores nothing
  }
})();
