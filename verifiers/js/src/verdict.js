// Signed verdicts (SLSA VSA): what they are about, who gave them, under which trust, and until when.

import { Fields, HEX256 } from './fields.js';
import { DUTIES } from './identity.js';
import { as, bad, refuse } from './refusal.js';

const EXTENSION = 'https://secpipe.dev/verdict/v1';
const SKEW = 5 * 60;
const MANY = 200_000;
const LONG = 4096;

/**
 * What whoever deploys asks of a verdict. `digest` is the dirHash of the release, `links` the digest of its symbolic
 * links ('' where there are none; undefined: not known), `maxAge` seconds; what is absent asks for nothing.
 * @typedef {{digest: string, environment: string, links?: string, policy?: string, verifiers?: string[], minRoot?: number, minRing?: number, maxAge?: number, name?: string}} Asked
 */
/** @typedef {import('./signature.js').Established} Established */
/** @typedef {import('./trust.js').Trust} Trust */

/** Refuse what is no verdict that lets the release out now. @param {Trust} trust @param {Established} found @param {Asked} asked @param {number} now */
export function judgeVerdict(trust, found, asked, now) {
  const { statement, type, who } = found;
  if (type.form !== 'verdict' || statement.kind !== 'vsa') refuse('not-a-verdict', 'this is no verdict');
  if (!who.purposes.includes('vsa') || !who.purposes.every((purpose) => DUTIES[0].includes(purpose))) refuse('mixed-duties', 'whoever builds must not judge');
  if (!(type.required ?? []).every((field) => Object.hasOwn(statement.predicate, field))) refuse('verdict-malformed', 'the predicate is no verdict');
  if (statement.made === null || statement.made > now + SKEW) refuse('not-yet-made', 'the statement says a time to come, or none');
  const summary = as('verdict-malformed', () => parseSummary(statement.predicate));
  holdSummary(trust, summary, found, asked, now);
  answer(trust, summary, found, asked, now);
}

/** @typedef {ReturnType<typeof parseSummary>} Summary */

/** Refuse what does not hold, or is about something else. @param {Trust} trust @param {Summary} one @param {Established} found @param {Asked} asked @param {number} now */
function holdSummary({ root, roots, ring }, one, { statement, who }, asked, now) {
  if ((statement.digests.get('sha256') ?? '') !== one.image) refuse('verdict-malformed', 'the verdict names one image and says that it judged another');
  if (statement.digests.get('dirHash') !== asked.digest) refuse('other-release', 'the verdict is about another release');
  if (one.environment !== asked.environment) refuse('other-environment', 'the verdict is for another environment');
  if (asked.links !== undefined && one.links !== asked.links) refuse('other-links', 'the links are not those that were judged');
  if (one.verifier.split('/').at(-1) !== who.name) refuse('other-verifier', 'the verifier is not who signed it');
  if (one.at > now + SKEW) refuse('not-yet-made', 'the verdict was given after now');
  const { judged } = one;
  if (!judged || (!roots.some(({ digest }) => digest === judged.rootDigest) && judged.root <= root.version)) return refuse('other-root', 'the verdict was given under another trust root, or none');
  if (judged.root > root.version || judged.ring > ring.newest.version) refuse('newer-trust', 'the verdict was given under a newer trust');
}

