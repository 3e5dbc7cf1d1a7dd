/** Every type that a format declares goes through all laws: also those of formats that are added later. */
import { describe, expect, it } from 'vitest';
import { formats } from '../../src/formats/index.js';
import { allLaws } from '../../src/testing/index.js';
import { runs, SEED } from './seed.js';

describe.each(formats.map((format) => [format.name, format] as const))('%s', (_, format) => {
  it('declares types', () => expect(Object.keys(format.types)).not.toEqual([]));
  describe.each(Object.entries(format.types))('%s', (name, schema) => {
    for (const law of allLaws(name, schema, { runs: runs(10), seed: SEED })) it(law.name, law.run);
  });
});
