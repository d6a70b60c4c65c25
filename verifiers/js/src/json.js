// Strict, bounded JSON: duplicate keys, deep nesting and bad Unicode are errors. Objects have no prototype.

import { bad } from './refusal.js';

/** @typedef {{[key: string]: any}} Table */

export const DOCUMENT_BYTES = 64 * 2 ** 20;
const DEPTH = 64;
const NODES = 2_000_000;
const LONGEST_NUMBER = 4300;
const NUMBER = /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const PLAIN = /[^"\\\x00-\x1f]*/y;
const SPACE = /[ \t\n\r]*/y;
const ESCAPES = /** @type {Table} */ ({ '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' });
const WORDS = /** @type {Table} */ ({ true: true, false: false, null: null });

/** A number that is no integer of at most 15 digits. */
export class OddNumber {}

/** @param {Uint8Array} data @returns {string} */
export function textOf(data) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    return bad('a document that is not UTF-8');
  }
}

/**
 * Return the value of a JSON text. `metadata`: the JSON of trust metadata, without fractions and lone surrogates.
 * @param {Uint8Array} data @param {boolean} metadata @returns {any}
 */
export function parseJSON(data, metadata) {
  if (data.length > DOCUMENT_BYTES) bad('a document that is too long');
  const reader = new Reader(textOf(data), metadata);
  const value = reader.value(1);
  reader.space();
  if (reader.at !== reader.text.length) bad('text after the end of the JSON document');
  return value;
}

class Reader {
  /** @param {string} text @param {boolean} metadata */
  constructor(text, metadata) {
    this.text = text;
    this.metadata = metadata;
    this.at = 0;
    this.nodes = 0;
    this.deepest = metadata ? DEPTH + 1 : DEPTH;
  }

  /** @param {RegExp} pattern @returns {string} */
  run(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? '';
    this.at += found.length;
    return found;
  }

  space() {
    this.run(SPACE);
  }

  /** @param {string} text */
  take(text) {
    const there = this.text.startsWith(text, this.at);
    if (there) this.at += text.length;
    return there;
  }

  /** @param {number} depth @returns {any} */
  value(depth) {
    if (++this.nodes > NODES + 1 || depth > this.deepest) bad('a document nested too deeply, or of too many values');
    this.space();
    if (this.take('{')) return this.object(depth);
    if (this.take('[')) return this.list(depth);
    if (this.take('"')) return this.string();
    for (const word in WORDS) if (this.take(word)) return WORDS[word];
    return this.number();
  }

  /** @param {number} depth */
  object(depth) {
    const found = Object.create(null);
    this.space();
    if (this.take('}')) return found;
    for (;;) {
      this.space();
      if (!this.take('"')) bad('a key that is no text');
      const key = this.string();
      if (Object.hasOwn(found, key)) bad('a key stands twice');
      this.space();
      if (!this.take(':')) bad('no colon behind a key');
      found[key] = this.value(depth + 1);
      this.space();
      if (this.take('}')) return found;
      if (!this.take(',')) bad('no comma between members');
    }
  }

  /** @param {number} depth */
  list(depth) {
    /** @type {any[]} */
    const found = [];
    this.space();
    if (this.take(']')) return found;
    for (;;) {
      found.push(this.value(depth + 1));
      this.space();
      if (this.take(']')) return found;
      if (!this.take(',')) bad('no comma between items');
    }
  }

  string() {
    let out = '';
    for (;;) {
      out += this.run(PLAIN);
      if (this.take('"')) break;
      if (!this.take('\\')) bad('a text that does not end, or holds a control character');
      out += this.escape();
    }
    if (this.metadata && !out.isWellFormed()) bad('a text that is not Unicode');
    return out;
  }

  escape() {
    const letter = this.text[this.at++] ?? '';
    if (letter in ESCAPES) return ESCAPES[letter];
    const digits = this.text.slice(this.at, this.at + 4);
    if (letter !== 'u' || !/^[0-9a-fA-F]{4}$/.test(digits)) bad('an unknown escape');
    this.at += 4;
    return String.fromCharCode(parseInt(digits, 16));
  }

  number() {
    const text = this.run(NUMBER);
    if (!text) bad('no JSON value');
    const whole = /^-?[0-9]+$/.test(text);
    const digits = text.replace('-', '').length;
    if (whole && digits <= 15) return Number(text) + 0;
    if (this.metadata || digits > LONGEST_NUMBER && whole || !whole && !Number.isFinite(Number(text))) bad('a number that is not allowed here');
    return new OddNumber();
  }
}
