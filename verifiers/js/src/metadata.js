// TUF metadata: the envelope, its keys, and the class-aware rule: a holder counts only if both halves verify.

import { sha512 } from '@noble/hashes/sha2.js';
import { hexToBytes } from '@noble/hashes/utils.js';
import { canonical, concatBytes, Fields, NAME, sha256Hex, sortedKeys, utf8ToBytes } from './fields.js';
import { parseJSON } from './json.js';
import { Half, pemOf, publicHalf } from './keys.js';
import { bad, refuse } from './refusal.js';

export const EXTRA = 'x-secpipe';
const TUF = /** @type {Record<string, string>} */ ({
  'ed25519 ed25519': 'ed25519', 'ecdsa ecdsa-sha2-nistp256': 'ecdsa-p256', 'ecdsa ecdsa-sha2-nistp384': 'ecdsa-p384',
  'ml-dsa ml-dsa-44/1': 'ml-dsa-44', 'ml-dsa ml-dsa-65/1': 'ml-dsa-65', 'ml-dsa ml-dsa-87/1': 'ml-dsa-87',
});

/** @typedef {{public: Half, id: string, holder: string}} TufKey */
/** @typedef {{holders: TufKey[][], people: number, keys: TufKey[]}} Quorum */

export class Envelope {
  /** @param {Uint8Array} data @param {string} kind @param {string} what */
  constructor(data, kind, what) {
    const outer = new Fields(parseJSON(data, true), what);
    this.signed = outer.fields('signed');
    if (this.signed.text('_type', null, 20) !== kind || !this.signed.text('spec_version', null, 20).startsWith('1.')) bad(`${what} is not ${kind} metadata of TUF 1.x`);
    /** @type {Map<string, Uint8Array>} */
    this.signatures = new Map();
    for (const item of outer.list('signatures', 1000)) {
      const one = new Fields(item, `${what}, a signature`);
      const [id, text] = [one.text('keyid', null, 200), one.text('sig')];
      if (this.signatures.has(id) || !/^([0-9a-f]{2})*$/.test(text)) bad(`${what} has a signature that stands twice or is not hex`);
      this.signatures.set(id, hexToBytes(text));
    }
    this.extra = this.signed.fields(EXTRA);
    this.issued = this.extra.time('issued');
    this.expires = this.signed.time('expires');
    this.version = this.signed.integer('version');
    this.payload = canonical(this.signed.table);
    this.digest = sha256Hex(data);
    if (this.issued >= this.expires) bad(`${what} expires before it is issued`);
  }

  /** @param {TufKey} key */
  signedBy(key) {
    const signature = this.signatures.get(key.id);
    const message = key.public.half === 'pq' ? concatBytes(utf8ToBytes('tuf\x01'), sha512(this.payload)) : this.payload; // TAP 21
    return signature !== undefined && key.public.verify(signature, message);
  }

  /** Refuse unless enough people signed with both halves. @param {Quorum} quorum */
  demand(quorum) {
    const count = quorum.holders.filter((pair) => pair.every((key) => this.signedBy(key))).length;
    if (count < quorum.people) refuse('quorum', `version ${this.version} is signed by ${count} of ${quorum.people} people`);
  }
}

/** @param {import('./json.js').Table} table @param {string} what */
export function parseKeys(table, what) {
  /** @type {Map<string, TufKey>} */
  const keys = new Map();
  if (Object.keys(table).length > 1000) bad(`${what} has too many keys`);
  for (const id of Object.keys(table)) keys.set(id, parseKey(id, table[id]));
  if (new Set([...keys.values()].map((key) => key.public.pem)).size !== keys.size) bad(`${what} holds one public key under two ids`);
  return keys;
}

/** @param {string} id @param {any} value @returns {TufKey} */
function parseKey(id, value) {
  const fields = new Fields(value, 'a key');
  const [keytype, scheme] = [fields.text('keytype', null, 40), fields.text('scheme', null, 40)];
  const algorithm = TUF[`${keytype} ${scheme}`] ?? bad('a key of a type that is not known');
  const text = fields.fields('keyval').text('public');
  if (algorithm === 'ed25519' && !/^[0-9a-f]{64}$/.test(text)) bad('a key that is not 32 bytes of hex');
  const found = publicHalf(algorithm, algorithm === 'ed25519' ? pemOf(algorithm, hexToBytes(text)) : text);
  const holder = fields.text('x-secpipe-holder', NAME);
  const keyval = Object.assign(Object.create(null), { public: text });
  if (sha256Hex(canonical(Object.assign(Object.create(null), { keytype, keyval, scheme }))) !== id) bad('a key that does not match its id');
  return { public: found, id, holder };
}

/** Read a role; each holder has exactly one classical and one post-quantum key. @param {Fields} role @param {Map<string, TufKey>} keys @returns {Quorum} */
export function parseQuorum(role, keys) {
  /** @type {Map<string, TufKey[]>} */
  const pairs = new Map();
  for (const id of role.strings('keyids', null, 1000)) {
    const key = keys.get(id) ?? bad(`${role.what} names a key that is not there`);
    pairs.set(key.holder, [...(pairs.get(key.holder) ?? []), key]);
  }
  const holders = [...pairs.values()];
  if (holders.some((pair) => pair.length !== 2 || pair[0].public.half === pair[1].public.half)) bad(`${role.what}: a holder without one key of each class`);
  const threshold = role.integer('threshold');
  if (threshold % 2 || threshold > 2 * holders.length) bad(`${role.what} has a threshold that is not twice a number of its holders`);
  return { holders, people: threshold / 2, keys: holders.flat() };
}

export class Root extends Envelope {
  /** @param {Uint8Array} data */
  constructor(data) {
    super(data, 'root', 'a root');
    const keys = parseKeys(this.signed.mapping('keys'), 'a root');
    const roles = this.signed.fields('roles');
    if (sortedKeys(roles.table).join(' ') !== 'root snapshot targets timestamp') bad('a root without exactly the roles of TUF');
    const authorities = this.extra.list('time_authorities', 100);
    for (const item of authorities) {
      const one = new Fields(item, 'a time authority');
      one.text('name', NAME);
      one.text('pem');
    }
    this.quorum = parseQuorum(roles.fields('root'), keys);
    this.ring = parseQuorum(roles.fields('targets'), keys);
    this.authorities = authorities.length; // pinned; this verifier reads no time stamps
  }
}

/** Return roots 1..N, each signed under itself and under the one before. @param {Uint8Array[]} files */
export function verifyChain(files) {
  if (!files.length) bad('there is no root');
  /** @type {Root[]} */
  const chain = [];
  for (const data of files) {
    const next = new Root(data);
    const before = chain.at(-1);
    if (next.version !== chain.length + 1) refuse('root-chain', `the root in place ${chain.length + 1} says it is version ${next.version}`);
    if (before) {
      if (next.issued < before.issued) refuse('root-chain', `root ${next.version} is issued before the one it follows`);
      next.demand(before.quorum);
    }
    next.demand(next.quorum);
    chain.push(next);
  }
  return chain;
}
