// Why something does not verify: one code of the closed table (docs/spec/refusals.md). Anything else means it too.

const UNDECIDED = new Set([
  'trust-malformed', 'ring-stale', 'time-not-supported', 'newer-trust', 'old-trust',
  'verdict-undecided', 'verdict-expired', 'verdict-too-old', 'log-malformed',
]);

/** A verification that says no, or cannot tell. */
export class Refusal extends Error {
  /** @param {string} code @param {string} message */
  constructor(code, message) {
    super(`${code}: ${message}`);
    this.name = 'Refusal';
    this.code = code;
  }
}

/** What the readers of documents throw; who calls them knows the code. */
export class Malformed extends Error {}

/** @param {string} message @returns {never} */
export function bad(message) {
  throw new Malformed(message);
}

/** @param {string} code @param {string} message @returns {never} */
export function refuse(code, message) {
  throw new Refusal(code, message);
}

/**
 * Run a reader; what it finds malformed is refused with this code.
 * @template T @param {string} code @param {() => T} read @returns {T}
 */
export function as(code, read) {
  try {
    return read();
  } catch (error) {
    if (error instanceof Malformed) throw new Refusal(code, error.message);
    throw error;
  }
}

/**
 * The word and code for what a verification threw; nothing: verified.
 * @param {unknown} [error] @returns {{result: 'verified' | 'refused' | 'undecided', code: string}}
 */
export function resultOf(error) {
  if (error === undefined) return { result: 'verified', code: '' };
  const code = error instanceof Refusal ? error.code : 'invalid';
  return { result: UNDECIDED.has(code) ? 'undecided' : 'refused', code };
}
