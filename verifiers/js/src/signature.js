// Twin bundles against the trust: every declared half, by one key version of one identity, at a time when it counts.

import { match } from './identity.js';
import { as, refuse } from './refusal.js';
import { pae, parseBundle, parseStatement, PREDICATE_TYPES } from './statement.js';

/** @typedef {import('./trust.js').Trust} Trust */
/** The two bundles of an artifact, by the place where they stand. @typedef {{classical?: Uint8Array, pq?: Uint8Array}} Bundles */
/**
 * What a verifier asks for; nothing in it comes from the artifact.
 * @typedef {{require?: string, environment?: string, purpose?: string, name?: string, minVersion?: string, ignore?: string[]}} Demand
 */
/** @typedef {{bundle: import('./statement.js').Bundle, place: string, public: import('./keys.js').Half, who: import('./identity.js').Identity, version: import('./identity.js').KeyVersion}} Placed */
/** @typedef {ReturnType<typeof establish>} Established */

const FLOORS = ['classical+pq', 'classical', 'pq'];

/** Tell who signed, for what; which files that covers is for the caller. @param {Trust} trust @param {Bundles} bundles @param {Demand} demand @param {number} now */
export function establish(trust, bundles, demand, now) {
  const floor = demand.require || FLOORS[0];
  if (!FLOORS.includes(floor)) throw new TypeError(`unknown floor "${floor}"`);
  const found = [];
  for (const place of /** @type {const} */ (['classical', 'pq'])) {
    const data = bundles[place];
    if (data) found.push({ place, bundle: as('bundle-malformed', () => parseBundle(data)) });
  }
  if (!found.length) refuse('not-signed', 'there is no bundle');
  const { payload } = found[0].bundle;
  if (!found.every(({ bundle }) => same(bundle.payload, payload))) refuse('payloads-differ', 'the halves sign different payloads');
  const statement = as('statement-malformed', () => parseStatement(payload));
  const declared = statement.halves ?? refuse('undeclared', 'the payload declares no halves');
  checkDeclared(declared, found.map(({ bundle }) => bundle.hint));
  const halves = findSigner(trust, declared, found);
  for (const { public: key, bundle, place } of halves) {
    if (!key.verify(bundle.signature, pae(payload))) refuse('bad-signature', `the ${place} signature does not hold`);
  }
  for (const half of floor.split('+')) if (!halves.some(({ place }) => place === half)) refuse('below-floor', `there is no ${half} half`);
  checkTime(trust, halves, now);
  const type = PREDICATE_TYPES.get(statement.uri) ?? refuse('unvetted-type', 'a predicate type that nobody vetted');
  const { who, version } = halves[0];
  checkAuthority(who, type, statement, demand);
  return { statement, type, who, version };
}

/** @param {Uint8Array} one @param {Uint8Array} other */
const same = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);

/** @param {Map<string, string>} declared @param {string[]} hints */
function checkDeclared(declared, hints) {
  if (new Set(hints).size !== hints.length) refuse('half-repeated', 'both bundles hold the same half');
  if (!hints.every((hint) => declared.has(hint))) refuse('half-undeclared', 'a bundle points at a key that is not declared');
  if (declared.size > hints.length) refuse('half-missing', 'a declared half is missing');
}

/** @param {Trust} trust @param {Map<string, string>} declared @param {{place: string, bundle: import('./statement.js').Bundle}[]} found @returns {Placed[]} */
function findSigner(trust, declared, found) {
  const halves = found.map(({ place, bundle }) => {
    const signer = find(trust, bundle.hint) ?? refuse('unknown-key', 'a key that is not in the ring');
    if (signer.public.half !== place) refuse('wrong-place', `a ${signer.public.half} half in the ${place} place`);
    if (declared.get(bundle.hint) !== signer.public.algorithm) refuse('wrong-algorithm', 'another algorithm than the ring knows');
    return { place, bundle, ...signer };
  });
  const [{ who, version }] = halves;
  if (!halves.every((one) => one.who === who && one.version === version)) refuse('mixed-halves', 'halves of different signers or key versions');
  if (version.halves.length !== declared.size) refuse('half-left-out', 'the payload does not declare every half of the key version');
  return halves;
}

/** @param {Trust} trust @param {string} keyid */
function find(trust, keyid) {
  for (const who of trust.ring.identities) {
    for (const version of who.versions) {
      const key = version.halves.find((half) => half.keyid === keyid);
      if (key) return { public: key, who, version };
    }
  }
  return null;
}

/** Judge the key version at `now`. Where time stamps could decide, nobody here can tell. @param {Trust} trust @param {Placed[]} halves @param {number} now */
function checkTime(trust, halves, now) {
  const { suspended, compromised, notBefore, verifyUntil } = halves[0].version;
  if (suspended !== undefined && now >= suspended) refuse('suspended-key', 'the key version is suspended');
  if (trust.root.authorities && halves.every(({ bundle }) => bundle.stamped)) refuse('time-not-supported', 'time stamps could decide, and this verifier reads none');
  if (compromised !== undefined) refuse('compromised-key', 'the key version is compromised');
  if (now < notBefore) refuse('key-not-yet', 'the key version is not active yet');
  if (verifyUntil !== undefined && now > verifyUntil) refuse('expired-key', 'the key version ended');
}

/** @param {import('./identity.js').Identity} who @param {import('./statement.js').PredicateType} type @param {import('./statement.js').Statement} statement @param {Demand} demand */
function checkAuthority(who, type, statement, demand) {
  if (type.empty && Object.keys(statement.predicate).length) refuse('predicate-not-empty', `a ${type.purpose} statement must have an empty predicate`);
  const scopes = /** @type {const} */ ([
    ['purpose', type.purpose, who.purposes], ['subject', statement.name, who.namespaces], ['environment', demand.environment ?? '', who.environments],
  ]);
  for (const [what, value, globs] of scopes) {
    if (!globs.some((glob) => match(glob, value))) refuse(`${what}-not-allowed`, `${who.name} may not sign for this ${what}`);
  }
  if (demand.purpose && demand.purpose !== type.purpose) refuse('wrong-purpose', `signed as ${type.purpose}, not as ${demand.purpose}`);
  if (demand.name && demand.name !== statement.name) refuse('wrong-name', 'signed under another name');
  if (demand.minVersion && older(statement.version, demand.minVersion)) refuse('old-version', 'the signed version is older than the least accepted, or none');
}

/** Compare release numbers (1.4.0) of at most 200 characters; anything else counts as older. @param {string} version @param {string} least */
function older(version, least) {
  if (![version, least].every((text) => text.length <= 200 && /^[0-9]+(\.[0-9]+)*$/.test(text))) return true;
  const [have, want] = [version, least].map((text) => text.split('.').map(BigInt));
  for (let at = 0; at < Math.max(have.length, want.length); at++) {
    const [one, other] = [have[at] ?? 0n, want[at] ?? 0n];
    if (one !== other) return one < other;
  }
  return false;
}
