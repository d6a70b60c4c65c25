// Bundles and the statements that they sign: exactly the fields of the format, and nothing lenient.

import { concatBytes, demandText, exactly, HEX256, instant, isTable, unbase64, utf8ToBytes } from './fields.js';
import { parseJSON } from './json.js';
import { bad } from './refusal.js';

/** @typedef {import('./json.js').Table} Table */

const MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
const NOTES = 'https://secpipe.dev/';

/** @typedef {ReturnType<typeof parseBundle>} Bundle */

/** @param {Uint8Array} data */
export function parseBundle(data) {
  const top = exactly(parseJSON(data, false), 'the bundle', ['mediaType', 'verificationMaterial', 'dsseEnvelope']);
  const material = exactly(top.verificationMaterial, 'verificationMaterial', ['publicKey'], ['tlogEntries', 'timestampVerificationData']);
  const entries = Object.hasOwn(material, 'tlogEntries') ? material.tlogEntries : [];
  if (!Array.isArray(entries) || entries.length) bad('the bundle carries log entries');
  const hint = demandText(exactly(material.publicKey, 'publicKey', ['hint']).hint);
  const dsse = exactly(top.dsseEnvelope, 'dsseEnvelope', ['payload', 'payloadType', 'signatures']);
  const one = Array.isArray(dsse.signatures) && dsse.signatures.length === 1;
  if (top.mediaType !== MEDIA_TYPE || !HEX256.test(hint) || dsse.payloadType !== PAYLOAD_TYPE || !one) bad("the bundle is not one signature over a statement in Sigstore's v0.3");
  const signature = exactly(dsse.signatures[0], 'the signature', ['sig'], ['keyid']);
  if (Object.hasOwn(signature, 'keyid') && signature.keyid !== '') bad('keyid must be empty');
  const made = { payload: unbase64(dsse.payload, 'the payload'), signature: unbase64(signature.sig, 'the signature'), hint };
  if (made.signature.length > 64 * 1024) bad('a signature of more than 64 KiB');
  return { ...made, stamped: parseStamps(material.timestampVerificationData ?? null) };
}

/** @param {any} value */
function parseStamps(value) {
  if (value === null) return false;
  const table = exactly(value, 'timestampVerificationData', [], ['rfc3161Timestamps']);
  const tokens = Object.hasOwn(table, 'rfc3161Timestamps') ? table.rfc3161Timestamps : [];
  if (!Array.isArray(tokens) || tokens.length > 8) return bad('time stamps that are no list of at most eight');
  for (const token of tokens) unbase64(exactly(token, 'a time stamp', ['signedTimestamp']).signedTimestamp, 'a time stamp');
  return tokens.length > 0;
}

/** @typedef {{purpose: string, form: string, empty?: boolean, required?: string[]}} PredicateType */

/** The vetted types; the table is policies/signing/predicates.toml. @type {Map<string, PredicateType>} */
export const PREDICATE_TYPES = new Map([
  ['https://model_signing/signature/v1.0', { purpose: 'model', form: 'folder' }],
  ['https://secpipe.dev/skill/v1', { purpose: 'skill', form: 'folder' }],
  ['https://secpipe.dev/plugin/v1', { purpose: 'plugin', form: 'folder' }],
  ['https://secpipe.dev/file/v1', { purpose: 'file', form: 'file', empty: true }],
  ['https://secpipe.dev/dataset/v1', { purpose: 'dataset', form: 'file', empty: true }],
  ['https://secpipe.dev/prompt/v1', { purpose: 'prompt', form: 'file', empty: true }],
  ['https://secpipe.dev/sbom/v1', { purpose: 'sbom', form: 'file', empty: true }],
  ['https://secpipe.dev/policy/v1', { purpose: 'policy', form: 'file', empty: true }],
  ['https://secpipe.dev/waiver/v1', { purpose: 'waiver', form: 'file', empty: true }],
  ['https://secpipe.dev/advisories/v1', { purpose: 'advisories', form: 'file', empty: true }],
  ['https://secpipe.dev/verdict/v1', { purpose: 'verdict', form: 'file', empty: true }],
  ['https://sigstore.dev/cosign/sign/v1', { purpose: 'image', form: 'oci', empty: true }],
  ['https://slsa.dev/provenance/v1', { purpose: 'provenance', form: 'attestation' }],
  ['https://cyclonedx.org/bom', { purpose: 'cyclonedx', form: 'attestation' }],
  ['https://in-toto.io/attestation/test-result/v0.1', { purpose: 'test-result', form: 'attestation' }],
  ['https://secpipe.dev/review/v1', { purpose: 'review', form: 'attestation' }],
  ['https://secpipe.dev/derivation/v1', { purpose: 'derivation', form: 'attestation' }],
  ['https://secpipe.dev/signal/v1', { purpose: 'signal', form: 'attestation' }],
  ['https://in-toto.io/attestation/vulns/v0.2', { purpose: 'vuln', form: 'attestation' }],
  ['https://slsa.dev/verification_summary/v1', {
    purpose: 'vsa', form: 'verdict', required: ['verifier', 'timeVerified', 'resourceUri', 'policy', 'verificationResult', 'verifiedLevels'],
  }],
  ['https://secpipe.dev/override/v1', { purpose: 'override', form: 'verdict', required: ['grant', 'holder'] }],
]);

