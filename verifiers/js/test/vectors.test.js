import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { answers } from '../src/vectors.js';

const INDEX = fileURLToPath(new URL('../../../vectors/index.json', import.meta.url));

test('every case, result and code', async () => {
  let count = 0;
  for await (const { case: one, result, code } of answers(INDEX)) {
    assert.deepEqual({ id: one.id, result, code }, { id: one.id, ...(one.without?.rfc3161 ?? one.expect) });
    count += 1;
  }
  assert.ok(count >= 400);
});
