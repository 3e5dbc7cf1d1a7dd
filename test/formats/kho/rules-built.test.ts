/** Memory that is built with faults: what is sound gives nothing, and claims cost nothing. */
import { expect, it } from 'vitest';
import { openHandover } from '../../../src/formats/kho/index.js';
import { build } from './builder.js';
import { node, place, sound, spec, withRoot, x } from './built-faults.js';
import { rulesOf } from './support.js';

it('a root that is written anew is sound', () =>
  expect(withRoot((b) => node('', sound(b), [x(b, 1)]))).toEqual([]));

it('claims of terabytes cost nothing', () => {
  const built = build(spec);
  const memfd = place(built, 'memfd 1');
  built.memory.u64(memfd + 8, 1n << 60n);
  built.memory.u64(memfd + 24, 1n << 56n);
  built.memory.u32(memfd + 40, 2 ** 31);
  built.memory.u16(memfd + 46, 31);
  const start = performance.now();
  expect(rulesOf(openHandover(built.memory.image(62)))).toContain('kho/vmalloc-entry');
  expect(performance.now() - start).toBeLessThan(5000);
});
