/** Virtually contiguous areas: a list of chunks of physical addresses. The same in all generations (6.18 on). */
import type { ValueOf } from '../../codec/index.js';
import { Numbers } from './columns.js';
import { KHO } from './rules.js';
import { type KhoVmalloc, KhoVmallocChunk, VMALLOC_FLAGS } from './schema.js';
import { are, hexText, many, type Walk } from './walk.js';

/** An area whose list was followed. */
export interface VmallocArea {
  /** First page frame of each run of 2^order pages, in the order of the area. */
  readonly pfns: Float64Array;
  readonly order: number;
  /** Bytes that the entries cover. */
  readonly size: number;
  readonly chunks: number;
  /** Whether the list could be followed to its end. */
  readonly complete: boolean;
}

/** 64 GiB of pages of 4 KiB. */
const MAX_ENTRIES = 1 << 24;

export function followVmalloc(
  walk: Walk,
  descriptor: ValueOf<typeof KhoVmalloc>,
  path: string,
  address: bigint,
): VmallocArea {
  const { pageSize } = walk;
  const { first, total_pages, order } = descriptor;
  const capacity = pageSize / 8 - 1;
  const pfns = new Numbers(Math.min(1 + total_pages, capacity));
  const seen = new Set<bigint>();
  let complete = true;
  let chunks = 0;
  let lost = 0;
  let firstLost: bigint | undefined;

  if ((descriptor.flags & ~VMALLOC_FLAGS) !== 0)
    walk.find(
      KHO['vmalloc-flags'],
      `${path}.flags`,
      address + 12n,
      `The area has the flags ${hexText(descriptor.flags)}.`,
    );
  if ((first === 0n) !== (total_pages === 0))
    walk.find(
      KHO['vmalloc-empty'],
      path,
      address,
      `The area has ${many(total_pages, 'page')}, and its first chunk is at ${hexText(first)}.`,
    );
  if (order > 40 || total_pages % 2 ** order !== 0)
    walk.find(
      KHO['vmalloc-order'],
      path,
      address,
      `The area has ${many(total_pages, 'page')} in runs of order ${order}.`,
    );
  const step = 2 ** Math.min(order, 40);

  for (let at = first; at !== 0n; ) {
    const where = `${path}.chunks[${chunks}]`;
    if (seen.has(at)) {
      walk.find(
        KHO['vmalloc-cycle'],
        where,
        at,
        `The chunks come back to ${hexText(at)}.`,
        // With entries, they soon are more than the area has; without, nothing ends the loop.
        pfns.length > 0 ? 'refused' : 'hang',
      );
      complete = false;
      break;
    }
    seen.add(at);
    if (!walk.enter(at, where)) {
      complete = false;
      break;
    }
    if (!walk.isAligned(at))
      walk.find(KHO['vmalloc-unaligned'], where, at, `The chunk at ${hexText(at)} is not page aligned.`);
    if (walk.map.complete && walk.map.blockAt(walk.pfn(at)) === undefined)
      walk.find(
        KHO['vmalloc-chunk'],
        where,
        at,
        `The chunk at ${hexText(at)} is not the start of a preserved block.`,
      );
    const bytes = walk.bytes(at, pageSize, where, 'a chunk of a vmalloc area');
    if (bytes === undefined) {
      // A dump may lack the chunk; the page is known to be one all the same.
      if (walk.map.blockAt(walk.pfn(at)) !== undefined) walk.claims.add(walk.pfn(at), 1, path);
      complete = false;
      break;
    }
    if (total_pages > 0 && at === first && walk.image.at(at).state === 'zero') {
      walk.find(KHO['page-zero'], where, at, `The chunk at ${hexText(at)} is a page of zeros.`);
      complete = false;
    }
    walk.claims.add(walk.pfn(at), 1, path);
    walk.object(where, KhoVmallocChunk, at, pageSize);
    chunks++;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let ended = false;
    for (let i = 1; i <= capacity; i++) {
      if (view.getUint32(8 * i, true) === 0 && view.getUint32(8 * i + 4, true) === 0) {
        ended = true;
        continue;
      }
      if (ended) {
        walk.find(
          KHO['vmalloc-gap'],
          where,
          at + BigInt(8 * i),
          'An entry follows a 0, and is not read by the kernel.',
        );
        break;
      }
      const entry = view.getBigUint64(8 * i, walk.little);
      const pfn = walk.pfn(entry);
      if (
        !walk.isAligned(entry) ||
        pfn % step !== 0 ||
        (walk.map.complete && walk.map.blockAt(pfn) !== order)
      ) {
        lost++;
        firstLost ??= entry;
      }
      if (pfns.length >= MAX_ENTRIES) {
        complete = false;
        break;
      }
      pfns.push(pfn);
      walk.claims.add(pfn, step, path);
    }
    at = view.getBigUint64(0, walk.little);
    if (pfns.length >= MAX_ENTRIES && !complete) {
      walk.find(KHO.limit, path, at, `The area has more than ${MAX_ENTRIES} entries.`);
      break;
    }
  }

  if (lost > 0)
    walk.find(
      KHO['vmalloc-entry'],
      path,
      firstLost,
      `${lost} of ${many(pfns.length, 'entry', 'entries')} ${are(lost)} not the start of a preserved block of order ${order}, the first of them ${hexText(firstLost ?? 0n)}.`,
    );
  if (complete && pfns.length * step !== total_pages)
    walk.find(
      KHO['vmalloc-total'],
      path,
      address + 8n,
      `The area says ${many(total_pages, 'page')}; its entries are ${many(pfns.length * step, 'page')}.`,
    );
  else if (complete && first !== 0n && chunks !== Math.floor(pfns.length / capacity) + 1)
    walk.find(
      KHO['vmalloc-chunks'],
      path,
      first,
      `${pfns.length} entries are in ${many(chunks, 'chunk')} instead of ${Math.floor(pfns.length / capacity) + 1}.`,
    );
  return { pfns: pfns.done(), order, size: pfns.length * step * pageSize, chunks, complete };
}

/** A part of an area that lies in one piece of physical memory. */
export interface VmallocPiece {
  /** Offset in the area, in bytes. */
  readonly offset: number;
  readonly address: bigint;
  readonly length: number;
}

/** The first `length` bytes of an area, in pieces as long as physical memory allows. */
export function* vmallocPieces(
  pageSize: number,
  area: VmallocArea,
  length: number,
): Generator<VmallocPiece, void> {
  const step = 2 ** Math.min(area.order, 40);
  const end = Math.min(length, area.size);
  let from = 0;
  let offset = 0;
  while (offset < end) {
    const pfn = area.pfns[from] ?? 0;
    let pages = step;
    from++;
    while (offset + pages * pageSize < end && area.pfns[from] === pfn + pages) {
      pages += step;
      from++;
    }
    const size = Math.min(pages * pageSize, end - offset);
    yield { offset, address: BigInt(pfn) * BigInt(pageSize), length: size };
    offset += size;
  }
}
