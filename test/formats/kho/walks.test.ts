/** The captures against what an independent reader printed on the complete dumps. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Handover } from '../../../src/formats/kho/index.js';
import type { MemfdValue } from '../../../src/formats/memfd/index.js';
import { fixturePath } from '../../memory/fixtures.js';
import { type Capture, luoOf, openCapture } from './support.js';

const WALKS: readonly (readonly [Capture, string])[] = [
  ['v1a', 'kho-v1a-512B-bitmaps'],
  ['broken', 'kho-v1a-refinalized-broken'],
  ['v1b', 'kho-v1b-luo-v1-noflb-memfd-v1'],
  ['v3', 'kho-v3-luo-v1-flb-memfd-v2'],
];

function bigOf(text: string | undefined): bigint | undefined {
  return text === undefined || text === 'None' ? undefined : BigInt(text);
}
function histogram(text: string): Map<number, number> {
  return new Map([...text.matchAll(/(\d+): (\d+)/g)].map(([, key, count]) => [Number(key), Number(count)]));
}
function ordersOf(handover: Handover): Map<number, number> {
  const orders = new Map<number, number>();
  for (const { order, count } of handover.value.preserved.ranges)
    orders.set(order, (orders.get(order) ?? 0) + count);
  return orders;
}

describe.each(WALKS)('%s as %s', (name, file) => {
  const lines = readFileSync(fixturePath(`kho/kho-older/${file}-walk.txt`), 'utf8').split('\n');
  const handover = openCapture(name);
  const find = (pattern: RegExp): RegExpExecArray => {
    for (const line of lines) {
      const match = pattern.exec(line);
      if (match !== null) return match;
    }
    throw new Error(`the walk has no ${pattern}`);
  };

  it('has the same root and nodes', () => {
    const [, address, compatible] = find(/^root (0x[0-9a-f]+) compatible (\S+)/);
    expect(handover.value.fdt.address).toBe(bigOf(address));
    expect(handover.value.fdt.compatible).toBe(compatible);
    const nodes = lines.flatMap((line) => {
      const match = /^ node (\S+) props \[(.*)\]$/.exec(line);
      if (match === null) return [];
      const data = /\('(?:fdt|preserved-data)', '(0x[0-9a-f]+)'\)/.exec(match[2] ?? '')?.[1];
      const size = /\('blob-size', '(0x[0-9a-f]+)'\)/.exec(match[2] ?? '')?.[1];
      return [{ name: match[1], data: bigOf(data), size: bigOf(size) }];
    });
    expect(handover.root.nodes).toEqual(nodes);
  });

  it('has the same blocks of preserved memory', () => {
    const [, blocks, bytes, orders] = find(
      /^preserved blocks (\d+) bytes (\d+) by order \{(.*)\} overlap False/,
    );
    expect(handover.value.preserved.ranges.blocks).toBe(Number(blocks));
    expect(handover.value.preserved.bytes).toBe(bigOf(bytes));
    expect(new Map([...ordersOf(handover)].sort())).toEqual(new Map([...histogram(orders ?? '')].sort()));
  });

  it('has the same sessions and files', () => {
    const { LUO } = handover.value.entries;
    const expected = lines.some((line) => line.startsWith('   session['));
    expect(LUO !== undefined).toBe(expected);
    if (!expected) return;
    const luo = luoOf(handover);
    let session = -1;
    let memfd: MemfdValue | undefined;
    let compared = 0;
    for (const line of lines) {
      const inSession = /^ {3}session\[(\d+)\] '(.*)' files (\S+) count (\d+)/.exec(line);
      const inFile =
        /^ {4}file\[(\d+)\] (\S+) token (\S+) data (\S+) pos (\d+) size (\d+) seals (\S+) flags (\S+) nr (\d+) /.exec(
          line,
        );
      const folio = /^ {6}folio index (\d+) pfn (\S+) flags (\d+) order (\d+)/.exec(line);
      const flags = /^ {6}flags histogram \{(.*)\} order histogram \{(.*)\}/.exec(line);
      if (inSession !== null) {
        session = Number(inSession[1]);
        expect(luo.sessions[session]?.name).toBe(inSession[2]);
        expect(luo.sessions[session]?.files.length).toBe(Number(inSession[4]));
        compared++;
      } else if (inFile !== null) {
        const found = luo.sessions[session]?.files[Number(inFile[1])];
        memfd = found?.memfd as MemfdValue | undefined;
        expect(found).toMatchObject({
          compatible: inFile[2],
          token: bigOf(inFile[3]),
          data: bigOf(inFile[4]),
        });
        expect(memfd).toMatchObject({
          pos: bigOf(inFile[5]),
          size: bigOf(inFile[6]),
          nr_folios: bigOf(inFile[9]),
        });
        const seals = bigOf(inFile[7]);
        expect(memfd?.seals).toBe(seals === undefined ? undefined : Number(seals));
        compared++;
      } else if (folio !== null && memfd !== undefined) {
        const index = BigInt(folio[1] ?? '');
        const run = [...memfd.folios].find(
          (candidate) =>
            index >= candidate.index && index < candidate.index + BigInt(candidate.count << candidate.order),
        );
        if (run === undefined) throw new Error(`there is no folio at ${index}`);
        expect(run.pfn + (index - run.index) * BigInt(run.step ?? 1)).toBe(bigOf(folio[2]));
        expect({ flags: run.flags, order: run.order }).toEqual({
          flags: Number(folio[3]),
          order: Number(folio[4]),
        });
        compared++;
      } else if (flags !== null && memfd !== undefined) {
        const seen = new Map<number, number>();
        const orders = new Map<number, number>();
        for (const run of memfd.folios) {
          seen.set(run.flags, (seen.get(run.flags) ?? 0) + run.count);
          orders.set(run.order, (orders.get(run.order) ?? 0) + run.count);
        }
        expect(seen).toEqual(histogram(flags[1] ?? ''));
        expect(orders).toEqual(histogram(flags[2] ?? ''));
      }
    }
    expect(compared).toBeGreaterThan(20);
    const flbs = lines.flatMap((line) => {
      const match = /^ {3}flb (\S+) data (\S+) count (\d+)/.exec(line);
      return match === null ? [] : [{ name: match[1], data: bigOf(match[2]), count: bigOf(match[3]) }];
    });
    expect(luo.flbs).toMatchObject(flbs);
  });

  it('has the same regions and test folios', () => {
    for (const line of lines) {
      const region = /^ {2}reserve_mem (\S+) (0x[0-9a-f]+) \+(0x[0-9a-f]+)/.exec(line);
      if (region !== null)
        expect(handover.value.entries.memblock).toMatchObject({
          [region[1] ?? '']: { start: bigOf(region[2]), size: bigOf(region[3]) },
        });
    }
    const [, count, infos] = find(/^ {2}nr_folios (\d+) first infos \[(.*)\]/);
    const words = [...(infos ?? '').matchAll(/0x[0-9a-f]+/g)].map(([word]) => BigInt(word));
    expect(handover.value.entries.kho_test).toMatchObject({ nr_folios: Number(count) });
    const { folios } = handover.value.entries.kho_test as { folios: { address: bigint; order: number }[] };
    expect(folios.slice(0, words.length)).toEqual(
      words.map((word) => ({ address: word & ~0xfffn, order: Number(word & 0xfffn) })),
    );
  });
});
