import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { hashStream, openTrust, resultOf } from '../src/index.js';
import { readFolder } from '../src/node.js';

/** Every module that a module imports, its own ones followed. @param {string} path @param {Set<string>} seen @returns {Set<string>} */
function imports(path, seen = new Set()) {
  for (const [, name] of readFileSync(path, 'utf8').matchAll(/^(?:import|export) .*from '([^']+)'/gm)) {
    const place = name.startsWith('.') ? join(dirname(path), name) : name;
    if (seen.has(place)) continue;
    seen.add(place);
    if (name.startsWith('.')) imports(place, seen);
  }
  return seen;
}

test('the package itself needs no Node: it runs in browsers, workers and Deno', () => {
  const all = [...imports(fileURLToPath(new URL('../src/index.js', import.meta.url)))];
  assert.ok(all.length > 10);
  assert.deepEqual(all.filter((name) => !name.startsWith('/') && !name.startsWith('@noble/')), []);
});

test('a stream is hashed as it comes', async () => {
  const chunk = new Uint8Array(1 << 16);
  async function* stream() {
    for (let left = 64; left; left--) yield chunk;
  }
  assert.equal(await hashStream(stream()), 'bb9f8df61474d25e71fa00722318cd387396ca1736605e1248821cc0de3d3af8');
});

test('a folder vouches for regular files only', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'folder'));
  try {
    mkdirSync(join(folder, 'sub', '.git'), { recursive: true });
    writeFileSync(join(folder, 'a'), 'x');
    writeFileSync(join(folder, 'sub', 'b'), '');
    symlinkSync('a', join(folder, 'link'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    writeFileSync(join(folder, 'c\ufffd'), 'signed');
    writeFileSync(Buffer.concat([Buffer.from(join(folder, 'c')), Buffer.of(0xff)]), 'not signed'); // no UTF-8: another file
    const { files, uncovered } = await readFolder(folder);
    assert.deepEqual([...files.keys()].sort(), ['a', 'c\ufffd', 'sub/b']);
    assert.deepEqual(uncovered.sort(), ['c\ufffd', 'link', 'pipe', 'sub/.git']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('what is no trust bundle opens nothing', () => {
  assert.throws(() => openTrust(new Uint8Array()), { code: 'trust-malformed' });
  assert.deepEqual(resultOf(new TypeError('no')), { result: 'refused', code: 'invalid' });
});
