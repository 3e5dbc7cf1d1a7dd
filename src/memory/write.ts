/** Writing memory into any container: one way in. */
import { memoryError } from './codes.js';
import { elfMachineOf } from './machine.js';
import { isFiltering, isZeroTails, zeroTailsNote } from './notes.js';
import { arranged, contentSize, type MemoryContents, type MemorySegment, readContent } from './segments.js';
import { writeElfCore } from './write-elf.js';
import { type KdumpOptions, writeKdump } from './write-kdump.js';
import { writeLime } from './write-lime.js';
import { notesOf } from './write-notes.js';
import { type RawWriteOptions, writeRaw } from './write-raw.js';

export interface ElfWriteOptions {
  /** Memory begins at multiples of this in the file; by default 4096. */
  readonly align?: number;
  /**
   * Write zeros into the file. By default they take no room, as ELF has it; a note tells this library that they
   * are zeros, and crash takes them for such, but makedumpfile for memory that was left out.
   */
  readonly storeZeros?: boolean;
}

/** What can be written, and what can be said about how. */
export interface WriterOptions {
  readonly elf: ElfWriteOptions;
  readonly kdump: KdumpOptions;
  readonly lime: Readonly<Record<never, never>>;
  readonly raw: RawWriteOptions;
}
export type WritableContainer = keyof WriterOptions;

const WRITERS: {
  readonly [C in WritableContainer]: (
    memory: MemoryContents,
    options?: WriterOptions[C],
  ) => Iterable<Uint8Array>;
} = Object.freeze({
  elf: writeElf,
  kdump: writeKdump,
  lime: (memory: MemoryContents) => writeLime(memory),
  raw: writeRaw,
});

/** What {@link writeMemory} can write. */
export const WRITABLE_CONTAINERS: readonly WritableContainer[] = Object.freeze([
  'elf',
  'kdump',
  'lime',
  'raw',
]);

/**
 * The bytes of a dump, piece by piece in the order of the file; lazy content is asked for as they are taken.
 * The pieces must not be written to. Opened again, the dump has the same bytes; what is absent stays absent in
 * all containers but raw memory, and in pages of a kdump that are there in part.
 *
 * @throws `memory-write` where the memory does not fit into the container.
 * @example
 * for (const piece of writeMemory('kdump', segmentsOf(image))) fs.writeSync(fd, piece);
 */
export function writeMemory<C extends WritableContainer>(
  container: C,
  memory: MemoryContents,
  options?: WriterOptions[C],
): Iterable<Uint8Array> {
  return WRITERS[container](memory, options);
}

function writeElf(memory: MemoryContents, options: ElfWriteOptions = {}): Iterable<Uint8Array> {
  const { machine } = memory;
  const { endian, bits } = machine;
  const elfMachine = machine.elfMachine ?? elfMachineOf(machine);
  if (endian === undefined || bits === undefined || elfMachine === undefined)
    throw memoryError('memory-write', 'an ELF core needs to know its machine', {
      path: ['machine'],
      expected: 'endian, bits, and a name or number that ELF has for it',
      found: machine.name,
    });
  const { storeZeros = false, ...layout } = options;
  const given = arranged(memory.segments);
  const segments = storeZeros ? given.map(stored) : given;
  const none = (1n << BigInt(bits)) - 1n;
  if (segments.some(({ address }) => address === none))
    throw memoryError('memory-write', 'in ELF cores this address stands for having none', {
      found: `0x${none.toString(16)}`,
    });
  const notes = notesOf(memory).filter((note) => !isZeroTails(note));
  const zeros = segments.reduce((sum, { size, content }) => sum + size - contentSize(content), 0n);
  // Where kernel notes would make a reader take zeros for memory that was left out, a note says otherwise.
  const marked = zeros > 0n && notes.some(isFiltering) ? [...notes, zeroTailsNote(zeros, endian)] : notes;
  return writeElfCore({ endian, bits, elfMachine, segments, notes: marked, ...layout });
}

/** The segment with its zeros among its content. */
function stored(segment: MemorySegment): MemorySegment {
  const { size, content } = segment;
  const end = contentSize(content);
  if (end === size) return segment;
  const read = (offset: bigint, out: Uint8Array) => {
    const there = end <= offset ? 0n : end - offset;
    const length = there < BigInt(out.length) ? Number(there) : out.length;
    if (content !== undefined && length > 0) readContent(content, offset, out.subarray(0, length));
    out.fill(0, length);
  };
  return { ...segment, content: { size, read } };
}
