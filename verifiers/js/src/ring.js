// The keyring: what the holders signed, and what the bounded rotation role appended.

import { canonical, concatBytes, DAY, Fields, GLOB, HEX256, NAME, PAIR, sameList, sha256Hex, sortedKeys, unbase64, utf8ToBytes, without } from './fields.js';
import { idOf, mayNotEndorse, parseIdentity, parseVersion } from './identity.js';
import { parseJSON } from './json.js';
import { Envelope, EXTRA, parseKeys, parseQuorum } from './metadata.js';
import { bad, refuse } from './refusal.js';

/** @typedef {import('./identity.js').Identity} Identity */
/** @typedef {import('./metadata.js').Root} Root */
/** @typedef {(path: string) => Uint8Array} Load */
/** @typedef {ReturnType<typeof parseSuccessor>} Successor */

export class Ring {
  /** @param {Root} root @param {Uint8Array} data @param {Load} load */
  constructor(root, data, load) {
    this.targets = new Envelope(data, 'targets', 'the ring');
    /** @type {Envelope | null} */
    this.rotation = null;
    const { signed, extra } = this.targets;
    this.delegation = parseDelegation(signed.fields('delegations'));
    const targets = signed.mapping('targets');
    /** @type {Identity[]} */
    this.identities = sortedKeys(targets).map((path) => {
      const name = /^([a-z0-9-]{1,64})\.json$/.exec(path)?.[1] ?? '';
      if (!NAME.test(name)) bad('the ring holds a target that is not an identity');
      return parseIdentity(target(path, targets[path], load), name);
    });
    unique(this.identities, root, this.delegation.quorum);
    this.freshUntil = extra.time('fresh_until');
    this.history = parseHistory(this.targets);
    if (extra.has('grandfathered')) checkGrandfathered(extra.fields('grandfathered'));
    this.epoch = extra.has('epoch') ? extra.integer('epoch') : 0;
    /** @type {Successor[]} */
    this.successors = [];
  }

  get newest() {
    return this.rotation ?? this.targets;
  }

  get expires() {
    return Math.min(this.targets.expires, this.rotation ? this.rotation.expires : this.freshUntil);
  }

  /** The digest of each version of the ring, the newest last. */
  get chain() {
    return [...this.history, this.newest.digest];
  }

  /** @param {string} name */
  find(name) {
    return this.identities.find((identity) => identity.name === name);
  }

  /** Apply what the rotation role signed on top of the holders' ring. @param {string} anchor @param {Envelope} rotation @param {Load} load */
  extend(anchor, rotation, load) {
    rotation.demand(this.delegation.quorum);
    const history = parseHistory(rotation);
    if (!sameList(history.slice(0, this.chain.length), this.chain)) refuse('rotation-does-not-extend', 'the rotation stands on another ring');
    this.bounded(rotation);
    const targets = rotation.signed.mapping('targets');
    for (const path of sortedKeys(targets).sort((a, b) => [...a].length - [...b].length)) {
      const [, name, number] = /^([a-z0-9-]{1,64})\/([1-9][0-9]{0,5})\.json$/.exec(path) ?? ['', '', ''];
      const who = this.find(name) ?? refuse('rotation-beyond-role', 'the rotation adds what is no version of an identity in the ring');
      const next = parseSuccessor(target(path, targets[path], load), name, Number(number));
      this.appendable(who, next, rotation);
      demandProofs(next, who, anchor);
      who.versions.push(next.version);
      this.successors.push(next);
    }
    this.suspend(rotation.extra, rotation.version - this.targets.version);
    this.rotation = rotation;
    this.history = history;
  }

  /** @param {Envelope} rotation */
  bounded(rotation) {
    if (rotation.issued < this.targets.issued) refuse('rotation-bounds', 'the rotation is issued before its ring');
    if (rotation.signed.has('delegations')) refuse('rotation-beyond-role', 'the rotation role may not delegate');
    if (rotation.expires > Math.min(rotation.issued + this.delegation.ringDays * DAY, this.targets.expires)) refuse('rotation-bounds', 'the rotation lives longer than the holders allow');
  }

  /** @param {Identity} who @param {Successor} next @param {Envelope} rotation */
  appendable(who, next, rotation) {
    const newest = who.versions[who.versions.length - 1];
    const { version, issued } = next;
    const { lateDays, keyDays, algorithms } = this.delegation;
    if (who.origin) refuse('rotation-beyond-role', `${who.name} belongs to another trust root`);
    if (issued < this.targets.issued || issued > rotation.issued) refuse('rotation-bounds', 'a version that is not made between its ring and its rotation');
    if (mayNotEndorse(newest, issued) || issued > newest.signUntil + lateDays * DAY) refuse('endorser-state', 'a version that is endorsed by a key that may not');
    if (version.notBefore < Math.max(issued, newest.notBefore)) refuse('rotation-bounds', 'a version that starts in the past');
    if (version.signUntil - version.notBefore > keyDays * DAY) refuse('rotation-bounds', 'a version that lives longer than the holders allow');
    if (!algorithms.includes(version.halves.map((half) => half.algorithm).join('+'))) refuse('rotation-bounds', 'a version with algorithms that the holders do not allow');
  }

  /** Apply the suspensions of a rotation whose number rose by `steps`. @param {Fields} extra @param {number} steps */
  suspend(extra, steps) {
    const marks = extra.list('suspended', 1000).map((item) => {
      const one = new Fields(item, 'a suspension');
      const mark = { name: one.text('identity', NAME), number: one.integer('version'), since: one.time('since') };
      one.close();
      if (mark.number > (this.find(mark.name)?.versions.length ?? 0)) refuse('rotation-beyond-role', 'the rotation suspends a key that is not in the ring');
      return mark;
    });
    const counted = new Set(marks.map((mark) => `${mark.name}/${mark.number}`));
    if (steps > this.successors.length + counted.size) refuse('rotation-jump', 'the number rose by more than was appended');
    for (const { name, number, since } of marks) {
      const endorsed = this.successors.some((made) => made.identity === name && made.version.number === number + 1 && made.issued >= since);
      if (endorsed) refuse('endorser-state', 'a suspended version endorses no successor');
      const version = this.find(name)?.versions[number - 1];
      if (version) version.suspended = Math.min(version.suspended ?? since, since);
    }
  }
}

