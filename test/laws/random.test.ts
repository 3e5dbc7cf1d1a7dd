import { fc, test } from '@fast-check/vitest';
import { describe } from 'vitest';
import { type ABI, planOf } from '../../src/codec/index.js';
import { arbitraryABI, arbitrarySchema, LAWS } from '../../src/testing/index.js';
import { runs, SEED } from './seed.js';

/** The machine where the schema lays out on it; `schema-invalid` is right for some made-up ones. */
const machines = (abi: ABI | undefined) => (abi === undefined ? {} : { abis: [abi] });

describe('random schemas', () => {
  for (const [name, law] of Object.entries(LAWS))
    test.prop([arbitrarySchema(), fc.nat()], { numRuns: runs(120), seed: SEED })(
      `${name}, on the presets`,
      (schema, seed) => {
        law({ schema, seed, runs: 4 });
      },
    );
  test.prop([arbitrarySchema(), arbitraryABI(), fc.nat()], { numRuns: runs(120), seed: SEED })(
    'all laws, on any machine',
    (schema, abi, seed) => {
      planOf(schema, abi);
      for (const law of Object.values(LAWS)) law({ schema, seed, runs: 2, ...machines(abi) });
    },
  );
});
