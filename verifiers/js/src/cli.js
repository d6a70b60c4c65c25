#!/usr/bin/env node
// secpipe-verify for Node and Deno. Exit codes: 0 verified, 1 refused, 2 wrong usage, 3 undecided.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { logTrust, openTrust, resultOf, verifyLogProof, verifyVerdict } from './index.js';
import { verifyPath } from './node.js';
import { answers } from './vectors.js';

const USAGE = `secpipe-verify artifact PATH --trust FILE --pin sha256:HEX [--seen FILE] [--max-ring-age DAYS]
    [--require classical+pq] [--env NAME] [--purpose NAME] [--name NAME] [--min-version N] [--ignore PATH]...
secpipe-verify trust    --trust FILE --pin sha256:HEX [--seen FILE] [--max-ring-age DAYS]
secpipe-verify verdict  BUNDLE PQ-BUNDLE --trust FILE --pin sha256:HEX --digest dirHash:HEX --env NAME
    [--policy HEX] [--verifier URI]... [--max-age SECONDS]
secpipe-verify log      PROOF --digest HEX --log-key VKEY... [--witness-key VKEY]... [--quorum N]
secpipe-verify vectors  INDEX
`;
const ONE = { type: /** @type {const} */ ('string'), default: '' };
const MANY = { type: /** @type {const} */ ('string'), multiple: /** @type {const} */ (true), default: /** @type {string[]} */ ([]) };
const OPTIONS = {
  trust: ONE, pin: ONE, seen: ONE, 'max-ring-age': ONE, require: ONE, env: ONE, purpose: ONE, name: ONE, 'min-version': ONE, digest: ONE,
  policy: ONE, 'max-age': ONE, quorum: ONE, ignore: MANY, verifier: MANY, 'log-key': MANY, 'witness-key': MANY,
};

class Usage extends Error {}

/** @param {string} path */
const read = (path) => new Uint8Array(readFileSync(path));

/** @param {string[]} args @returns {Promise<unknown>} */
async function run(args) {
  const { values: o, positionals } = parseArgs({ args, options: OPTIONS, allowPositionals: true });
  const [command, first, second, ...more] = positionals;
  const paths = positionals.length - 1;
  if (more.length || paths !== { artifact: 1, trust: 0, verdict: 2, log: 1, vectors: 1 }[command]) throw new Usage(USAGE);
  if (command === 'vectors') {
    for await (const { case: one, result, code } of answers(first)) console.log(JSON.stringify({ id: one.id, result, code }));
    return undefined;
  }
  if (command === 'log') return verifyLogProof(read(first), o.digest, logTrust(o['log-key'], o['witness-key'], Number(o.quorum)));
  if (!o.trust || !o.pin) throw new Usage('--trust and --pin are needed: a trust without a pin proves nothing\n');
  const trust = openTrust(read(o.trust), { pin: o.pin, seen: o.seen ? read(o.seen) : undefined, maxRingAge: Number(o['max-ring-age']) });
  if (command === 'trust') return undefined;
  if (command === 'verdict') {
    const asked = { digest: o.digest.replace(/^dirHash:/, ''), environment: o.env, policy: o.policy.replace(/^sha256:/, ''), verifiers: o.verifier, maxAge: Number(o['max-age']), name: o.name };
    return verifyVerdict(trust, { classical: read(first), pq: read(second) }, asked);
  }
  const demand = { require: o.require, environment: o.env, purpose: o.purpose, name: o.name, minVersion: o['min-version'], ignore: o.ignore };
  return verifyPath(trust, first, demand);
}

/** @param {string} _ @param {unknown} value */
const plain = (_, value) => (value instanceof Map ? Object.fromEntries(value) : value);

try {
  const found = await run(process.argv.slice(2));
  if (process.argv[2] !== 'vectors') console.log(JSON.stringify({ ...resultOf(), verified: found }, plain));
} catch (error) {
  const wrong = error instanceof Usage || error instanceof TypeError || Boolean(/** @type {any} */ (error)?.code === 'ENOENT');
  const { result, code } = resultOf(error);
  if (wrong) console.error(error instanceof Error ? error.message : error);
  else console.log(JSON.stringify({ result, code, message: String(error) }));
  process.exitCode = wrong ? 2 : result === 'undecided' ? 3 : 1;
}
