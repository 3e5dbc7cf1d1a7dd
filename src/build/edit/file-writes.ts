/**
 * From changed memory to changed bytes of the file. Where memory stands in the file as it is, its bytes are
 * overwritten, in every segment that has them. A page of a kdump, which may be compressed and may be shared
 * with others, is stored once more at the end of the file, uncompressed, and its descriptor leads there.
 */
import { encode } from '../../codec/index.js';
import { unflatten } from '../../memory/flattened.js';
import { type Image, LIMITS, type Source, segmentsOf, writeMemory } from '../../memory/index.js';
import { PAGE_DESC_SIZE, PageDesc } from '../../memory/kdump.js';
import { KdumpImage } from '../../memory/kdump-image.js';
import { RunImage } from '../../memory/runs.js';
import { unpack } from '../../memory/unpack.js';
import { impossible } from './errors.js';
import type { Change, OverlayImage } from './overlay-image.js';

/** Bytes of a file that change. */
export interface FileWrite {
  readonly offset: number;
  /** What stands there now; shorter where the file ends before. */
  readonly before: Uint8Array;
  readonly bytes: Uint8Array;
}

/**
 * The file without what is around the dump: what the offsets of {@link fileWrites} count in. A flattened stream
 * gives the kdump that it stands for.
 *
 * @param source the file as it is.
 */
export function innerSource(image: Image, source: Source): Source {
  let inner = source;
  for (const layer of image.layers.slice(0, -1)) {
    if (layer === 'gzip' || layer === 'zlib') inner = unpack(inner, layer, LIMITS).source;
    else if (layer === 'flattened') inner = unflatten(inner, LIMITS).source;
  }
  return inner;
}

/**
 * The container in which a dump is written anew, where single bytes of its file cannot be changed: AVML has
 * compressed frames with checksums, and becomes LiME; the parts of a split kdump become one.
 */
export function rewrittenAs(image: Image): 'lime' | 'kdump' | undefined {
  if (image.kind === 'avml') return 'lime';
  return image instanceof KdumpImage && image.headers.split ? 'kdump' : undefined;
}

/** The edited dump in that container, piece by piece. */
export function rewritten(overlay: OverlayImage, container: 'lime' | 'kdump'): Iterable<Uint8Array> {
  return writeMemory(container, segmentsOf(overlay));
}

/**
 * What of the file changes, by ascending offset.
 *
 * @param inner what {@link innerSource} gives.
 * @throws `edit-impossible` where the memory has no bytes of its own in the file.
 */
export function fileWrites(overlay: OverlayImage, changes: readonly Change[], inner: Source): FileWrite[] {
  const { base } = overlay;
  if (base instanceof KdumpImage) {
    const writes = pageWrites(base, overlay, changes, inner);
    return writes.sort((a, b) => a.offset - b.offset);
  }
  if (!(base instanceof RunImage))
    throw impossible(`the memory does not stand in the ${base.kind} file as it is`);
  return changes.flatMap((change) => plainWrites(base, change, inner)).sort((a, b) => a.offset - b.offset);
}

function write(inner: Source, offset: number, bytes: Uint8Array): FileWrite {
  return { offset, bytes, before: inner.read(offset, bytes.length).slice() };
}

function plainWrites(image: RunImage, { address, after }: Change, inner: Source): FileWrite[] {
  for (let done = 0; done < after.length; ) {
    const here = address + BigInt(done);
    const place = image.at(here);
    if (place.state === 'zero' && place.fileOffset === undefined)
      throw impossible(
        `the memory at 0x${here.toString(16)} is the end of a segment that takes no room in the file: its zeros cannot be changed`,
      );
    done += Number(place.length < BigInt(after.length) ? place.length : BigInt(after.length));
  }
  return [...image.storedAt(address, after.length)].map((place) => {
    const from = Number(place.address - address);
    return write(inner, place.fileOffset, after.subarray(from, from + place.length));
  });
}

function pageWrites(
  image: KdumpImage,
  overlay: OverlayImage,
  changes: readonly Change[],
  inner: Source,
): FileWrite[] {
  const { pageSize } = image;
  const size = BigInt(pageSize);
  const pages = new Set<bigint>();
  for (const { address, after } of changes)
    for (let page = address / size; page * size < address + BigInt(after.length); page++) pages.add(page);
  const writes: FileWrite[] = [];
  let end = inner.size;
  for (const page of pages) {
    const address = page * size;
    const descriptor = image.descriptorOf(address);
    if (descriptor === undefined)
      throw impossible('pages of a split kdump are not stored anew; join its parts first');
    const { bytes } = overlay.readSome(address, pageSize);
    const known = inner.read(descriptor.offset, PAGE_DESC_SIZE);
    // The words behind the first two fields stay: the flags of the page are the kernel's own.
    const fresh = encode(
      PageDesc,
      { offset: BigInt(end), size: pageSize, flags: 0, page_flags: 0n },
      { abi: descriptor.abi },
    );
    fresh.set(known.subarray(16), 16);
    writes.push(write(inner, descriptor.offset, fresh), write(inner, end, bytes));
    end += pageSize;
  }
  return writes;
}