/** @param {Root} root @param {string} anchor @param {Uint8Array} targets @param {Uint8Array | undefined} rotation @param {Load} load */
export function readRing(root, anchor, targets, rotation, load) {
  const ring = new Ring(root, targets, load);
  ring.targets.demand(root.ring);
  if (rotation) {
    ring.extend(anchor, new Envelope(rotation, 'targets', 'the rotation'), load);
    unique(ring.identities, root, ring.delegation.quorum);
  }
  return ring;
}

/** @param {Envelope} envelope */
function parseHistory(envelope) {
  const history = envelope.extra.strings('history', HEX256, 100_000);
  if (history.length !== envelope.version - 1) refuse('ring-history', `version ${envelope.version} does not list the versions before it`);
  return history;
}

/** @param {Fields} table */
function checkGrandfathered(table) {
  const digests = Object.keys(table.table);
  if (!digests.length || digests.length > 10_000 || !digests.every((digest) => HEX256.test(digest))) bad('the ring grandfathers what is no table of digests');
  for (const digest of digests) table.text(digest, GLOB);
}

/** @param {Fields} fields */
function parseDelegation(fields) {
  const keys = parseKeys(fields.mapping('keys'), fields.what);
  const roles = fields.list('roles', 1);
  const role = new Fields(roles[0], fields.what);
  if (role.text('name', null, 64) !== 'rotation') bad(`${fields.what} does not hold exactly the rotation role`);
  const quorum = parseQuorum(role, keys);
  const limits = role.fields(EXTRA);
  const algorithms = limits.strings('algorithms', PAIR, 100);
  const [keyDays, ringDays] = [limits.integer('key_days', 1, 36_500), limits.integer('ring_days', 1, 36_500)];
  return { quorum, algorithms, keyDays, ringDays, lateDays: limits.has('late_days') ? limits.integer('late_days', 0, 36_500) : ringDays };
}

/** @param {string} path @param {any} value @param {Load} load */
function target(path, value, load) {
  const fields = new Fields(value, `target ${path}`);
  const digest = fields.fields('hashes').text('sha256', HEX256);
  const data = load(path);
  if (data.length !== fields.integer('length', 1, 2 ** 26) || sha256Hex(data) !== digest) refuse('target-mismatch', `${fields.what} is not the file that was signed`);
  return data;
}

/** Refuse a public key that has two jobs. @param {Identity[]} identities @param {Root} root @param {import('./metadata.js').Quorum} rotation */
function unique(identities, root, rotation) {
  const seen = new Set([...root.quorum.keys, ...root.ring.keys].map((key) => key.public.pem));
  const halves = identities.flatMap((who) => [...who.versions.flatMap((version) => version.halves), ...who.rotation]);
  for (const { pem } of [...rotation.keys.map((key) => key.public), ...halves]) {
    if (seen.has(pem)) refuse('key-reused', 'one public key has two jobs');
    seen.add(pem);
  }
}

/** @param {Uint8Array} data @param {string} name @param {number} number */
function parseSuccessor(data, name, number) {
  const fields = new Fields(parseJSON(data, true), `a version of ${name}`);
  if (fields.text('schema', null, 40) !== 'secpipe.key-version/1' || fields.text('identity', NAME) !== name) bad(`${fields.what} is not what its target says`);
  /** @param {string} kind */
  const proof = (kind) => new Map(Object.entries(fields.mapping(kind)).map(([id, text]) => [id, unbase64(text, 'a proof')]));
  const endorsement = proof('endorsement');
  const possession = proof('possession');
  const authorisation = fields.has('authorisation') ? proof('authorisation') : new Map();
  const version = parseVersion(fields.mapping('key'), fields.what);
  const [issued, ring, predecessor] = [fields.time('issued'), fields.text('ring', HEX256), fields.text('predecessor', HEX256)];
  fields.close();
  const marked = version.compromised ?? version.suspended ?? version.destroyed;
  if (marked !== undefined || version.number !== number) bad(`${fields.what} is not fresh, or not what its target says`);
  const core = without(fields.table, 'endorsement', 'possession', 'authorisation');
  const message = concatBytes(utf8ToBytes('secpipe key version 1\n'), canonical(core));
  return { identity: name, version, issued, ring, predecessor, endorsement, possession, authorisation, message };
}

/** @param {Successor} next @param {Identity} who @param {string} anchor */
function demandProofs(next, who, anchor) {
  const before = who.versions[who.versions.length - 1];
  const follows = next.predecessor === idOf(before) && next.version.number === before.number + 1 && next.ring === anchor;
  if (!follows) refuse('successor-order', 'a version that does not follow, or was made for another trust root');
  const whole = allSigned(before.halves, next.endorsement, next.message) && allSigned(next.version.halves, next.possession, next.message) && allSigned(who.rotation, next.authorisation, next.message);
  if (!whole) refuse('successor-proof', 'a version that lacks a signature');
}

/** @param {import('./keys.js').Half[]} halves @param {Map<string, Uint8Array>} proof @param {Uint8Array} message */
function allSigned(halves, proof, message) {
  return proof.size === halves.length && halves.every((half) => {
    const signature = proof.get(half.keyid);
    return signature !== undefined && half.verify(signature, message);
  });
}
