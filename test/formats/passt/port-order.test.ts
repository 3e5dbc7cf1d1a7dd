import { describe, expect, it } from 'vitest';
import { ABI, encode } from '../../../src/codec/index.js';
import { passt } from '../../../src/formats/passt/index.js';
import { again, CAPTURES, capture, codecOptions, read } from './streams.js';

/** The same stream as a big-endian machine sends it. */
function bigEndian(bytes: Uint8Array): Uint8Array {
  const { reading, value } = read(bytes);
  return encode(reading.schema, value as never, { ...codecOptions(reading), abi: ABI.s390x });
}

describe.each(CAPTURES.filter((name) => name !== 'v2-zero-flows'))('%s', (name) => {
  const little = capture(name);
  const big = bigEndian(little);
  it('as a big-endian machine sends it differs in the ports, and in the MSS of version 1', () => {
    const differing = [...little.keys()].filter((at) => little[at] !== big[at]);
    const flows = little[61] ?? 0;
    const allowed = new Set<number>();
    for (let i = 0; i < flows; i++)
      for (const port of [34, 36, 70, 72]) for (const byte of [0, 1]) allowed.add(62 + 112 * i + port + byte);
    if (name.startsWith('v1')) for (const byte of [0, 1, 2, 3]) allowed.add(62 + 112 + 20 + byte);
    expect(differing.filter((at) => !allowed.has(at))).toEqual([]);
    expect(differing.length).toBeGreaterThan(0);
  });
  it('is found to be big-endian then, and says the same', () => {
    const { reading, shown, findings } = read(big);
    expect(reading.abi?.endian).toBe('big');
    expect(reading.because.join(' ')).toContain('big-endian');
    expect(shown).toEqual(read(little).shown);
    expect(findings.filter(({ severity }) => severity !== 'note')).toEqual([]);
    expect(Buffer.compare(again(big), big)).toBe(0);
  });
  it('can be forced', () => {
    const forced = passt.reading(little, { abi: ABI.powerpc });
    expect(forced.abi).toBe(ABI.powerpc);
    const port = (bytes: Uint8Array, abi?: ABI): number =>
      read(bytes, abi && { abi }).shown.flows[0].side[0].oport;
    const swap = (value: number): number => ((value & 0xff) << 8) | (value >> 8);
    expect(port(little, ABI.powerpc)).toBe(swap(port(little)));
  });
});
