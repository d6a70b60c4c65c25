import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hexToBytes } from '@noble/hashes/utils.js';
import { ALGORITHMS, pemOf, publicHalf } from '../src/keys.js';

const FOLDER = join(process.env.SECPIPE_VECTORS ?? '', 'wycheproof');
const skip = process.env.SECPIPE_VECTORS && existsSync(FOLDER) ? false : "SECPIPE_VECTORS names no folder with Wycheproof's vectors";
const FILES = {
  ecdsa_secp256r1_sha256_test: 'ecdsa-p256', ecdsa_secp384r1_sha384_test: 'ecdsa-p384', ed25519_test: 'ed25519',
  mldsa_44_verify_test: 'ml-dsa-44', mldsa_65_verify_test: 'ml-dsa-65',
};

/** @param {string} algorithm @param {string} der */
function keyOf(algorithm, der) {
  try {
    return publicHalf(algorithm, pemOf(algorithm, hexToBytes(der.slice(ALGORITHMS[algorithm].head.length))));
  } catch {
    return undefined;
  }
}

for (const [file, algorithm] of Object.entries(FILES)) {
  test(`Wycheproof: ${file}`, { skip }, () => {
    const { testGroups } = JSON.parse(readFileSync(join(FOLDER, `${file}.json`), 'utf8'));
    let count = 0;
    for (const { publicKeyDer, tests } of testGroups) {
      const key = keyOf(algorithm, publicKeyDer);
      for (const { tcId, msg, sig, ctx, mu, result } of tests) {
        if (ctx || mu) continue; // we sign with an empty context
        assert.equal(Boolean(key?.verify(hexToBytes(sig), hexToBytes(msg ?? ''))), result === 'valid', `${file} ${tcId}`);
        count += 1;
      }
    }
    assert.ok(count >= 50);
  });
}
