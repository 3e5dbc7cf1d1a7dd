import { readFileSync } from 'node:fs';
import { it } from 'vitest';
import { buildFromText, readHandoverSpec } from '../../src/build/index.js';

it('x', () => {
  console.log(readHandoverSpec(readFileSync('/tmp/spec1.yaml', 'utf8')).value);
  for (const bad of [
    'sesions: 1',
    'sessions: {a: 1}',
    'sessions:\n  - nam: x',
    'sessions:\n  - name: x\n    files:\n      - token: -1',
    'a: [',
    'sessions:\n  - name: x\n  - name: x',
    'memblock: {x: {at: 0x123}}',
    'sessions:\n - name: v\n   files:\n    - token: 1\n      memfd: {contents: [{txt: a}]}',
    'kernel: 5.4',
    '1',
    '',
    '- a',
    'preserved: [{at: 0x1000000, order: 3},\n {at: 0x1001000}]',
  ])
    try {
      console.log(bad, '=>', buildFromText(bad).root);
    } catch (e) {
      console.log(`--- ${bad}\n${String(e)}`);
    }
});
