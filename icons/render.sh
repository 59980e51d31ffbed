#!/usr/bin/env bash
# Renders every PNG and the icon.icns of this folder from its SVG sources. Needs rsvg-convert (Debian: librsvg2-bin) and npm.
set -euo pipefail
cd "$(dirname "$0")"

for glyph in tray tray-attention; do
  rsvg-convert -w 36 -h 36 "$glyph.svg" -o "$glyph.png"
  rsvg-convert -w 36 -h 36 --stylesheet tray-linux.css "$glyph.svg" -o "$glyph-linux.png"
done
rsvg-convert -w 512 -h 512 app.svg -o icon.png

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rsvg-convert -w 1024 -h 1024 app.svg -o "$work/app.png"
(cd "$work" && npm init -y >/dev/null && npm install --silent --no-fund --no-audit @tauri-apps/cli@2 && npx tauri icon app.png --output out &>/dev/null)
cp "$work/out/icon.icns" icon.icns
