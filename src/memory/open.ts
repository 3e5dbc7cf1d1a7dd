/** Opening a memory image of any container, through whatever it is wrapped in. */
import type { CarryoverError } from '../codec/index.js';
import { openAvml } from './avml.js';
import { memoryError } from './codes.js';
import { type Algorithm, DECOMPRESSORS, type Decompressor } from './decompress.js';
import { ELF_MAGIC } from './elf.js';
import { type ElfTails, openElfCore } from './elf-core.js';
import { FLATTENED_SIGNATURE, unflatten } from './flattened.js';
import type { BaseImage, ContainerKind, Image } from './image.js';
import { isKdump, openKdump } from './kdump-image.js';
import { openLime } from './lime.js';
import { LIMITS, type Limits } from './limits.js';
import { RawImage, type RawOptions } from './raw.js';
import { type Source, type WindowOptions, windowed } from './source.js';
import { unpack } from './unpack.js';

export interface OpenOptions {
  /** Take the input for raw memory from that address on, whatever its first bytes are. gzip is still unpacked. */
  readonly raw?: RawOptions;
  /** See {@link ElfTails}. */
  readonly elfTails?: ElfTails;
  readonly limits?: Partial<Limits>;
  /** Faster decompressors than those of this library, e.g. of the host. */
  readonly decompressors?: Partial<Record<Algorithm, Decompressor>>;
  readonly windows?: WindowOptions;
}

type Wrapping = 'gzip' | 'zlib' | 'flattened';
export type Container = Exclude<ContainerKind, 'raw'> | Wrapping;

/** How many wrappings there may be: gzip, flattened, and one more for whoever compressed it twice. */
const MAX_WRAPPINGS = 3;
const HEAD_SIZE = 64;

/** What the first bytes say; undefined if they are of no container that is known. 64 bytes are enough. */
export function recogniseContainer(head: Uint8Array): Container | undefined {
  const text = (from: number, to: number) => String.fromCharCode(...head.subarray(from, to));
  if (ELF_MAGIC.every((byte, i) => head[i] === byte)) return 'elf-core';
  if (isKdump(head)) return 'kdump';
  if (text(0, 13) === `${FLATTENED_SIGNATURE}\0`) return 'flattened';
  if (text(0, 4) === 'EMiL' || text(0, 4) === 'LiME') return 'lime';
  if (text(0, 4) === 'AVML') return 'avml';
  if (head[0] === 0x1f && head[1] === 0x8b && head[2] === 8) return 'gzip';
  // LiME's compressed form uses the smallest window that zlib makes of 11 bits.
  if (head[0] === 0x38 && ((0x38 << 8) | (head[1] ?? 0)) % 31 === 0) return 'zlib';
  return undefined;
}

/** Dumps that are something else, to be named in the error. */
const OTHERS: readonly (readonly [string, string])[] = [
  ['QEVM', 'a QEMU migration stream'],
  ['LibvirtQemud', 'a libvirt save image'],
  ['QFI\u00fb', 'a qcow2 disk image'],
  ['sadump\0', 'a Fujitsu sadump'],
  ['\u00a8\u0019\u0001\u0073\u0061\u008f\u0023\u00fd', 'an s390 standalone dump'],
  ['PAGEDU', 'a Windows crash dump'],
  ['\u00fd7zXZ\0', 'xz-compressed; decompress it first'],
  ['\u0028\u00b5\u002f\u00fd', 'zstd-compressed; decompress it first'],
  ['BZh', 'bzip2-compressed; decompress it first'],
];

/**
 * Opens a memory image: an ELF core, a compressed kdump (also flattened, also split into several files given
 * in any order), LiME, AVML, or raw memory; with gzip around any of them. Reads headers only.
 *
 * @throws CarryoverError `memory-…` where no memory can be located. What can be worked around is in
 * `problems` of the image; what is missing is an absence where it is read.
 * @example
 * const image = openImage(bytesSource(readFileSync('vmcore')));
 * const answer = image.read(0x1000n, 16);
 * if (isAbsence(answer)) console.log(answer.absent, answer.detail);
 */
