import { describe, it } from 'vitest';
import { allLaws } from '../../src/testing/index.js';
import { goldenStructs, schemaOf } from '../codec/gcc.js';
import { runs, SEED } from './seed.js';

/** How many of GCC's structs are put through all laws in every run; others come with another seed. */
const SAMPLE = 150;

describe('structs that GCC laid out', () => {
  const all = [...goldenStructs('systematic'), ...goldenStructs('random')];
  const step = Math.max(1, Math.floor(all.length / runs(SAMPLE)));
  const sample = all.filter((_, index) => (index + SEED) % step === 0).slice(0, runs(SAMPLE));
  const names = allLaws('', schemaOf({ int: 'u8' })).map((law) => law.name);
  it.each(names.map((name, index) => [name, index] as const))('%s', (_, index) => {
    for (const golden of sample)
      allLaws(golden.name, schemaOf(golden.type, golden.name), { runs: 2, seed: SEED })[index]?.run();
  });
});
