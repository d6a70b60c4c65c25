// The trust bundle: roots, ring and the statement of the newest ring in one file, every signature checked here.

import { canonical, DAY, Fields, HEX256, utf8ToBytes, without } from './fields.js';
import { parseJSON } from './json.js';
import { Envelope, verifyChain } from './metadata.js';
import { as, bad, refuse, Refusal, Malformed } from './refusal.js';
import { readRing } from './ring.js';

const SKEW = 60;
const FILE_LIMIT = 4 * 2 ** 20;

/** @typedef {import('./ring.js').Ring} Ring */
/** @typedef {import('./metadata.js').Root} Root */

/**
 * What a verifier asks of a trust bundle. `pin` is the digest of a root (`sha256:HEX`); without one the caller believes
 * whoever gave him the file. `seen` is the bundle accepted before: keep the last one, and give it here.
 * @typedef {{pin?: string, seen?: Uint8Array, maxRingAge?: number, now?: Date}} TrustOptions
 */

/** The verified trust state. */
export class Trust {
  /** @param {Root[]} roots @param {Ring} ring */
  constructor(roots, ring) {
    this.roots = roots;
    this.ring = ring;
  }

  /** @returns {Root} */
  get root() {
    return this.roots[this.roots.length - 1];
  }
}

/** Verify a trust bundle and return what it grants; throws Refusal. @param {Uint8Array} data @param {TrustOptions} [options] */
export function openTrust(data, { pin = '', seen, maxRingAge = 0, now = new Date() } = {}) {
  return as('trust-malformed', () => {
    const seconds = Math.floor(now.getTime() / 1000);
    const { trust, snapshot } = open(data, pin);
    judgeTime(trust, seconds);
    if (seen) demandNewer(open(seen, '').trust, trust);
    const why = maxRingAge > 0 ? stale(snapshot, trust, seconds, maxRingAge) : '';
    return why ? refuse('ring-stale', why) : trust;
  });
}

/** @param {Uint8Array} data @param {string} pin */
function open(data, pin) {
  const fields = new Fields(parseJSON(data, true), 'the trust bundle');
  if (fields.text('schema', null, 40) !== 'secpipe.trust-bundle/1') bad('a trust bundle of another schema');
  const files = fields.list('roots').map(bytes);
  const targets = bytes(fields.text('ring', null, FILE_LIMIT));
  const rotation = fields.has('rotation') ? bytes(fields.text('rotation', null, FILE_LIMIT)) : undefined;
  const snapshot = fields.has('snapshot') ? bytes(fields.text('snapshot', null, FILE_LIMIT)) : undefined;
  const documents = fields.mapping('targets');
  if (Object.keys(documents).length > 100_000) bad('a trust bundle with too many targets');
  Object.values(documents).forEach(bytes);
  fields.close();
  const roots = verifyChain(files);
  checkPin(pin, roots);
  /** @param {string} path */
  const load = (path) => (Object.hasOwn(documents, path) ? bytes(documents[path]) : bad(`the trust bundle lacks target ${path}`));
  return { trust: new Trust(roots, readRing(roots[roots.length - 1], roots[0].digest, targets, rotation, load)), snapshot };
}

/** @param {any} text @returns {Uint8Array} */
function bytes(text) {
  if (typeof text !== 'string' || (text.length > FILE_LIMIT && [...text].length > FILE_LIMIT)) bad('a document that is no text, or too long');
  return utf8ToBytes(text);
}

/** @param {string} pin @param {Root[]} roots */
function checkPin(pin, roots) {
  const wanted = pin.replace(/^sha256:/, '').toLowerCase();
  if (!pin) return;
  if (!HEX256.test(wanted)) bad('a pin that is not sha256: and 64 hex digits');
  if (!roots.some((root) => root.digest === wanted)) refuse('wrong-pin', 'no root of the chain has the pinned digest');
}

/** @param {Trust} trust @param {number} now */
function judgeTime({ root, ring }, now) {
  const spans = [[root.issued, root.expires], [Math.max(ring.targets.issued, ring.newest.issued), ring.expires]];
  for (const [issued, expires] of spans) {
    if (now < issued - SKEW) refuse('trust-not-yet', 'the trust is issued after now');
    if (now > expires) refuse('trust-expired', 'the trust expired');
  }
}

