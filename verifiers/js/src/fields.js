// Typed access to what others wrote, and the canonical JSON that is signed.

import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { bad } from './refusal.js';

/** @typedef {import('./json.js').Table} Table */

export { bytesToHex, concatBytes, utf8ToBytes };
export const HEX256 = /^[0-9a-f]{64}$/;
export const NAME = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;
export const GLOB = /^[^\x00-\x1f\x7f]{1,200}$/u;
export const PAIR = /^[a-z0-9-]{1,40}(\+[a-z0-9-]{1,40})?$/;
export const DAY = 24 * 60 * 60;
const ANY = 100_000;
const MANY = 10_000;

/** @param {Uint8Array} data */
export const sha256Hex = (data) => bytesToHex(sha256(data));

/** @param {string} text @param {number} limit */
const longer = (text, limit) => text.length > limit && [...text].length > limit;

/** One JSON object; with `close`, a key that nobody asked for is an error. */
export class Fields {
  /** @param {any} table @param {string} what */
  constructor(table, what) {
    if (!isTable(table)) bad(`${what} is not an object`);
    /** @type {Table} */
    this.table = table;
    this.what = what;
    this.asked = new Set();
  }

  /** @param {string} key */
  has(key) {
    return Object.hasOwn(this.table, key);
  }

  /** @param {string} key @param {(value: any) => boolean} holds @returns {any} */
  get(key, holds) {
    this.asked.add(key);
    const value = this.has(key) ? this.table[key] : undefined;
    if (!holds(value)) bad(`${this.what} has no valid "${key}"`);
    return value;
  }

  /** @param {string} key @param {RegExp | null} [pattern] @param {number} [limit] @returns {string} */
  text(key, pattern, limit = ANY) {
    return this.get(key, (value) => typeof value === 'string' && !longer(value, limit) && (!pattern || pattern.test(value)));
  }

  /** @param {string} key @param {number} [low] @param {number} [high] @returns {number} */
  integer(key, low = 1, high = 1_000_000) {
    return this.get(key, (value) => typeof value === 'number' && low <= value && value <= high);
  }

  /** Seconds since 1970. @param {string} key @returns {number} */
  time(key) {
    return instant(this.text(key, null, 20)) ?? bad(`${this.what} has no valid "${key}"`);
  }

  /** @param {string} key @returns {boolean} */
  flag(key) {
    return this.get(key, (value) => typeof value === 'boolean');
  }

  /** @param {string} key @param {number} [limit] @returns {any[]} */
  list(key, limit = MANY) {
    return this.get(key, (value) => Array.isArray(value) && value.length <= limit);
  }

  /** A list of different texts that match. @param {string} key @param {RegExp | null} [pattern] @param {number} [limit] @returns {string[]} */
  strings(key, pattern, limit = MANY) {
    const items = this.list(key, limit);
    const good = items.every((item) => typeof item === 'string' && (!pattern || pattern.test(item)));
    return good && new Set(items).size === items.length ? items : bad(`${this.what} has no valid "${key}"`);
  }

  /** @param {string} key @returns {Table} */
  mapping(key) {
    return this.get(key, isTable);
  }

  /** @param {string} key */
  fields(key) {
    return new Fields(this.mapping(key), `${this.what}, ${key}`);
  }

  close() {
    for (const key of Object.keys(this.table)) if (!this.asked.has(key)) bad(`${this.what} has an unknown key "${key}"`);
  }
}

/** @param {any} value */
export const isTable = (value) => typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === null;

/**
 * Return an object that has the required keys, perhaps the optional ones, and no other.
 * @param {any} value @param {string} what @param {string[]} required @param {string[]} [optional] @returns {Table}
 */
export function exactly(value, what, required, optional = []) {
  if (!isTable(value)) bad(`${what} is not an object`);
  for (const key of required) if (!Object.hasOwn(value, key)) bad(`${what} lacks ${key}`);
  for (const key of Object.keys(value)) if (!required.includes(key) && !optional.includes(key)) bad(`${what} holds an unknown field`);
  return value;
}

/** Read YYYY-MM-DDThh:mm:ssZ and nothing else. @param {string} text @returns {number | null} */
export function instant(text) {
  const moment = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) && !text.startsWith('0000') ? Date.parse(text) : NaN;
  return !Number.isNaN(moment) && new Date(moment).toISOString() === text.replace('Z', '.000Z') ? moment / 1000 : null;
}

/** @param {any} value @param {string} what @returns {Uint8Array} */
export function unbase64(value, what) {
  try {
    const data = Uint8Array.from(atob(value), (letter) => letter.charCodeAt(0));
    if (typeof value === 'string' && data.length && base64(data) === value) return data;
  } catch {
    // falls through
  }
  return bad(`${what} is not base64`);
}

/** @param {Uint8Array} data */
export function base64(data) {
  let text = '';
  for (let at = 0; at < data.length; at += 0x8000) text += String.fromCharCode(...data.subarray(at, at + 0x8000));
  return btoa(text);
}

/** @param {any} value @returns {string} */
export const demandText = (value) => (typeof value === 'string' ? value : bad('a text that is none'));

/** Order by code point, which is that of UTF-8 bytes. @param {string} a @param {string} b */
export function byCodePoint(a, b) {
  const end = Math.min(a.length, b.length);
  for (let at = 0; at < end; at++) {
    const [one, other] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (one !== other) return rank(one) - rank(other);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above all others. @param {number} unit */
const rank = (unit) => (unit >= 0xe000 ? unit - 0x2000 : unit >= 0xd800 ? unit + 0x2000 : unit);

/** @param {Table} table */
export const sortedKeys = (table) => Object.keys(table).sort(byCodePoint);

/** OLPC canonical JSON, which TUF signs: only quote and backslash are escaped. @param {any} value */
export const canonical = (value) => utf8ToBytes(write(value, (text) => `"${text.replace(/[\\"]/g, '\\$&')}"`));

/** JSON with sorted keys, no space and the shortest escapes: the form of log entries. @param {any} value */
export const compact = (value) => utf8ToBytes(write(value, (text) => (text.isWellFormed() ? JSON.stringify(text) : bad('a text that is not Unicode'))));

/** @param {any} value @param {(text: string) => string} text @returns {string} */
function write(value, text) {
  if (typeof value === 'string') return text(value);
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return String(value);
  if (Array.isArray(value)) return `[${value.map((item) => write(item, text)).join(',')}]`;
  if (!isTable(value)) bad('a number that cannot be signed');
  return `{${sortedKeys(value).map((key) => `${text(key)}:${write(value[key], text)}`).join(',')}}`;
}

/** @param {Table} table @param {string[]} keys @returns {Table} */
export function without(table, ...keys) {
  return Object.assign(Object.create(null), Object.fromEntries(Object.entries(table).filter(([key]) => !keys.includes(key))));
}

/** @param {string[]} one @param {string[]} other */
export const sameList = (one, other) => one.length === other.length && one.every((item, at) => item === other[at]);
