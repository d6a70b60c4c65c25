// Files and folders on a disk, for Node and Deno: hashed as they are read, no link is followed.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { verifyFile, verifyFolder } from './index.js';
import { DOCUMENT_BYTES } from './json.js';
import { refuse } from './refusal.js';

const MOST_FILES = 500_000;

/** @param {string} path @returns {Promise<string>} */
async function hashFile(path) {
  const hasher = createHash('sha256');
  for await (const chunk of createReadStream(path)) hasher.update(chunk);
  return hasher.digest('hex');
}

/** A link or a folder is a bundle that cannot be read. @param {string} path @returns {Promise<Uint8Array | undefined>} */
async function readBundle(path) {
  const info = await lstat(path).catch((error) => (error.code === 'ENOENT' ? undefined : refuse('bundle-malformed', 'a bundle that cannot be read')));
  if (!info) return undefined;
  if (!info.isFile() || info.size > DOCUMENT_BYTES) refuse('bundle-malformed', 'a bundle that is no regular file, or too large');
  return new Uint8Array(await readFile(path));
}

/** List and hash a folder. @param {string} path @returns {Promise<import('./folder.js').Folder>} */
export async function readFolder(path) {
  const [files, uncovered, pending] = [new Map(), /** @type {string[]} */ ([]), ['']];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    const entries = await readdir(join(path, folder), { withFileTypes: true, encoding: 'buffer' }).catch(() => undefined);
    if (!entries) uncovered.push(folder);
    for (const entry of entries ?? []) {
      const name = entry.name.toString('utf8');
      const place = folder ? `${folder}/${name}` : name;
      const readable = Buffer.from(name).equals(entry.name); // what is no UTF-8 could be taken for another file
      const digest = readable && entry.isFile() ? await hashFile(join(path, place)).catch(() => undefined) : undefined;
      if (digest) files.set(place, digest);
      else if (readable && entry.isDirectory() && name !== '.git') pending.push(place);
      else uncovered.push(place);
      if (files.size > MOST_FILES) throw new RangeError('a folder with too many files');
    }
  }
  return { files, uncovered };
}

/**
 * Verify the signed file or folder at `path`; its bundles stand in it or beside it. Throws Refusal.
 * @param {import('./trust.js').Trust} trust @param {string} path @param {import('./signature.js').Demand} [demand] @param {Date} [now]
 */
export async function verifyPath(trust, path, demand = {}, now = new Date()) {
  const name = basename(resolve(path));
  const info = await stat(path);
  const folder = info.isDirectory();
  if (!folder && !info.isFile()) throw new Error('neither a file nor a folder');
  const base = folder ? join(path, 'model') : path;
  const bundles = { classical: await readBundle(`${base}.sig`), pq: await readBundle(`${base}.pqc.sig`) };
  if (folder) return verifyFolder(trust, bundles, name, () => readFolder(path), demand, now);
  return verifyFile(trust, bundles, { name, digest: await hashFile(path) }, demand, now);
}
