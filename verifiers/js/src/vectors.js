// Running the vectors: one answer a case (vectors/README.md).

import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { logTrust, openTrust, resultOf, verifyLogProof, verifyVerdict } from './index.js';
import { verifyPath } from './node.js';

/** @typedef {string | string[] | undefined} Name */

/** @param {string} index @returns {AsyncGenerator<{case: any, result: string, code: string}>} */
export async function* answers(index) {
  const folder = dirname(index);
  /** @param {Name} name @returns {Uint8Array} */
  const file = (name) => new Uint8Array(Buffer.concat((Array.isArray(name) ? name : [name ?? '']).map((part) => readFileSync(join(folder, part)))));
  for (const one of JSON.parse(readFileSync(index, 'utf8')).cases) {
    const error = await judge(one, file).catch((thrown) => thrown ?? new Error('nothing was thrown'));
    yield { case: one, ...resultOf(error) };
  }
}

/** Returns nothing where the case verifies, and throws otherwise. @param {any} one @param {(name: Name) => Uint8Array} file */
async function judge(one, file) {
  const now = new Date(one.now);
  const padded = (/** @type {Uint8Array} */ data) => new Uint8Array(Buffer.concat([data, Buffer.alloc(one.pad ?? 0, ' ')]));
  if (one.check === 'log') {
    const { keys, witnesses } = JSON.parse(Buffer.from(file(one.who)).toString());
    return verifyLogProof(padded(file(one.proof)), one.digest, logTrust(keys, witnesses, one.quorum));
  }
  const trust = openTrust(file(one.trust), { pin: one.pin, seen: one.seen && file(one.seen), maxRingAge: one.maxRingAge, now });
  if (one.check === 'trust') return undefined;
  const { classical, pq } = one.bundles ?? {};
  const bundles = { classical: classical && padded(file(classical)), pq: pq && file(pq) };
  if (one.check === 'verdict') return void verifyVerdict(trust, bundles, one.asked, now);
  const base = mkdtempSync(join(tmpdir(), 'vectors'));
  try {
    return void (await verifyPath(trust, lay(one, bundles, base), one.demand, now));
  } finally {
    rmSync(base, { recursive: true });
  }
}

/** Put the artifact of a case and its bundles into a folder. @param {any} one @param {{[half: string]: Uint8Array | undefined}} bundles @param {string} base */
function lay(one, bundles, base) {
  const path = join(base, one.artifact);
  const inside = one.form === 'folder';
  mkdirSync(inside ? path : base, { recursive: true });
  for (const { path: name, text, link, folder } of one.tree ?? []) {
    const place = join(inside ? path : base, name);
    mkdirSync(folder ? place : dirname(place), { recursive: true });
    if (link) symlinkSync(link, place);
    else if (!folder) writeFileSync(place, text);
  }
  const start = inside ? join(path, 'model') : path;
  if (bundles.classical) writeFileSync(`${start}.sig`, bundles.classical);
  if (bundles.pq) writeFileSync(`${start}.pqc.sig`, bundles.pq);
  return path;
}
