// What `vite.config.ts` makes of a Markdown file: HTML in which a link is an element with `data-page` and no address of its own.
declare module "*.md" {
  const html: string;
  export default html;
}
