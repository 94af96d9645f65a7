// Sends a file of records, into a pool or into one that it makes; the answer has a page of its own.

import { call, Offline, post } from "./api.js";
import { all, find, make, say } from "./dom.js";
import { number, problem, t } from "./i18n.js";

const PATIENCE_MS = 4 * 3_600_000;
const MEGABYTE = 1_000_000;
const LONGEST_NAME = 200;

const form = find("#import");
const button = find("button[type=submit]", form);
const kind = find("#new-kind", form);
const schema = find("#new-schema", form);

/** Shows the columns that records of this kind have, and those of labels where there may be any. */
function fit() {
  const wanted = kind ? kind.value : form.dataset.kind;
  const labelled = schema ? Boolean(schema.value) : "labelled" in form.dataset;
  for (const each of all("[data-of]", form)) each.hidden = each.dataset.of !== wanted;
  for (const each of all("[data-labelled]", form)) each.hidden = !labelled;
}

function inWords(bytes) {
  if (bytes < MEGABYTE) return t("{size} kB", { size: number(Math.ceil(bytes / 1_000)) });
  return t("{size} MB", { size: number(Math.round(bytes / MEGABYTE)) });
}

function columns(file) {
  const found = new URLSearchParams({ file_name: file.name.slice(-LONGEST_NAME) });
  for (const input of all("fieldset input", form)) {
    const said = input.value.trim();
    if (said && !input.closest("[hidden]")) found.set(input.name, said);
  }
  return found;
}

/** What went wrong with the file, and what to do about it. */
function advice(error) {
  const { missing, found = [] } = error.context ?? {};
  if (error.code === "missing_column" && missing?.length) {
    const named = { column: missing.join(", "), columns: found.slice(0, 20).join(", ") };
    return t("The file has no column “{column}”. It has: {columns}. Say above which column is which; nothing was imported.", named);
  }
  if (error.code === "unreadable_file") {
    return `${problem(error.code, error.message, "")} ${t("Save it as JSON Lines, CSV or Parquet, in UTF-8 and unpacked, and choose it again.")}`;
  }
  if (error.code === "conflict") {
    return t("There is a pool of that name already, with records of another kind or with other labels. Choose another name, or import on that pool’s page.");
  }
  if (error instanceof Offline) {
    return t("The connection broke off, or the file was changed after you chose it. Choose it again and import it: what has arrived counts as unchanged.");
  }
  return error.sentence;
}

const stay = (event) => event.preventDefault();

/** The address of the page that says what became of the file. */
async function send(file) {
  const { pool = find("#new-pool", form)?.value.trim() } = form.dataset;
  // A pool that is there with the same kind and schema is the same one, so this can be repeated.
  if (kind) await post("/api/v1/pools", { pool, kind: kind.value, schema: schema.value || null });
  const path = `/pools/${encodeURIComponent(pool)}/imports`;
  const headers = { "Content-Type": "application/octet-stream" };
  const options = { asItIs: true, headers, patience: PATIENCE_MS };
  const report = await call("POST", `/api/v1${path}?${columns(file)}`, file, options);
  return `${path}/${encodeURIComponent(report.import_id)}`;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const [file] = find("#file", form).files;
  const limit = Number(form.dataset.limit);
  const sizes = { size: inWords(file.size), limit: inWords(limit) };
  const tooLarge = t("The file has {size}, and {limit} are the most. Split it: each part is imported by itself.", sizes);
  say(find("#import-error"), file.size > limit ? tooLarge : "");
  if (file.size > limit) return;
  button.disabled = true;
  const words = t("Sending {file} ({size})… Keep this page open until it is done.", { file: file.name, ...sizes });
  find("#sending").replaceChildren(make("progress", { "aria-label": t("Sending") }), words);
  addEventListener("beforeunload", stay);
  try {
    const report = await send(file);
    removeEventListener("beforeunload", stay);
    location.assign(report);
  } catch (error) {
    removeEventListener("beforeunload", stay);
    find("#sending").replaceChildren();
    say(find("#import-error"), advice(error));
    button.disabled = false;
  }
});

kind?.addEventListener("change", fit);
schema?.addEventListener("change", fit);
fit();
button.disabled = false;
