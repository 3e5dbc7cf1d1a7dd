/** Random fields of the captures set to random values: they read back, and no other byte of the file changes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editHandover, type Field, locateField, OverlayImage } from '../../../src/build/edit/index.js';
import { isCarryoverError } from '../../../src/codec/index.js';
import { bytesSource, openImage } from '../../../src/memory/index.js';
import { type HandoverNode, handoverTree } from '../../../src/state/index.js';
import { CAPTURES } from '../../formats/kho/support.js';
import { runs, SEED } from '../../laws/seed.js';
import { differing, fileOf, stateOf, written } from './support.js';

/** Lists are looked into up to so many elements: runs and ranges are all alike. */
const OF_A_LIST = 6;
const MEMBERS = [
  'entries.LUO.sessions[0].file_set.count',
  'entries.LUO.sessions[0].files[0].memfd.folios.total_pages',
  'entries.LUO.sessions[0].files[0].memfd.folios.array[0].index',
  'fdt.LUO.preserved-data',
];

function* leaves(node: HandoverNode): Generator<string> {
  if (node.count === 0) {
    yield node.path;
    return;
  }
  let index = 0;
  for (const child of node.children()) {
    if (node.isList && index++ >= OF_A_LIST) return;
    yield* leaves(child);
  }
}

/** A value of the field's kind: as wide, or as long. */
function valueFor(field: Field, text: string): fc.Arbitrary<string> {
  if (text.startsWith('"')) {
    const now = JSON.parse(text) as string;
    const isText = field.type === 'string';
    const longest = isText ? now.length : (field.extents[0]?.size ?? 1) - 1;
    return fc.string({
      unit: fc.constantFrom(...'abcdefghijklmnop-0123456789'),
      minLength: isText ? now.length : 1,
      maxLength: longest,
    });
  }
  if (field.type.startsWith('the address')) return fc.bigInt(1n, 1n << 30n).map((page) => `${page << 16n}`);
  if (field.type.startsWith('the order')) return fc.bigInt(0n, 51n).map(String);
  const bits = field.bits?.count ?? 8 * (field.extents[0]?.size ?? 1);
  return fc.bigInt(0n, (1n << BigInt(bits)) - 1n).map((value) => `0x${value.toString(16)}`);
}

describe('any field of a capture', () => {
  for (const [capture, name] of Object.entries(CAPTURES).filter(([, file]) => !file.endsWith('.kdump')))
    it(`${capture}: is set, reads back, and nothing else changes`, () => {
      const file = fileOf(name);
      const state = stateOf(file);
      const base = state.memory?.image;
      if (base === undefined) throw new Error('there is no memory');
      const fields = [...leaves(handoverTree(state)), ...MEMBERS].flatMap((path): Field[] => {
        try {
          return [locateField(state, path)];
        } catch (error) {
          // What decode sums up is refused, in words; nothing else is.
          if (isCarryoverError(error) && /^(edit-impossible|path-unknown)$/.test(error.code)) return [];
          throw error;
        }
      });
      expect(fields.length).toBeGreaterThan(capture === 'broken' ? 10 : 15);
      const now = new OverlayImage(base);
      const edit = fc
        .constantFrom(...fields)
        // A run moved by a random page frame may end beyond the last one; that is refused, and tested elsewhere.
        .filter(({ extents }) => extents.length === 1)
        .chain((field) => valueFor(field, field.text(now)).map((value) => ({ field, value })));
      fc.assert(
        fc.property(edit, ({ field, value }) => {
          const { path } = field;
          const edited = editHandover(state, [{ path, value }], { keepDerived: true });
          const after = written(state, file, edited);
          const memory = new OverlayImage(openImage(bytesSource(after)));
          const [step] = edited.steps;
          expect(field.text(memory)).toBe(step?.after);
          field.set(memory, value, { keepDerived: true });
          expect(memory.changes()).toEqual([]);
          if (/^0x/.test(value)) expect(field.text(memory)).toMatch(numberIn(value));
          else if (step?.after.startsWith('"') === true) expect(JSON.parse(step.after)).toBe(value);
          const [extent] = field.extents;
          const place = base.at(extent?.address ?? 0n);
          if (place.state !== 'data') throw new Error('a field lies in no data');
          for (const at of differing(file, after)) {
            expect(at).toBeGreaterThanOrEqual(place.fileOffset);
            expect(at).toBeLessThan(place.fileOffset + (extent?.size ?? 0));
          }
        }),
        { seed: SEED, numRuns: runs(60) },
      );
    });
});

describe('a damaged capture', () => {
  it('gives fields or refusals, and nothing else', () => {
    const file = fileOf(CAPTURES.v1b);
    const sound = stateOf(file);
    const places = sound.objects.flatMap(({ address, size }) => {
      const place = sound.memory?.image.at(address);
      return place?.state === 'data' ? [{ offset: place.fileOffset, size: Math.min(size, 256) }] : [];
    });
    const damage = fc.array(
      fc.tuple(fc.constantFrom(...places), fc.nat(), fc.integer({ min: 0, max: 255 })),
      {
        minLength: 1,
        maxLength: 40,
      },
    );
    fc.assert(
      fc.property(damage, (hits) => {
        const damaged = file.slice();
        for (const [{ offset, size }, within, byte] of hits) damaged[offset + (within % size)] = byte;
        try {
          const state = stateOf(damaged);
          const paths = [...leaves(handoverTree(state)), ...MEMBERS];
          // Each third of them, another third in each run.
          for (const path of paths.filter((_, i) => i % 3 === hits.length % 3)) {
            const edits = [{ path, value: '1' }];
            try {
              editHandover(state, edits);
            } catch (error) {
              if (!isCarryoverError(error)) throw error;
            }
          }
        } catch (error) {
          if (!isCarryoverError(error)) throw error;
        }
      }),
      { seed: SEED, numRuns: runs(12) },
    );
  });
});

/** The number as a text may show it: in hex, in decimal, or as the names of its bits with what has none in hex. */
function numberIn(value: string): RegExp {
  const number = BigInt(value);
  return new RegExp(`(^|\\D)${number}(\\D|$)|0x${number.toString(16)}(\\W|$)|[A-Z]`);
}