/** Refuse unless `next` has the roots of `before`, or more, and its ring grew from that one. @param {Trust} before @param {Trust} next */
function demandNewer(before, next) {
  if (before.roots[0].digest !== next.roots[0].digest) refuse('fork', 'another trust root than the one accepted before');
  if (next.roots.length < before.roots.length) refuse('rollback', 'fewer roots than were accepted before');
  if (next.roots[before.roots.length - 1].digest !== before.root.digest) refuse('fork', 'another root than the one accepted before');
  demandGrowth(before.ring, next.ring);
}

/** @param {Ring} seen @param {Ring} next */
function demandGrowth(seen, next) {
  const { chain } = next;
  const [version, base] = [seen.newest.version, seen.targets.version];
  if (next.epoch < seen.epoch) refuse('rollback', 'an older epoch than was accepted before');
  if (next.epoch > seen.epoch) {
    if (chain[base - 1] !== seen.targets.digest) refuse('fork', "a new epoch that does not follow the holders' ring");
    const kept = new Set(seen.delegation.quorum.keys.map((key) => key.id));
    if (next.delegation.quorum.keys.some((key) => kept.has(key.id))) refuse('epoch-keeps-key', 'a new epoch that keeps a rotation key');
    return;
  }
  if (chain.length < version) refuse('rollback', `ring ${chain.length} is offered, ring ${version} was accepted before`);
  if (chain[version - 1] !== seen.newest.digest || next.targets.version < base) refuse('fork', 'a ring of another line than the one accepted before');
  if (next.targets.version === base) onlyAppends(seen, next);
}

/** Hold a rotation against an earlier one on the same ring. @param {Ring} seen @param {Ring} next */
function onlyAppends(seen, next) {
  const [before, now] = [versionsOf(seen), versionsOf(next)];
  for (const [name, version] of before) {
    const other = now.get(name);
    if (!other || unmarked(version) !== unmarked(other)) refuse('taken-back', `version ${name} is gone, or another key`);
  }
  for (const [name, { suspended }] of before) {
    if (suspended !== undefined && (now.get(name)?.suspended ?? Infinity) > suspended) refuse('taken-back', `the suspension of ${name} is lifted`);
  }
  for (const { identity, version } of next.successors) {
    const endorser = before.get(`${identity}/${version.number - 1}`);
    if (endorser?.suspended !== undefined && !before.has(`${identity}/${version.number}`)) refuse('endorser-state', 'a version that was suspended endorses a successor');
  }
}

/** @param {Ring} ring */
const versionsOf = (ring) => new Map(ring.identities.flatMap((who) => who.versions.map((version) => [`${who.name}/${version.number}`, version])));

/** A version without the marks that may come later. @param {import('./identity.js').KeyVersion} version */
const unmarked = (version) => canonical(without(version.table, 'compromised_since', 'suspended_since', 'destroyed_since')).toString();

/** Return why a ring is not shown to have been the newest within so many days, or "". @param {Uint8Array | undefined} snapshot @param {Trust} trust @param {number} now @param {number} days */
function stale(snapshot, { roots, ring }, now, days) {
  if (!snapshot) return 'no statement of the newest ring';
  try {
    const said = new Envelope(snapshot, 'snapshot', 'the statement');
    said.demand(ring.delegation.quorum);
    if (said.expires > said.issued + ring.delegation.ringDays * DAY) return 'a statement that lives longer than the holders allow';
    demandKnown(said.extra.fields('root'), roots.map((root) => root.digest));
    const meta = said.signed.fields('meta');
    for (const name of ['targets.json', 'rotation.json']) if (name === 'targets.json' || meta.has(name)) demandKnown(meta.fields(name), ring.chain);
    meta.close();
    return now < said.issued - SKEW || now > said.expires || now - said.issued > days * DAY ? 'a statement of another time' : '';
  } catch (error) {
    if (error instanceof Refusal || error instanceof Malformed) return error.message;
    throw error;
  }
}

/** @param {Fields} fields @param {string[]} known */
function demandKnown(fields, known) {
  const [version, digest] = [fields.integer('version'), fields.fields('hashes').text('sha256', HEX256)];
  if (known[version - 1] !== digest) bad('the statement names a version that this one did not grow from');
}