export function openImage(input: Source | readonly Source[], options: OpenOptions = {}): Image {
  const limits: Limits = { ...LIMITS, ...options.limits };
  const decompressors = { ...DECOMPRESSORS, ...options.decompressors };
  const inputs: readonly Source[] = isList(input) ? input : [input];
  const problems: CarryoverError[] = [];
  const unwrapped = inputs.map((source) => unwrap(source, options, limits, problems));
  const [first] = unwrapped;
  if (first === undefined) throw memoryError('memory-not-an-image', 'no file was given');
  const image = openUnwrapped(
    unwrapped.map(({ source }) => source),
    first.container,
    options,
    limits,
    decompressors,
  );
  image.layers = [...first.wrappings, image.kind];
  image.problems.unshift(...problems);
  return image;
}

function isList(input: Source | readonly Source[]): input is readonly Source[] {
  return Array.isArray(input);
}

interface Unwrapped {
  readonly source: Source;
  readonly wrappings: readonly Wrapping[];
  /** Undefined for raw memory. */
  readonly container: Exclude<ContainerKind, 'raw'> | undefined;
}

function unwrap(input: Source, options: OpenOptions, limits: Limits, problems: CarryoverError[]): Unwrapped {
  const wrappings: Wrapping[] = [];
  let source = windowed(input, options.windows);
  for (;;) {
    const head = source.read(0, HEAD_SIZE);
    const container = recogniseContainer(head);
    const isRaw = options.raw !== undefined;
    if (container === 'gzip' || (!isRaw && (container === 'zlib' || container === 'flattened'))) {
      if (wrappings.length >= MAX_WRAPPINGS)
        throw memoryError('memory-nested', `there is ${container} inside ${wrappings.join(' inside ')}`);
      const inner = container === 'flattened' ? unflatten(source, limits) : unpack(source, container, limits);
      wrappings.push(container);
      problems.push(...inner.problems);
      source = inner.source;
      continue;
    }
    if (isRaw) return { source, wrappings, container: undefined };
    if (container === undefined || container === 'zlib' || container === 'flattened') throw notAnImage(head);
    return { source, wrappings, container };
  }
}

function notAnImage(head: Uint8Array): CarryoverError {
  const start = String.fromCharCode(...head.subarray(0, 16));
  const other = OTHERS.find(([signature]) => start.startsWith(signature))?.[1];
  return memoryError(
    'memory-not-an-image',
    head.length === 0 ? 'the file is empty' : `this is ${other ?? 'none of the memory dumps that are known'}`,
    {
      offset: 0,
      expected: 'an ELF core, a kdump, LiME or AVML; or raw memory with a base address',
      found: [...head.subarray(0, 16)].map((byte) => byte.toString(16).padStart(2, '0')).join(' '),
    },
  );
}

/** An image of this module: its layers and problems are still being collected. */
type Opened = BaseImage & { readonly problems: CarryoverError[] };

function openUnwrapped(
  sources: readonly Source[],
  container: Exclude<ContainerKind, 'raw'> | undefined,
  options: OpenOptions,
  limits: Limits,
  decompressors: Readonly<Record<Algorithm, Decompressor>>,
): Opened {
  const [source] = sources;
  if (source === undefined) throw memoryError('memory-not-an-image', 'no file was given');
  if (sources.length > 1 && container !== 'kdump')
    throw memoryError('memory-split', 'only compressed kdumps are split into several files');
  switch (container) {
    case 'elf-core':
      return openElfCore(source, limits, options.elfTails ?? 'auto');
    case 'kdump':
      return openKdump(sources, limits, decompressors);
    case 'lime':
      return openLime(source, limits);
    case 'avml':
      return openAvml(source, limits, decompressors.snappy);
    case undefined:
      return new RawImage(source, options.raw ?? { base: 0n });
  }
}
