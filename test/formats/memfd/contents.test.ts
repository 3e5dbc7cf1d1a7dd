/** The bytes of a memfd: what is a hole, what is zero in the dump, and what is absent. */
import { describe, expect, it } from 'vitest';
import { ABI } from '../../../src/codec/index.js';
import { unknownMap } from '../../../src/formats/kho/preserved.js';
import { Walk } from '../../../src/formats/kho/walk.js';
import { FolioRuns, MAX_RUNS, memfdContents } from '../../../src/formats/memfd/index.js';
import { bytesSource, openImage, writeElfCore } from '../../../src/memory/index.js';

/** Memory of one letter to a page: a letter is stored, `0` is known to be zero, `.` is not in the dump. */
function walkOf(pages: string): Walk {
  const segments = [...pages].flatMap((letter, i) =>
    letter === '.'
      ? []
      : [
          {
            address: BigInt(i * 4096),
            bytes: letter === '0' ? new Uint8Array() : new Uint8Array(4096).fill(letter.charCodeAt(0)),
            size: 4096n,
          },
        ],
  );
  const parts = [...writeElfCore({ endian: 'little', bits: 64, elfMachine: 62, segments })];
  const image = openImage(bytesSource(new Uint8Array(Buffer.concat(parts))));
  return new Walk(image, ABI.x86_64, unknownMap(4096));
}

/** Each piece as its kind and pages: `data ab`, `hole no folio 2`. */
function piecesOf(value: { size: bigint; folios: FolioRuns }, walk: Walk): string[] {
  const told: string[] = [];
  let end = 0n;
  for (const piece of memfdContents(value, walk)) {
    expect(piece.offset).toBe(end);
    end += piece.length;
    const pages = Number(piece.length) / 4096;
    if (piece.kind === 'data') {
      expect(piece.bytes.length).toBe(Number(piece.length));
      const letters = Array.from({ length: pages }, (_, i) =>
        String.fromCharCode(piece.bytes[i * 4096] ?? 0),
      );
      told.push(`data ${letters.join('')}`);
    } else told.push(`${piece.kind} ${piece.kind === 'hole' ? piece.because : piece.reason} ${pages}`);
  }
  expect(end).toBe(value.size);
  return told;
}

function runs(...list: readonly (readonly [number, number, number, boolean?])[]): FolioRuns {
  const folios = new FolioRuns();
  for (const [index, pfn, count, down = false] of list) folios.add(index, pfn, 0, count, 3, down);
  return folios;
}

describe('the pieces', () => {
  it('tell what is stored from what the dump knows to be zero, and from what it lacks', () => {
    const walk = walkOf('ab00c.d0');
    expect(piecesOf({ size: 10n * 4096n, folios: runs([0, 0, 8]) }, walk)).toEqual([
      'data ab',
      'hole zero in the dump 2',
      'data c',
      'absent not-in-dump 1',
      'data d',
      'hole zero in the dump 1',
      'hole no folio 2',
    ]);
  });
  it('do so downward as well', () => {
    expect(piecesOf({ size: 4n * 4096n, folios: runs([0, 3, 4, true]) }, walkOf('a0.b'))).toEqual([
      'data b',
      'absent not-in-dump 1',
      'hole zero in the dump 1',
      'data a',
    ]);
  });
  it('of a file in too many pieces end where it is not known any more', () => {
    // All at one place, so that only the first one counts.
    const folios = new FolioRuns();
    for (let i = 0; i < MAX_RUNS + 5; i++) folios.add(0, 0, 0, 1, 3, false);
    expect([folios.length, folios.omitted]).toEqual([MAX_RUNS, 5]);
    expect(piecesOf({ size: 6n * 4096n, folios }, walkOf('a'))).toEqual(['data a', 'absent limit 5']);
  });
});
