// Identities and key versions as the ring holds them, and what an identity may sign.

import { Fields, GLOB, HEX256, NAME, sha256Hex, utf8ToBytes } from './fields.js';
import { parseJSON } from './json.js';
import { publicHalf } from './keys.js';
import { bad, refuse } from './refusal.js';

export const DUTIES = [['verdict', 'vsa'], ['override']];

/**
 * One version of an identity's key; `table` is as it was read.
 * @typedef {object} KeyVersion
 * @property {import('./json.js').Table} table
 * @property {number} number
 * @property {import('./keys.js').Half[]} halves
 * @property {number} notBefore
 * @property {number} signUntil
 * @property {number} [verifyUntil]
 * @property {number} [compromised]
 * @property {number} [suspended]
 * @property {number} [destroyed]
 */

/** @typedef {{name: string, origin: string, purposes: string[], namespaces: string[], environments: string[], versions: KeyVersion[], rotation: import('./keys.js').Half[]}} Identity */

/** @param {KeyVersion} version */
export const idOf = (version) => sha256Hex(utf8ToBytes(version.halves.map((half) => half.keyid).sort().join('\n')));

/** Whether it is compromised, destroyed or suspended then. @param {KeyVersion} version @param {number} at */
export function mayNotEndorse(version, at) {
  const { compromised, destroyed, suspended } = version;
  return compromised !== undefined || (destroyed !== undefined && at >= destroyed) || (suspended !== undefined && at >= suspended);
}

/** @param {Uint8Array} data @param {string} name @returns {Identity} */
export function parseIdentity(data, name) {
  const fields = new Fields(parseJSON(data, true), `identity ${name}`);
  if (fields.text('schema', null, 40) !== 'secpipe.identity/1' || fields.text('name', NAME) !== name) bad(`${fields.what} is not what its target says`);
  const scope = fields.fields('authority');
  const authority = { purposes: scope.strings('purposes', GLOB, 100), namespaces: scope.strings('namespaces', GLOB, 1000), environments: scope.strings('environments', GLOB, 100) };
  scope.close();
  checkDuties(authority.purposes, fields.what);
  const versions = fields.list('versions').map((item) => parseVersion(item, fields.what));
  const origin = fields.has('origin') ? fields.text('origin', HEX256) : '';
  const rotation = fields.has('rotation') ? parseHalves(fields.list('rotation', 2), fields.what) : [];
  fields.text('holder', NAME);
  fields.close();
  if (rotation.length === 1 || (rotation.length && origin)) bad(`${fields.what} has a rotation key that is not a pair, or belongs to another trust root`);
  const follow = versions.every((version, at) => version.number === at + 1 && (!at || version.notBefore >= versions[at - 1].notBefore));
  if (!follow || !versions.length) refuse('identity-rules', `${fields.what} has key versions that do not follow each other`);
  return { name, origin, versions, rotation, ...authority };
}

/** Refuse one who would both build and judge, or judge and overrule. @param {string[]} purposes @param {string} what */
function checkDuties(purposes, what) {
  for (const duty of DUTIES) {
    const held = purposes.some((glob) => duty.some((purpose) => match(glob, purpose)));
    if (held && !purposes.every((glob) => duty.includes(glob))) refuse('identity-rules', `${what} has duties that are kept apart`);
  }
}

/** @param {any} item @param {string} what @returns {KeyVersion} */
export function parseVersion(item, what) {
  const fields = new Fields(item, `${what}, a key version`);
  /** @param {string} key */
  const maybe = (key) => (fields.has(key) ? fields.time(key) : undefined);
  const version = {
    table: fields.table, number: fields.integer('version'), halves: parseHalves(fields.list('halves', 2), what),
    notBefore: fields.time('not_before'), signUntil: fields.time('sign_until'), verifyUntil: maybe('verify_until'),
    compromised: maybe('compromised_since'), suspended: maybe('suspended_since'), destroyed: maybe('destroyed_since'),
  };
  fields.close();
  if (version.notBefore >= version.signUntil || (version.verifyUntil ?? Infinity) < version.signUntil) bad(`${fields.what} has dates in the wrong order`);
  return version;
}

/** One classical half, one post-quantum half, or both in this order. @param {any[]} items @param {string} what */
function parseHalves(items, what) {
  const halves = items.map((item) => {
    const one = new Fields(item, `${what}, a half`);
    const half = publicHalf(one.text('algorithm', null, 40), one.text('pem'));
    one.close();
    return half;
  });
  const order = halves.map((half) => half.half).join(' ');
  return ['classical', 'pq', 'classical pq'].includes(order) ? halves : bad(`${what} does not have one half of a class, or one of each in order`);
}

/** fnmatch: `*`, `?`, `[a-z]`, `[!a-z]`; an unclosed bracket is itself. @param {string} glob @param {string} text */
export const match = (glob, text) => matchAt([...glob], 0, [...text], 0);

/** @param {string[]} glob @param {number} g @param {string[]} text @param {number} t @returns {boolean} */
function matchAt(glob, g, text, t) {
  for (; g < glob.length; t++) {
    const end = glob[g] === '[' ? classEnd(glob, g) : 0;
    if (glob[g] === '*') {
      for (let at = t; at <= text.length; at++) if (matchAt(glob, g + 1, text, at)) return true;
      return false;
    }
    if (t >= text.length) return false;
    if (end ? !inClass(glob.slice(g + 1, end), text[t]) : glob[g] !== '?' && glob[g] !== text[t]) return false;
    g = (end || g) + 1;
  }
  return t === text.length;
}

/** @param {string[]} glob @param {number} start */
function classEnd(glob, start) {
  let at = start + 1;
  if (glob[at] === '!') at++;
  if (glob[at] === ']') at++;
  return Math.max(glob.indexOf(']', at), 0);
}

/** @param {string[]} items @param {string} letter */
function inClass(items, letter) {
  const negated = items[0] === '!';
  const code = letter.codePointAt(0) ?? 0;
  let hit = false;
  for (let at = negated ? 1 : 0; at < items.length; at++) {
    const low = items[at].codePointAt(0) ?? 0;
    const range = at + 2 < items.length && items[at + 1] === '-';
    const high = range ? (items[at + 2].codePointAt(0) ?? 0) : low;
    hit ||= low <= code && code <= high;
    if (range) at += 2;
  }
  return hit !== negated;
}