/** @typedef {ReturnType<typeof parseStatement>} Statement */

/** @param {Uint8Array} payload */
export function parseStatement(payload) {
  const top = exactly(parseJSON(payload, false), 'the statement', ['_type', 'subject', 'predicateType', 'predicate']);
  if (top._type !== 'https://in-toto.io/Statement/v1' || !Array.isArray(top.subject) || top.subject.length !== 1) bad('the payload is no in-toto Statement v1 with one subject');
  const subject = exactly(top.subject[0], 'the subject', ['name', 'digest'], ['annotations']);
  const annotations = Object.hasOwn(subject, 'annotations') ? subject.annotations : Object.create(null);
  if (!isTable(annotations) || !isTable(top.predicate)) bad('annotations or a predicate that is no object');
  /** @param {string} name */
  const note = (name) => (Object.hasOwn(annotations, NOTES + name) ? demandText(annotations[NOTES + name]) : '');
  const [uri, made] = [demandText(top.predicateType), note('made/v1')];
  return {
    uri,
    name: demandText(subject.name),
    digests: parseDigests(subject.digest, PREDICATE_TYPES.get(uri)?.form === 'verdict'),
    predicate: /** @type {Table} */ (top.predicate),
    version: note('version/v1'),
    kind: note('kind/v1'),
    made: made ? (instant(made) ?? bad('the signed time is no RFC 3339 time in UTC')) : null,
    halves: parseDeclaration(annotations[`${NOTES}hybrid/v1`] ?? null),
  };
}

/** @param {any} table @param {boolean} verdict @returns {Map<string, string>} */
function parseDigests(table, verdict) {
  if (!isTable(table)) bad('digests that are no object');
  const found = new Map(Object.entries(table));
  for (const [name, digest] of found) {
    const ours = name === 'sha256' || name === 'dirHash';
    if (typeof digest !== 'string' || (ours && !HEX256.test(digest)) || (verdict && !ours)) bad('a digest that is not 64 hex digits, or not known here');
  }
  if (!found.has(verdict ? 'dirHash' : 'sha256')) bad('the subject lacks the digest that names it');
  return found;
}

/** keyid -> algorithm; null: nothing is declared. @param {any} value @returns {Map<string, string> | null} */
function parseDeclaration(value) {
  if (value === null) return null;
  const { mode, halves: rows } = exactly(value, 'the declaration', ['mode', 'halves']);
  if (mode !== 'all-of' || !Array.isArray(rows) || !rows.length || rows.length > 8) bad('the declaration is not all-of one to eight halves');
  const halves = new Map();
  for (const row of rows) {
    const { alg, keyid } = exactly(row, 'a declared half', ['alg', 'keyid']);
    if (typeof keyid !== 'string' || !HEX256.test(keyid) || halves.has(keyid)) bad('a half that is declared twice, or without keyid');
    halves.set(keyid, demandText(alg));
  }
  return halves;
}

/** What DSSE signs. @param {Uint8Array} payload */
export const pae = (payload) => concatBytes(utf8ToBytes(`DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${payload.length} `), payload);
