// Log proofs (C2SP tlog-proof, tlog-checkpoint, signed-note, tlog-cosignature): an entry stands in a log.

import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, compact, concatBytes, Fields, HEX256, unbase64, utf8ToBytes } from './fields.js';
import { parseJSON, textOf } from './json.js';
import { ALGORITHMS, verified } from './keys.js';
import { as, bad, refuse } from './refusal.js';

const NOTE_LIMIT = 512 * 1024;
const ENTRY_LIMIT = 65_535;
const PROOF_LIMIT = NOTE_LIMIT + 2 * ENTRY_LIMIT;
const LATEST = 253402300799n; // the last second of year 9999
const DASH = '\u2014 ';
const NAME = /^[^+\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]{1,255}$/u;
const TYPES = /** @type {Record<number, string>} */ ({ 1: 'ed25519', 4: 'ed25519', 6: 'ml-dsa-44' });
const ENTRY_TYPES = 'verdict evaluation signature attestation override waiver acceptance rotation revocation ceremony derivation file'.split(' ');

/** @typedef {{name: string, type: number, id: string, raw: Uint8Array}} VerifierKey */
/** Whose signatures count: all keys of the log, so many witnesses, each with all of its keys. @typedef {{keys: VerifierKey[], witnesses: VerifierKey[], quorum: number}} LogTrust */

/** Read NAME+HEX+BASE64. @param {string} text @returns {VerifierKey} */
function parseVerifierKey(text) {
  const [name, id, ...rest] = text.split('+');
  const body = unbase64(rest.join('+'), 'a verifier key');
  const hashed = bytesToHex(sha256(concatBytes(utf8ToBytes(`${name}\n`), body)).slice(0, 4));
  const size = ALGORITHMS[TYPES[body[0]]]?.size;
  if (!NAME.test(name) || body.length - 1 !== size || hashed !== id) bad('a verifier key that contradicts itself');
  return { name, type: body[0], id, raw: body.slice(1) };
}

/** The trust that these verifier keys make; throws for one that makes none. @param {string[]} keys @param {string[]} [witnesses] @param {number} [quorum] @returns {LogTrust} */
export function logTrust(keys, witnesses = [], quorum = 0) {
  const [ours, others] = [keys.map(parseVerifierKey), witnesses.map(parseVerifierKey)];
  const raws = new Set([...ours, ...others].map((key) => bytesToHex(key.raw)));
  const alone = others.every((key) => key.type !== 1 && key.name !== ours[0].name) && ours.every((key) => key.name === ours[0].name);
  const enough = quorum >= 0 && quorum <= new Set(others.map((key) => key.name)).size;
  if (!ours.length || !alone || !enough || raws.size !== ours.length + others.length) bad('no keys of one log, a witness of itself, a key twice, or too few witnesses');
  return { keys: ours, witnesses: others, quorum };
}

/** Verify that a log holds an entry about `digest` (hex SHA-256). @param {Uint8Array} proof @param {string} digest @param {LogTrust} who */
export function verifyLogProof(proof, digest, who) {
  as('log-malformed', () => {
    const { index, path, extra, signed } = parseProof(proof);
    const head = parseCheckpoint(signed);
    check(head, who);
    checkInclusion(sha256(concatBytes(Uint8Array.of(0), extra)), index, head, path);
    if (parseEntry(extra) !== digest) refuse('other-entry', 'the entry is about something else');
  });
}

/** @param {Uint8Array} data */
function parseProof(data) {
  const end = data.findIndex((byte, at) => byte === 10 && data[at + 1] === 10);
  if (data.length > PROOF_LIMIT || end < 0) bad('no tlog-proof, or too long');
  const [header, ...lines] = textOf(data.slice(0, end)).split('\n');
  const extra = lines[0]?.startsWith('extra ') ? unbase64(lines.shift()?.slice(6), 'the extra line') : new Uint8Array();
  const index = lines.shift() ?? '';
  if (header !== 'c2sp.org/tlog-proof@v1' || !index.startsWith('index ') || lines.length > 63) bad('no tlog-proof, or too many hashes');
  return { index: parseNumber(index.slice(6)), path: lines.map((line) => hash(line, 'a hash')), extra, signed: data.slice(end + 2) };
}

/** @param {string} text @param {string} what */
function hash(text, what) {
  const found = unbase64(text, what);
  return found.length === 32 ? found : bad(`${what} of another length`);
}

/** @param {string} text */
function parseNumber(text) {
  const value = /^(0|[1-9][0-9]{0,18})$/.test(text) ? BigInt(text) : bad('a number that is none');
  return value < 2n ** 63n ? value : bad('a number that is too large');
}

/** @param {Uint8Array} data */
function parseCheckpoint(data) {
  if (data.length > NOTE_LIMIT) bad('a note that is too long');
  const text = textOf(data);
  const end = text.lastIndexOf('\n\n');
  if (end < 0 || /[\x00-\x09\x0b-\x1f]/.test(text) || !text.slice(end + 2).endsWith('\n')) bad('no signed note');
  const rows = text.slice(end + 2, -1).split('\n');
  if (rows.length > 64) bad('too many lines');
  const lines = rows.map(parseLine);
  const parts = text.slice(0, end).split('\n');
  if (parts.length !== 3 || !parts[0]) bad('no checkpoint of origin, size and root alone'); // ML-DSA signs no extension lines
  return { text: text.slice(0, end + 1), origin: parts[0], size: parseNumber(parts[1]), root: hash(parts[2], 'the root'), lines };
}

