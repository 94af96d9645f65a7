// Talks to the JSON routes. Every failure is an error with a sentence for a person.

import { problem, t } from "./i18n.js";

const PATIENCE_MS = 20_000;

/** The server answered, and the answer is no: problem+json, as an error. */
export class Problem extends Error {
  constructor(status, body, retryAfter) {
    super(body.detail || `the server answered ${status}`);
    this.status = status;
    this.code = body.code || "unknown";
    this.hint = body.hint || "";
    this.context = body.context || {};
    this.retryAfter = retryAfter;
  }

  /** Whether the same request may well succeed later. */
  get passing() {
    return this.status >= 500 || this.status === 429;
  }

  get sentence() {
    return problem(this.code, this.message, this.hint);
  }
}

/** Nobody answered: no connection, or the server is away. */
export class Offline extends Error {
  constructor() {
    super("the server cannot be reached");
  }

  get passing() {
    return true;
  }

  get sentence() {
    return t("The server cannot be reached. Is the connection there?");
  }
}

export async function call(method, path, body, { keepalive = false, patience = PATIENCE_MS, ...more } = {}) {
  const headers = { Accept: "application/json", ...more.headers };
  if (body !== undefined) headers["Content-Type"] ??= "application/json";
  let response;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined || more.asItIs ? body : JSON.stringify(body),
      keepalive,
      signal: keepalive ? undefined : AbortSignal.timeout(patience),
    });
  } catch {
    throw new Offline();
  }
  if (response.status === 204) return null;
  const found = await response.json().catch(() => ({}));
  if (response.ok) return found;
  throw new Problem(response.status, found, Number(response.headers.get("Retry-After")) || 0);
}

export const get = (path, options) => call("GET", path, undefined, options);
export const post = (path, body = {}, options = {}) => call("POST", path, body, options);

/** Posts a text as it is, under its media type; with a key it has one effect however often sent. */
export const send = (path, text, type, key) =>
  call("POST", path, text, {
    asItIs: true,
    headers: { "Content-Type": type, ...(key ? { "Idempotency-Key": key } : {}) },
  });

/** A UUID of version 4, also where the page came over plain HTTP and `randomUUID` is missing. */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [8, 12, 16, 20].reduceRight((id, at) => `${id.slice(0, at)}-${id.slice(at)}`, hex);
}

/** A function that gives the same content the same id, so that sending it twice has one effect. */
export function idsByContent() {
  const ids = new Map();
  return (content) => {
    if (!ids.has(content)) ids.set(content, newId());
    return ids.get(content);
  };
}