/** Refuse where the verdict holds and is no yes for now. @param {Trust} trust @param {Summary} one @param {Established} found @param {Asked} asked @param {number} now */
function answer({ root, ring }, one, { statement }, asked, now) {
  const { verifiers = [], policy, name, minRoot = 0, minRing = 0, maxAge } = asked;
  if (verifiers.length && !verifiers.includes(one.verifier)) refuse('verifier-not-accepted', 'the policy does not accept this verifier');
  if (policy && one.policy !== policy) refuse('other-policy', 'the verdict was given by another policy');
  if (name && statement.name !== name) refuse('wrong-name', 'the verdict calls the release otherwise');
  const [oldest, oldestRing] = [Math.min(root.version, one.judged?.root ?? 0), Math.min(ring.newest.version, one.judged?.ring ?? 0)];
  if (oldest < minRoot || oldestRing < minRing) refuse('old-trust', 'root or ring is older than the least accepted');
  if (one.decision === 'undecided' || one.selfJudged) refuse('verdict-undecided', 'the verdict came to no answer');
  if (one.decision === 'deny') refuse('verdict-says-no', 'the verdict is a no');
  if (now >= one.validUntil) refuse('verdict-expired', 'the verdict ended');
  if (maxAge && now - one.at > maxAge) refuse('verdict-too-old', 'the verdict is older than was asked for');
}

/** @param {Fields} fields @param {string} key */
const digestOf = (fields, key) => fields.fields(key).text('sha256', HEX256);

/** @param {import('./json.js').Table} predicate */
function parseSummary(predicate) {
  const top = new Fields(predicate, 'the verdict');
  const own = top.fields(EXTENSION);
  const verifier = top.fields('verifier');
  const decision = own.text('decision', null, 16);
  if (!['pass', 'warn', 'undecided', 'deny'].includes(decision)) bad('the verdict has no valid decision');
  verifier.fields('version').text('secpipe', null, 64);
  top.text('resourceUri', null, LONG);
  for (const [key, limit] of /** @type {const} */ ([['policyName', LONG], ['mode', 16], ['advisories', 64], ['validUntilBecause', LONG]])) own.text(key, null, limit);
  for (const key of ['resolvedPolicy', 'verdict', 'evidence']) digestOf(own, key);
  const summary = {
    decision, verifier: verifier.text('id', null, LONG), at: top.time('timeVerified'), validUntil: own.time('validUntil'),
    policy: digestOf(top.fields('policy'), 'digest'), environment: own.text('environment', null, 256), links: own.text('links', null, 64),
    selfJudged: own.flag('selfJudged'), judged: parseTrust(own), image: own.has('image') ? digestOf(own, 'image') : '',
  };
  parseRest(top, own);
  const passed = ['pass', 'warn'].includes(decision) && !summary.selfJudged;
  if (top.text('verificationResult', null, 16) !== (passed ? 'PASSED' : 'FAILED')) bad('the result does not follow from the decision');
  const levels = top.strings('verifiedLevels');
  if (passed ? levels.includes('FAILED') : levels.join() !== 'FAILED') bad('the levels do not follow from the result');
  return summary;
}

/** @param {Fields} own */
function parseTrust(own) {
  if (own.has('trust') && own.table.trust === null) return null;
  const fields = own.fields('trust');
  digestOf(fields, 'ring');
  return { root: fields.integer('rootVersion'), ring: fields.integer('ringVersion'), rootDigest: digestOf(fields, 'root') };
}

/** Read what must be well-formed and decides nothing here. @param {Fields} top @param {Fields} own */
function parseRest(top, own) {
  const glass = own.fields('breakGlass');
  glass.integer('holders', 0);
  glass.integer('maxHours', 0);
  own.strings('leftOut', null, MANY);
  if (own.has('executable')) own.strings('executable', null, MANY);
  if (own.has('exploited')) own.integer('exploited', 0);
  for (const item of top.list('inputAttestations', MANY)) {
    const fields = new Fields(item, 'an input attestation');
    fields.text('uri', null, 4 * LONG);
    digestOf(fields, 'digest');
  }
  for (const item of own.list('artifacts', MANY)) {
    const fields = new Fields(item, 'an artifact');
    const digests = fields.fields('digest');
    const [name, ...others] = Object.keys(digests.table);
    if (others.length || (name !== 'sha256' && name !== 'dirHash')) bad('an artifact without a digest');
    digests.text(name, HEX256);
    fields.text('path', null, LONG);
  }
}
