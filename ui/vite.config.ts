// How the board window is built. Owns the browser floor, the shape of `dist/`, which the shell embeds as it is, and what becomes
// of a Markdown file that a window shows.
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { Marked } from "marked";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/**
 * Makes HTML of a Markdown file while the page is built, so that no parser is in the page. A link has no address that the window
 * could go to: whoever shows it asks the shell to open it.
 */
function markdown(): Plugin {
  const marked = new Marked({
    renderer: {
      link({ href, tokens }) {
        return `<a role="link" tabindex="0" data-page="${href}">${this.parser.parseInline(tokens)}</a>`;
      },
    },
    // Below the heading of the window.
    walkTokens: (token) => {
      if (token.type === "heading") token["depth"] += 1;
    },
  });
  return {
    name: "markdown",
    transform(text, id) {
      if (!id.endsWith(".md")) return null;
      const html = marked.parse(text, { async: false });
      return { code: `export default ${JSON.stringify(html)}`, map: null, moduleType: "js" };
    },
  };
}

export default defineConfig({
  plugins: [svelte({ configFile: false }), markdown()],
  build: {
    // WKWebView of macOS 13, the oldest system that Signalbox supports. WebKitGTK 2.50 is newer than that.
    target: "safari16",
    modulePreload: { polyfill: false },
    rolldownOptions: { input: ["index.html", "history.html", "rotate.html"] },
  },
  server: { host: "127.0.0.1", fs: { allow: [".."] } },
  preview: { host: "127.0.0.1" },
  // Style sheets are read as they are, not as empty modules: a test looks at every file.
  test: { include: ["test/**/*.test.ts"], css: true },
});
