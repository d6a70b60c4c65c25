// Verify what secpipe signs, anywhere JavaScript runs. All that is needed from outside are bytes and digests; `./node.js`
// reads them from a disk. Whatever is thrown means: not verified; `resultOf` says how.

import { compareFile, compareFolder, demandForm } from './folder.js';
import { establish } from './signature.js';
import { judgeVerdict } from './verdict.js';

export { digestsOf, hashStream } from './folder.js';
export { logTrust, verifyLogProof } from './log.js';
export { Refusal, resultOf } from './refusal.js';
export { openTrust } from './trust.js';

/** @typedef {import('./trust.js').Trust} OpenTrust */
/** @typedef {import('./signature.js').Bundles} Bundles */
/** @typedef {import('./signature.js').Demand} Demand */
/** @typedef {ReturnType<typeof verified>} Verified */

/** @param {Date} now */
const seconds = (now) => Math.floor(now.getTime() / 1000);

/** @param {import('./signature.js').Established} found */
function verified({ statement, type, who, version }) {
  const { name, digests, predicate } = statement;
  return { identity: who.name, keyVersion: version.number, purpose: type.purpose, name, version: statement.version, digests, predicate };
}

/**
 * Verify a signed file by its name and hex SHA-256. Returns who signed what; throws Refusal.
 * @param {OpenTrust} trust @param {Bundles} bundles @param {{name: string, digest: string}} file @param {Demand} [demand] @param {Date} [now]
 */
export function verifyFile(trust, bundles, file, demand = {}, now = new Date()) {
  const found = establish(trust, bundles, demand, seconds(now));
  demandForm(found, 'file');
  compareFile(file.name, file.digest, found.statement, Boolean(demand.name));
  return verified(found);
}

/**
 * Verify a signed folder; `read` lists and hashes it once the signatures hold. Throws Refusal.
 * @param {OpenTrust} trust @param {Bundles} bundles @param {string} name
 * @param {() => import('./folder.js').Folder | Promise<import('./folder.js').Folder>} read @param {Demand} [demand] @param {Date} [now]
 */
export async function verifyFolder(trust, bundles, name, read, demand = {}, now = new Date()) {
  const found = establish(trust, bundles, { ...demand, name: demand.name || name }, seconds(now));
  demandForm(found, 'folder');
  compareFolder(await read(), found.statement, demand.ignore ?? []);
  return verified(found);
}

/**
 * Verify a signed verdict, and that it lets the release out now. Throws Refusal.
 * @param {OpenTrust} trust @param {Bundles} bundles @param {import('./verdict.js').Asked} asked @param {Date} [now]
 */
export function verifyVerdict(trust, bundles, asked, now = new Date()) {
  const found = establish(trust, bundles, { environment: asked.environment, purpose: 'vsa' }, seconds(now));
  judgeVerdict(trust, found, asked, seconds(now));
  return verified(found);
}
