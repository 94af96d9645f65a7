// Shows a record's content: pixels, text, a table row or a pair. Text from strangers stays text.

import { make } from "./dom.js";
import { number, t } from "./i18n.js";
import { pairNode } from "./pair.js";

/** The content as an element; `about` may name the text's language. */
export function contentNode(kind, content, about = {}) {
  if (kind === "image") return image(content.pixels);
  if (kind === "table") return row(content.row);
  if (kind === "pair") return pairNode(content.left, content.right, language(about.language));
  return make("p", { class: "text", dir: "auto", lang: language(about.language) }, content.text ?? "");
}

/** Fills every `[data-content]` element that is empty. */
export function fillThumbs(elements) {
  for (const element of elements) {
    const content = JSON.parse(element.dataset.content);
    element.append(
      content ? contentNode(element.dataset.kind, content) : t("The content is gone from the pool."),
    );
  }
}

function image(pixels) {
  const height = pixels.length;
  const width = pixels[0].length;
  const canvas = make("canvas", {
    class: "pixels",
    width,
    height,
    role: "img",
    "aria-label": t("grey image, {width} by {height} pixels", { width: number(width), height: number(height) }),
  });
  const full = fullScale(pixels);
  const context = canvas.getContext("2d");
  const data = context.createImageData(width, height);
  pixels.flat().forEach((value, place) => {
    data.data.fill(Math.round((255 * value) / full), 4 * place, 4 * place + 3);
    data.data[4 * place + 3] = 255;
  });
  context.putImageData(data, 0, 0);
  return canvas;
}

/** Grey values come as shares, in sixteen steps, or as bytes. */
function fullScale(pixels) {
  const highest = pixels.flat().reduce((most, value) => Math.max(most, value), 0);
  if (highest <= 1) return 1;
  return highest <= 16 ? 16 : 255;
}

function row(values) {
  const rows = Object.entries(values).map(([name, value]) =>
    make("div", {}, make("dt", {}, name), make("dd", { dir: "auto" }, shown(value))),
  );
  return make("dl", { class: "facts row" }, ...rows);
}

const shown = (value) => (value === null ? "–" : String(value));

const language = (tag) => (/^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$/.test(tag ?? "") ? tag : null);
