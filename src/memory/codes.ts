/** Every error of memory images, by its stable code. A code is never renamed and never reused. */
import { CarryoverError } from '../codec/index.js';

export const MEMORY_CODES = {
  'memory-not-an-image': {
    title: 'The input is not a memory image',
    text: 'The first bytes are none of those that memory dumps begin with: ELF core, compressed kdump, flattened kdump stream, LiME, AVML. A raw image has no header, so it can only be read when its base address is given.',
  },
  'memory-header': {
    title: 'A header of the dump holds something impossible',
    text: 'A field of the container’s own headers contradicts itself or the file: sizes of zero, a page size that is no power of two, tables that lie outside of the file. Without it the memory cannot be located. The file is damaged, or is no such dump.',
  },
  'memory-truncated': {
    title: 'The dump ends before its headers do',
    text: 'The file is shorter than the headers and tables that say where the memory is. (Memory that is missing at the end of a dump is no error: what is there can be read, the rest is absent.)',
  },
  'memory-limit': {
    title: 'The dump asks for more than is sane to spend on it',
    text: 'A table of the dump would need more memory or time than the limits allow: millions of segments, a bitmap of gigabytes, a compressed file that grows without end. The limits are options of openImage. A large compressed dump is better decompressed to a file first: it can then be read in windows.',
  },
  'memory-nested': {
    title: 'Containers are packed into each other too deeply',
    text: 'A dump may be wrapped (gzip around a flattened stream around a compressed kdump); more layers than that are not made by any tool, but by somebody who wants to waste time.',
  },
  'memory-compression': {
    title: 'Compressed data cannot be decompressed',
    text: 'The stream around the dump is damaged from its start, or is not of the kind that its first bytes say.',
  },
  'memory-split': {
    title: 'The files are not parts of one split dump',
    text: 'Several files were given, and they are not the parts of one `makedumpfile --split`: another page size, another number of pages, no split mark, or overlapping ranges of pages.',
  },
  'memory-unreadable': {
    title: 'The file of the dump cannot be read',
    text: 'The operating system refused to read part of the file: the disk, the network or the permissions are at fault, not the dump.',
  },
  'memory-write': {
    title: 'A dump cannot be written like that',
    text: 'Segments given to a writer of dumps overlap, go beyond the last address, or do not fit into the class of the file; or the file would become larger than it may be; or the container has to name what is not known: the machine, or the size of its pages.',
  },
  'memory-cut-short': {
    title: 'The file ends before the memory does',
    text: 'The headers place memory beyond the end of the file: it was cut off while being written or copied. What is there can be read; the rest is absent.',
  },
  'memory-overlap': {
    title: 'Two segments claim the same memory with different content',
    text: 'Segments may overlap (kernel text is stored twice, QEMU writes aliases), but then they must hold the same bytes. These do not: the memory changed while it was dumped, or the file is damaged. The segment that comes first in the file’s table is read.',
  },
  'memory-no-addresses': {
    title: 'The core has no physical addresses',
    text: 'All segments have a physical address of zero and there is no VMCOREINFO note, so this is the core of a process, or of a tool that knows virtual addresses only. It cannot be read as physical memory.',
  },
  'memory-damaged': {
    title: 'Part of the container is damaged',
    text: 'Somewhere in the file a header is wrong, but what lies around it could be read. What the damaged part held is absent.',
  },
  'memory-note': {
    title: 'The notes of the core are damaged',
    text: 'A note says that it is longer than its segment. Notes before it were read.',
  },
  'memory-absent': {
    title: 'The memory is not in the dump',
    text: 'Something had to be read at an address that the dump does not hold: it was left out by a filter, the file was cut off, its page cannot be decompressed, or there never was memory.',
  },
} as const satisfies Record<string, { title: string; text: string }>;

export type MemoryCode = keyof typeof MEMORY_CODES;

export interface MemoryErrorDetails {
  /** Which header and field. */
  readonly path?: readonly (string | number)[];
  /** Where in the file. */
  readonly offset?: number;
  readonly expected?: string;
  readonly found?: string;
  readonly cause?: unknown;
}

/** An error of a memory image. */
export function memoryError(
  code: MemoryCode,
  reason: string,
  details: MemoryErrorDetails = {},
): CarryoverError {
  return new CarryoverError(code, reason, details);
}
