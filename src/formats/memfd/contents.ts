/** The bytes of a preserved memfd, streamed. */
import type { Content } from '../kho/content.js';
import type { Walk } from '../kho/walk.js';
import type { FolioRun, FolioRuns } from './runs.js';
import { FOLIO_UPTODATE } from './schema.js';

/** Bytes of one piece of data at most. */
const PIECE = 1 << 20;

/** Runs by ascending index; of two at the same place the first one in the array counts. */
function* ascending(folios: FolioRuns): Iterable<FolioRun> {
  let last = -1n;
  let sorted = true;
  for (const { index } of folios) {
    if (index < last) {
      sorted = false;
      break;
    }
    last = index;
  }
  if (sorted) yield* folios;
  else yield* [...folios].sort((a, b) => (a.index < b.index ? -1 : a.index > b.index ? 1 : 0));
}

export function* memfdContents(
  value: { readonly size: bigint; readonly folios: FolioRuns },
  walk: Walk,
): Generator<Content, void> {
  const page = BigInt(walk.pageSize);
  const { size } = value;
  let offset = 0n;
  const buffer = new Uint8Array(PIECE);
  for (const run of ascending(value.folios)) {
    const folio = page << BigInt(run.order);
    const end = min(run.index * page + folio * BigInt(run.count), size);
    let at = run.index * page;
    if (at >= size) break;
    if (at > offset) {
      yield { kind: 'hole', offset, length: at - offset, because: 'no folio' };
      offset = at;
    }
    if (at < offset) at = offset;
    if (at >= end) continue;
    if ((run.flags & FOLIO_UPTODATE) === 0) {
      yield { kind: 'hole', offset: at, length: end - at, because: 'not up to date' };
      offset = end;
      continue;
    }
    while (at < end) {
      // Upward the run is one piece of memory, downward each folio is one.
      const into = at - run.index * page;
      const nth = into / folio;
      const address =
        run.step === -1
          ? (run.pfn - (nth << BigInt(run.order))) * page + (into % folio)
          : run.pfn * page + into;
      const reach = run.step === -1 ? min(end, run.index * page + (nth + 1n) * folio) : end;
      const length = min(reach - at, BigInt(PIECE));
      const bytes = buffer.subarray(0, Number(length));
      const holes = walk.image.readInto(address, bytes);
      let done = 0;
      for (const hole of holes) {
        const from = Number(hole.address - address);
        if (from > done)
          yield {
            kind: 'data',
            offset: at + BigInt(done),
            length: BigInt(from - done),
            bytes: bytes.subarray(done, from),
          };
        yield {
          kind: 'absent',
          offset: at + BigInt(from),
          length: BigInt(hole.length),
          reason: hole.absence.absent,
          detail: hole.absence.detail,
          address: hole.address,
        };
        done = from + hole.length;
      }
      if (done < bytes.length)
        yield {
          kind: 'data',
          offset: at + BigInt(done),
          length: BigInt(bytes.length - done),
          bytes: bytes.subarray(done),
        };
      at += length;
    }
    offset = end;
  }
  if (offset < size) yield { kind: 'hole', offset, length: size - offset, because: 'no folio' };
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
