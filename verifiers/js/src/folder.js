// Files and model folders: what was signed against what stands there. Nothing here touches a disk.

import { sha256 } from '@noble/hashes/sha2.js';
import { hexToBytes } from '@noble/hashes/utils.js';
import { byCodePoint, bytesToHex, demandText, exactly, HEX256, utf8ToBytes } from './fields.js';
import { as, bad, refuse } from './refusal.js';

export const SIDECARS = ['model.pqc.sig', 'model.sig', 'model.sig.tlog-proof'];
const PROOF = 'model.sig.tlog-proof';

/**
 * What stands in a folder: files by their hex SHA-256, and all that no manifest can vouch for (links, devices, git's
 * store, what cannot be read). Paths are relative, with slashes.
 * @typedef {{files: Map<string, string>, uncovered: string[]}} Folder
 */
/** @typedef {{files: Map<string, string>, ignored: string[]}} Manifest */

/** Hash a stream as it comes. @param {AsyncIterable<Uint8Array>} stream @returns {Promise<string>} */
export async function hashStream(stream) {
  const hasher = sha256.create();
  for await (const chunk of stream) hasher.update(chunk);
  return bytesToHex(hasher.digest());
}

/** @param {any} predicate @returns {Manifest} */
function parseManifest(predicate) {
  const top = exactly(predicate, 'the predicate', ['resources', 'serialization']);
  const how = exactly(top.serialization, 'serialization', ['method', 'hash_type', 'allow_symlinks'], ['ignore_paths']);
  const ignored = Object.hasOwn(how, 'ignore_paths') ? how.ignore_paths : [];
  const plain = how.method === 'files' && how.hash_type === 'sha256' && how.allow_symlinks === false;
  if (!plain || !Array.isArray(top.resources)) bad('only whole files under SHA-256 without links are accepted');
  if (!Array.isArray(ignored) || !ignored.every((path) => typeof path === 'string' && clean(path))) bad('ignore_paths is not a list of relative paths');
  const files = new Map();
  for (const row of top.resources) {
    const { name, digest, algorithm } = exactly(row, 'a resource', ['name', 'digest', 'algorithm']);
    const good = clean(demandText(name)) && HEX256.test(demandText(digest)) && algorithm === 'sha256';
    if (!good || files.has(name)) bad('a resource that stands twice, is not under SHA-256, or has no clean name');
    files.set(name, digest);
  }
  if (new Set([...files.keys()].map((name) => name.normalize('NFC'))).size !== files.size) bad('two names differ only in Unicode form');
  return { files, ignored };
}

/** Whether a path is relative and has one reading. @param {string} path */
function clean(path) {
  return path.isWellFormed() && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !/[\r\n\\\0]/.test(part));
}

/** @param {string} a @param {string} b */
function byParts(a, b) {
  const [one, other] = [a.split('/'), b.split('/')];
  for (let at = 0; at < Math.min(one.length, other.length); at++) {
    const order = byCodePoint(one[at], other[at]);
    if (order) return order;
  }
  return one.length - other.length;
}

/** The OMS root, which binds no names, and in-toto's dirHash, which does. @param {Map<string, string>} files */
export function digestsOf(files) {
  const [root, dir] = [sha256.create(), sha256.create()];
  for (const path of [...files.keys()].sort(byParts)) root.update(hexToBytes(files.get(path) ?? ''));
  for (const path of [...files.keys()].sort(byCodePoint)) dir.update(utf8ToBytes(`${files.get(path)}  ${path}\n`));
  return { sha256: bytesToHex(root.digest()), dirHash: bytesToHex(dir.digest()) };
}

/** @param {string} path @param {string[]} ignored */
const isIgnored = (path, ignored) => ignored.some((name) => path === name || path.startsWith(`${name}/`));

/** @param {import('./signature.js').Established} established @param {string} form */
export function demandForm({ type }, form) {
  if (type.form !== form) refuse('wrong-form', `a ${type.purpose} signature does not sign a ${form}`);
}

/** @param {Folder} folder @param {import('./statement.js').Statement} statement @param {string[]} ignore */
export function compareFolder(folder, statement, ignore) {
  const more = [...statement.digests.keys()].some((name) => name !== 'sha256' && name !== 'dirHash');
  if (more) refuse('statement-malformed', 'a folder is signed by its sha256 and its dirHash alone');
  const { files, ignored } = as('manifest-malformed', () => parseManifest(statement.predicate));
  const foreign = ignored.find((path) => !SIDECARS.includes(path) && !ignore.includes(path));
  if (foreign !== undefined) refuse('ignored-path', `the signature leaves out ${foreign}`);
  const { sha256: root, dirHash } = digestsOf(files);
  if (statement.digests.get('sha256') !== root || statement.digests.get('dirHash') !== dirHash) refuse('manifest-digests', 'the signed digests do not match the signed manifest');
  const lists = (/** @type {string} */ path) => [...files.keys()].some((name) => isIgnored(name, [path]));
  const left = [...ignored, ...ignore.filter((path) => !lists(path))].filter((path) => !SIDECARS.includes(path));
  const here = [...folder.files.keys()].filter((path) => !SIDECARS.includes(path) && !isIgnored(path, left));
  const extra = folder.files.has(PROOF) || folder.uncovered.some((path) => !isIgnored(path, left)) || here.some((path) => !files.has(path));
  if (extra) refuse('extra-file', 'something stands there that the signature does not cover');
  const kept = new Set(here);
  for (const path of [...files.keys()].sort(byParts)) {
    if (!kept.has(path)) refuse('missing-file', `${path} is signed and is not there`);
    if (folder.files.get(path) !== files.get(path)) refuse('changed-file', `${path} is not the file that was signed`);
  }
}

/** @param {string} name @param {string} digest @param {import('./statement.js').Statement} statement @param {boolean} pinned */
export function compareFile(name, digest, statement, pinned) {
  const folded = name.replace(/[A-Z]/g, (letter) => letter.toLowerCase()).replaceAll('\u017f', 's');
  if (['.sig', '.tlog-proof', '.att.json'].some((end) => folded.endsWith(end)) || folded === 'model' || folded === 'model.pqc') refuse('reserved-name', `${name} has a name reserved for signatures`);
  if (statement.digests.size !== 1) refuse('statement-malformed', 'a file is signed by its SHA-256 alone');
  if (statement.digests.get('sha256') !== digest) refuse('changed-file', 'the file is not the one that was signed');
  if (!pinned && statement.name !== name) refuse('wrong-name', 'the file was signed under another name');
}
