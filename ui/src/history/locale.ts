// Says a language that `Intl` knows where the system has none: under LANG=C, WebKitGTK gives "C" as the page's language, and
// uPlot, which asks `Intl` for numbers in it while it is loaded, would take the whole window down. Imported before uPlot.
function isKnown(language: string): boolean {
  try {
    return Intl.getCanonicalLocales(language).length > 0;
  } catch {
    return false;
  }
}

if (!isKnown(navigator.language)) {
  Object.defineProperty(navigator, "language", { value: "en-US", configurable: true });
}

// Without an export a file is no module.
export {};
