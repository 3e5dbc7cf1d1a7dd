/** The types of what kernels hand over go through all laws as well. */
import { describe, expect, it } from 'vitest';
import { handoverParts } from '../../src/formats/handover.js';
import { allLaws } from '../../src/testing/index.js';
import { runs, SEED } from './seed.js';

const parts = handoverParts.filter(({ types }) => Object.keys(types).length > 0);

describe.each(parts.map((part) => [part.name, part] as const))('%s', (_, part) => {
  it('has generations', () => expect(part.generations).not.toEqual([]));
  describe.each(Object.entries(part.types))('%s', (name, schema) => {
    for (const law of allLaws(name, schema, { runs: runs(10), seed: SEED })) it(law.name, law.run);
  });
});
