import { describe, it } from 'vitest';
import { passt } from '../../../src/formats/passt/index.js';
import { allLaws } from '../../../src/testing/index.js';

describe.each(passt.generations)('the stream of $name', ({ name }) => {
  const { schema, params } = passt.reading(new Uint8Array(), { generation: name });
  for (const law of allLaws(name, schema, { params, runs: 25 })) it(law.name, law.run);
});

describe.each(Object.entries(passt.types))('the type %s', (name, schema) => {
  for (const law of allLaws(name, schema, { runs: 25 })) it(law.name, law.run);
});
