/** The bytes of a preserved memfd, streamed. */
import type { Content } from '../kho/content.js';
import type { Walk } from '../kho/walk.js';
import { type FolioRun, type FolioRuns, MAX_RUNS } from './runs.js';
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

/** The content, from offset 0 to the size. `uptodate` is the flag of folios that were written. */
export function* memfdContents(
  value: { readonly size: bigint; readonly folios: FolioRuns },
  walk: Walk,
  uptodate = FOLIO_UPTODATE,
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
    if ((run.flags & uptodate) === 0) {
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
      const { zero, length } = alike(walk, address, reach - at);
      if (zero) {
        yield { kind: 'hole', offset: at, length, because: 'zero in the dump' };
        at += length;
        continue;
      }
      // What is absent is passed over by its extent: a dump may lack a file of hundreds of gigabytes.
      const first = walk.image.at(address);
      if (first.state === 'absent') {
        const { absent: reason, detail } = first.absence;
        const gone = min(first.length, reach - at);
        yield { kind: 'absent', offset: at, length: gone, reason, detail, address };
        at += gone;
        continue;
      }
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
  if (offset >= size) return;
  const length = size - offset;
  if (value.folios.omitted === 0) yield { kind: 'hole', offset, length, because: 'no folio' };
  else
    yield {
      kind: 'absent',
      offset,
      length,
      reason: 'limit',
      detail: `the file is in more than ${MAX_RUNS} pieces of memory, of which these are the last`,
      address: undefined,
    };
}

/** How far it is either zeros that the dump does not store, or not. Of the latter a piece at most. */
function alike({ image }: Walk, address: bigint, limit: bigint): { zero: boolean; length: bigint } {
  const first = image.at(address);
  const zero = first.state === 'zero';
  const most = zero ? limit : min(limit, BigInt(PIECE));
  let length = first.length;
  while (length < most) {
    const place = image.at(address + length);
    if ((place.state === 'zero') !== zero) break;
    length += place.length;
  }
  return { zero, length: min(length, most) };
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