/** @typedef {ReturnType<typeof parseCheckpoint>} Checkpoint */

/** @param {string} row */
function parseLine(row) {
  const space = row.indexOf(' ', DASH.length);
  const name = row.slice(DASH.length, space);
  if (!row.startsWith(DASH) || space < 0 || !NAME.test(name)) bad('a line that is no signature line');
  const data = unbase64(row.slice(space + 1), 'a line');
  return data.length >= 5 ? { name, id: bytesToHex(data.slice(0, 4)), signature: data.slice(4) } : bad('a line without content');
}

/** Refuse a checkpoint that does not count. @param {Checkpoint} head @param {LogTrust} who */
function check(head, who) {
  if (head.origin !== who.keys[0].name) refuse('other-log', 'a checkpoint of another log');
  if (head.size === 0n && bytesToHex(head.root) !== bytesToHex(sha256(new Uint8Array()))) refuse('not-in-log', 'a tree without entries has a root of some');
  const known = [...who.keys, ...who.witnesses];
  const signed = new Set();
  for (const line of head.lines) {
    const key = known.find(({ name, id }) => name === line.name && id === line.id);
    if (key && !signedBy(key, head, line.signature)) refuse('log-line-invalid', 'a line of a known key does not hold');
    signed.add(key);
  }
  if (!who.keys.every((key) => signed.has(key))) refuse('log-line-missing', 'a key of the log did not sign');
  const names = [...new Set(who.witnesses.map(({ name }) => name))];
  const count = names.filter((name) => who.witnesses.every((key) => key.name !== name || signed.has(key))).length;
  if (count < who.quorum) refuse('witness-quorum', `${count} of ${who.quorum} witnesses signed`);
}

/** @param {VerifierKey} key @param {Checkpoint} head @param {Uint8Array} signature */
function signedBy(key, head, signature) {
  const algorithm = TYPES[key.type];
  if (key.type === 1) return verified(algorithm, key.raw, signature, utf8ToBytes(head.text));
  if (signature.length < 8) return false;
  const stamp = new DataView(signature.buffer, signature.byteOffset).getBigUint64(0);
  const [name, origin] = [utf8ToBytes(key.name), utf8ToBytes(head.origin)];
  const message = key.type === 4
    ? utf8ToBytes(`cosignature/v1\ntime ${stamp}\n${head.text}`)
    : concatBytes(utf8ToBytes('subtree/v1\n\0'), Uint8Array.of(name.length), name, uint64(stamp), Uint8Array.of(origin.length), origin, uint64(0n), uint64(head.size), head.root);
  return stamp <= LATEST && verified(algorithm, key.raw, signature.slice(8), message);
}

/** @param {bigint} value */
function uint64(value) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

/** @param {Uint8Array} left @param {Uint8Array} right */
const node = (left, right) => sha256(concatBytes(Uint8Array.of(1), left, right));

/** RFC 9162, 2.1.3.2. @param {Uint8Array} found @param {bigint} index @param {Checkpoint} head @param {Uint8Array[]} path */
function checkInclusion(found, index, head, path) {
  if (index >= head.size) refuse('not-in-log', 'an entry that this tree does not have');
  let [at, last] = [index, head.size - 1n];
  for (const step of path) {
    if (last === 0n) refuse('not-in-log', 'the path is too long');
    if (at & 1n || at === last) {
      found = node(step, found);
      for (; !(at & 1n) && at; at >>= 1n) last >>= 1n;
    } else {
      found = node(found, step);
    }
    at >>= 1n;
    last >>= 1n;
  }
  if (last !== 0n || bytesToHex(found) !== bytesToHex(head.root)) refuse('not-in-log', 'the path does not lead to the root');
}

/** Return the digest that an entry is about; an entry has one form. @param {Uint8Array} data */
function parseEntry(data) {
  if (data.length > ENTRY_LIMIT) bad('an entry that is too long');
  const fields = new Fields(parseJSON(data, false), 'the entry');
  const [inner, about] = [fields.fields('digest'), fields.fields('about')];
  if (fields.text('schema', null, 40) !== 'secpipe.log-entry/1' || !ENTRY_TYPES.includes(fields.text('type', null, 40))) bad('an entry of no type that is known');
  fields.time('time');
  const digest = inner.text('sha256', HEX256);
  fields.close();
  inner.close();
  const keys = Object.keys(about.table);
  for (const key of keys) about.text(key, null, 512);
  if (keys.length > 32 || !keys.every((key) => /^[a-z][a-z0-9_-]{0,31}$/.test(key))) bad('an entry with a wrong about');
  if (bytesToHex(compact(fields.table)) !== bytesToHex(data)) bad('an entry that is not in canonical form');
  return digest;
}
