// Public keys as text, and the signatures that they verify. The text is read by comparison, not by a parser.

import { ed25519 } from '@noble/curves/ed25519.js';
import { p256, p384 } from '@noble/curves/nist.js';
import { ml_dsa44, ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa.js';
import { hexToBytes } from '@noble/hashes/utils.js';
import { base64, bytesToHex, sha256Hex, utf8ToBytes } from './fields.js';
import { bad } from './refusal.js';

/** @typedef {(raw: Uint8Array, signature: Uint8Array, message: Uint8Array) => boolean} Verify */
/** @typedef {{half: 'classical' | 'pq', head: string, size: number, verify: Verify, check?: (raw: Uint8Array) => void}} Algorithm */

/** @param {typeof p256} curve @param {string} head @param {number} size @returns {Algorithm} */
const ecdsa = (curve, head, size) => ({
  half: 'classical', head, size,
  verify: (raw, signature, message) => curve.verify(signature, message, raw, { format: 'der', lowS: false, prehash: true }),
  check: (raw) => curve.Point.fromBytes(raw).assertValidity(),
});

/** @param {typeof ml_dsa65} set @param {string} head @param {number} size @returns {Algorithm} */
const mlDsa = (set, head, size) => ({ half: 'pq', head, size, verify: (raw, signature, message) => set.verify(signature, message, raw) });

/** @type {Record<string, Algorithm>} */
export const ALGORITHMS = {
  ed25519: {
    half: 'classical', head: '302a300506032b6570032100', size: 32,
    verify: (raw, signature, message) => ed25519.verify(signature, message, raw, { zip215: false }),
  },
  'ecdsa-p256': ecdsa(p256, '3059301306072a8648ce3d020106082a8648ce3d030107034200', 65),
  'ecdsa-p384': ecdsa(p384, '3076301006072a8648ce3d020106052b81040022036200', 97),
  'ml-dsa-44': mlDsa(ml_dsa44, '30820532300b06096086480165030403110382052100', 1312),
  'ml-dsa-65': mlDsa(ml_dsa65, '308207b2300b0609608648016503040312038207a100', 1952),
  'ml-dsa-87': mlDsa(ml_dsa87, '30820a32300b060960864801650304031303820a2100', 2592),
};

/** @param {string} algorithm @param {Uint8Array} raw @param {Uint8Array} signature @param {Uint8Array} message */
export function verified(algorithm, raw, signature, message) {
  try {
    return ALGORITHMS[algorithm].verify(raw, signature, message);
  } catch {
    return false; // a verification that throws is none
  }
}

/** The public key of one half of a pair; `keyid` is the hex SHA-256 of its PEM text. */
export class Half {
  /** @param {string} algorithm @param {string} pem @param {Uint8Array} raw */
  constructor(algorithm, pem, raw) {
    this.algorithm = algorithm;
    this.pem = pem;
    this.raw = raw;
    this.half = ALGORITHMS[algorithm].half;
    this.keyid = sha256Hex(utf8ToBytes(pem));
  }

  /** @param {Uint8Array} signature @param {Uint8Array} message */
  verify(signature, message) {
    return verified(this.algorithm, this.raw, signature, message);
  }
}

/** Read a PEM that must be exactly what an encoder writes. @param {string} algorithm @param {string} pem */
export function publicHalf(algorithm, pem) {
  if (!Object.hasOwn(ALGORITHMS, algorithm)) bad('a public key of an algorithm that is not known');
  const { head, size, check } = ALGORITHMS[algorithm];
  try {
    const der = Uint8Array.from(atob(pem.split('\n').slice(1, -2).join('')), (letter) => letter.charCodeAt(0));
    const raw = der.slice(head.length / 2);
    if (raw.length === size && pemOf(algorithm, raw) === pem) {
      check?.(raw);
      return new Half(algorithm, pem, raw);
    }
  } catch {
    // falls through
  }
  return bad(`a public key that is not ${algorithm} in canonical form`);
}

/** @param {string} algorithm @param {Uint8Array} raw */
export function pemOf(algorithm, raw) {
  const body = base64(hexToBytes(ALGORITHMS[algorithm].head + bytesToHex(raw)));
  const lines = body.match(/.{1,64}/g) ?? [];
  return `-----BEGIN PUBLIC KEY-----\n${lines.join('\n')}\n-----END PUBLIC KEY-----\n`;
}
