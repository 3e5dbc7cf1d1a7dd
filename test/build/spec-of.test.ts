/** Real handovers described as specs and built again say the same. */
import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  buildHandover,
  contentsOfBuilt,
  type HandoverSpec,
  readHandoverSpec,
  specOf,
  specText,
} from '../../src/build/index.js';
import { openHandover } from '../../src/formats/kho/index.js';
import { bytesSource, openImage, writeMemory } from '../../src/memory/index.js';

function capture(name: string) {
  return openHandover(
    openImage(
      bytesSource(
        new Uint8Array(gunzipSync(readFileSync(new URL(`../../fixtures/kho/${name}`, import.meta.url)))),
      ),
    ),
  );
}
function built(spec: HandoverSpec) {
  const bytes = Buffer.concat([...writeMemory('elf', contentsOfBuilt(buildHandover(spec)))]);
  return openHandover(openImage(bytesSource(new Uint8Array(bytes))));
}

const OLDER = readdirSync(new URL('../../fixtures/kho/kho-older/', import.meta.url)).filter((name) =>
  name.endsWith('.gz'),
);

describe.each([
  'kho-v4-luo-v5-x86_64.elf.gz',
  'kho-v4-luo-v5-arm64-64k.elf.gz',
  ...OLDER.map((name) => `kho-older/${name}`),
])('%s', (name) => {
  it.each([false, true])('with addresses: %s', (addresses) => {
    const { spec } = specOf(capture(name), { addresses });
    const text = specText(spec);

    const read = readHandoverSpec(text).value;
    const again = built(read);
    expect(again.findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(specOf(again, { addresses }).spec).toEqual(spec);
  });
});
