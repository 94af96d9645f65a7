// The language of the page: its sentences, figures and times.
//
// English stands in the scripts, and an English sentence is the key of its translations. The script
// of another language, /static/languages/{language}.js, comes before all others and hands its
// catalogue over with `install`; without one, everything here speaks English.

const language = document.documentElement.lang || "en";
// Of a language somebody may have a regional kind: en-GB writes another date than en-US.
const locale = navigator.languages.find((each) => each.split("-")[0] === language) ?? language;

let catalogue = null;
let formOf = (count) => Number(count !== 1);

/** `{messages, problems, summaries, otherwise}`, and which form of a sentence goes with a number. */
export function install(found, plural) {
  catalogue = found;
  formOf = plural;
}

/** Whether the page is in another language than English. */
export const translated = () => catalogue !== null;

/** The sentence, with `{name}` replaced by the value of that name. */
export const t = (message, values = {}) => filled(catalogue?.messages[message] ?? message, values);

/** The form of the sentence that goes with `{count}`. */
export function tn(one, many, count, values = {}) {
  const forms = catalogue?.messages[one] ?? [one, many];
  return filled(forms[formOf(count)] ?? many, { count: number(count), ...values });
}

/** As `t`, in pieces for `append`, since some of the values are elements. */
export function pieces(message, values) {
  return t(message)
    .split(/\{(\w+)\}/)
    .map((part, place) => (place % 2 ? values[part] : part))
    .filter((part) => part !== "");
}

/** A word of the process, by what it is said of: `word("exclusion", "out_of_scope")`. */
export function word(of, identifier) {
  const words = String(identifier).replaceAll("_", " ");
  return catalogue?.messages[`${of}\u0004${words}`] ?? words;
}

/** What went wrong, by its stable code; in English the server says it best itself. */
export function problem(code, message, hint) {
  if (!catalogue) return hint ? `${message}. ${hint}.` : `${message}.`;
  return catalogue.problems[code] ?? `${catalogue.summaries[code] ?? catalogue.otherwise} (${message}).`;
}

const filled = (message, values) =>
  message.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));

// -- figures and times ----------------------------------------------------------------------------

const figures = new Intl.NumberFormat(locale);
const shares = new Intl.NumberFormat(locale, { style: "percent" });
const full = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
const short = new Intl.DateTimeFormat(locale, { timeStyle: "short" });

export const number = (value) => figures.format(value);
export const clock = (timestamp) => short.format(new Date(timestamp));
export const dateAndTime = (timestamp) => full.format(new Date(timestamp));

/** A share in hundredths; English pages put a space before the sign, as other languages do. */
export function percent(share) {
  return language === "en" ? shares.format(share).replace("%", "\u00a0%") : shares.format(share);
}
