/** ELF core files as physical memory: /proc/vmcore, QEMU's dump-guest-memory, makedumpfile -E, virsh dump. */
import {
  type CarryoverError,
  decodeAt,
  type Endian,
  isCarryoverError,
  negotiate,
  type ValueOf,
} from '../codec/index.js';
import { memoryError } from './codes.js';
import {
  CLASS_32,
  CLASS_64,
  ELF_SIZES,
  Elf32Phdr,
  Elf64Phdr,
  ElfEhdr,
  ElfIdent,
  ElfShdr,
  ET_CORE,
  headerABI,
  PN_XNUM,
  PT_LOAD,
  PT_NOTE,
} from './elf.js';
import { type Machine, TOP } from './image.js';
import type { Limits } from './limits.js';
import { machineOfElf, withPageSize } from './machine.js';
import { type ElfNote, isFiltering, parseNotes, zeroTailBytes } from './notes.js';
import { findRun, overlay, type Visible } from './overlay.js';
import { RunImage, type RunPiece, storedPieces } from './runs.js';
import type { Source } from './source.js';
import { parseVmcoreinfo, type Vmcoreinfo } from './vmcoreinfo.js';

/**
 * What memory is that a segment has in memory but not in the file (`p_memsz` > `p_filesz`). The ELF
 * specification says zeros; makedumpfile and QEMU write such segments for what they left out. `auto` takes it
 * for zeros unless notes show that one of these wrote the file.
 */
export type ElfTails = 'auto' | 'zero' | 'excluded';

type Phdr = ValueOf<typeof Elf64Phdr>;

/** A range of the file that holds notes. */
interface NoteRange {
  readonly offset: number;
  readonly length: number;
}

interface Headers {
  readonly endian: Endian;
  readonly bits: 32 | 64;
  readonly elfMachine: number;
  readonly loads: readonly Phdr[];
  readonly noteRanges: readonly NoteRange[];
}

/** Opens an ELF core. Throws only where the headers cannot be read. */
export function openElfCore(source: Source, limits: Limits, tails: ElfTails): ElfCoreImage {
  const headers = readHeaders(source, limits);
  const problems: CarryoverError[] = [];
  const notes = new NoteReader(source, headers, limits, problems);
  const pieces = piecesOf(source, headers, notes, tails, problems);
  return new ElfCoreImage(source, pieces, headers, notes, problems);
}

export class ElfCoreImage extends RunImage {
  readonly kind = 'elf-core';
  readonly problems: CarryoverError[];
  private readonly headers: Headers;
  private readonly noteReader: NoteReader;
  private virtual: readonly Visible<bigint, VirtualPiece>[] | undefined;

  constructor(
    source: Source,
    pieces: readonly RunPiece[],
    headers: Headers,
    noteReader: NoteReader,
    problems: CarryoverError[],
  ) {
    super(source, pieces);
    this.headers = headers;
    this.noteReader = noteReader;
    this.problems = problems;
    findConflict(source, pieces, this.runs, problems);
  }

  // Getters, because the page size stands in a note, and notes are read when somebody asks.
  get pageSize(): number | undefined {
    return this.noteReader.vmcoreinfo()?.pageSize;
  }
  get machine(): Machine {
    const { elfMachine, endian, bits } = this.headers;
    return withPageSize(machineOfElf(elfMachine, endian, bits), this.pageSize);
  }

  override notes(): readonly ElfNote[] {
    return this.noteReader.notes();
  }
  override vmcoreinfo(): Vmcoreinfo | undefined {
    return this.noteReader.vmcoreinfo();
  }

  override toPhysical(virtual: bigint): bigint | undefined {
    this.virtual ??= overlay<bigint, VirtualPiece>(virtualPieces(this.headers.loads));
    const run = this.virtual[findRun(this.virtual, virtual)];
    return run === undefined || run.end <= virtual
      ? undefined
      : virtual - run.piece.start + run.piece.physical;
  }
}

interface VirtualPiece {
  readonly start: bigint;
  readonly end: bigint;
  readonly rank: number;
  readonly physical: bigint;
}

/** Segments whose virtual address is one: QEMU repeats the physical address where it knows none. */
function virtualPieces(loads: readonly Phdr[]): VirtualPiece[] {
  return loads.flatMap(({ p_vaddr: start, p_paddr: physical, p_memsz }, rank) =>
    start === 0n || start === physical || start + p_memsz > TOP
      ? []
      : [{ start, end: start + p_memsz, rank, physical }],
  );
}

// --- headers -----------------------------------------------------------------------------------------------

function readHeaders(source: Source, limits: Limits): Headers {
  const head = source.read(0, ELF_SIZES[64].ehdr);
  const { endian, bits, ehdr } = readEhdr(head);
  const size = ELF_SIZES[bits];
  const abi = headerABI(endian, bits);
  if (ehdr.e_type !== ET_CORE)
    throw memoryError('memory-not-an-image', 'this is an ELF file, but no core', {
      path: ['elf_ehdr', 'e_type'],
      offset: 16,
      expected: '4 (ET_CORE)',
      found: String(ehdr.e_type),
    });
  if (ehdr.e_phentsize < size.phdr)
    throw memoryError('memory-header', 'the program headers are smaller than program headers are', {
      path: ['elf_ehdr', 'e_phentsize'],
      offset: bits === 64 ? 54 : 42,
      expected: `at least ${size.phdr}`,
      found: String(ehdr.e_phentsize),
    });
  const count = ehdr.e_phnum === PN_XNUM ? extendedCount(source, ehdr, endian, bits) : ehdr.e_phnum;
  if (count > limits.segments)
    throw memoryError('memory-limit', 'there are too many program headers', {
      path: ['elf_ehdr', 'e_phnum'],
      expected: `at most ${limits.segments}`,
      found: String(count),
    });
  const tableSize = count * ehdr.e_phentsize;
  if (count > 0 && ehdr.e_phoff + BigInt(tableSize) > BigInt(source.size))
    throw memoryError('memory-truncated', 'the program headers lie beyond the end of the file', {
      path: ['elf_ehdr', 'e_phoff'],
      offset: bits === 64 ? 32 : 28,
      expected: `${count} × ${ehdr.e_phentsize} bytes at 0x${ehdr.e_phoff.toString(16)}`,
      found: `a file of ${source.size} bytes`,
    });
  const loads: Phdr[] = [];
  const noteRanges: NoteRange[] = [];
  const schema = bits === 64 ? Elf64Phdr : Elf32Phdr;
  const perRead = Math.max(1, Math.floor(0x10000 / ehdr.e_phentsize));
  for (let first = 0; first < count; first += perRead) {
    const chunk = source.read(
      Number(ehdr.e_phoff) + first * ehdr.e_phentsize,
      Math.min(perRead, count - first) * ehdr.e_phentsize,
    );
    for (let at = 0; at + size.phdr <= chunk.length; at += ehdr.e_phentsize) {
      const phdr = decodeAt(schema, chunk, at, { abi }).value;
      if (phdr.p_type === PT_LOAD) loads.push(phdr);
      else if (phdr.p_type === PT_NOTE && phdr.p_offset < BigInt(source.size))
        noteRanges.push({
          offset: Number(phdr.p_offset),
          length: Number(phdr.p_filesz < BigInt(source.size) ? phdr.p_filesz : BigInt(source.size)),
        });
    }
  }
  return { endian, bits, elfMachine: ehdr.e_machine, loads, noteRanges };
}

function readEhdr(head: Uint8Array): { endian: Endian; bits: 32 | 64; ehdr: ValueOf<typeof ElfEhdr> } {
  try {
    const { endian } = negotiate(ElfIdent, head).abi;
    const ident = decodeAt(ElfIdent, head, 0).value;
    if (ident.EI_CLASS !== CLASS_32 && ident.EI_CLASS !== CLASS_64)
      throw memoryError('memory-header', 'the class is neither 32 nor 64 bits', {
        path: ['elf_ident', 'EI_CLASS'],
        offset: 4,
        expected: '1 or 2',
        found: String(ident.EI_CLASS),
      });
    const bits = ident.EI_CLASS === CLASS_64 ? 64 : 32;
    return { endian, bits, ehdr: decodeAt(ElfEhdr, head, 0, { abi: headerABI(endian, bits) }).value };
  } catch (error) {
    if (!isCarryoverError(error) || error.code.startsWith('memory-')) throw error;
    const code = error.code === 'truncated' ? 'memory-truncated' : 'memory-header';
    throw memoryError(code, `the ELF header cannot be read: ${error.reason}`, {
      path: ['elf_ehdr', ...error.path],
      ...(error.offset === undefined ? {} : { offset: error.offset }),
      cause: error,
    });
  }
}

/** The number of program headers where it does not fit into `e_phnum`. */
function extendedCount(source: Source, ehdr: ValueOf<typeof ElfEhdr>, endian: Endian, bits: 32 | 64): number {
  const size = ELF_SIZES[bits].shdr;
  const wrong = (expected: string, found: string) =>
    memoryError('memory-header', 'the number of program headers is in section header 0, which is not there', {
      path: ['elf_ehdr', 'e_shoff'],
      offset: bits === 64 ? 40 : 32,
      expected,
      found,
    });
  if (ehdr.e_shoff === 0n || ehdr.e_shoff + BigInt(size) > BigInt(source.size))
    throw wrong(`a section header of ${size} bytes inside the file`, `0x${ehdr.e_shoff.toString(16)}`);
  const bytes = source.read(Number(ehdr.e_shoff), size);
  if (bytes.length < size) throw wrong(`${size} bytes`, `${bytes.length} bytes`);
  const shdr = decodeAt(ElfShdr, bytes, 0, { abi: headerABI(endian, bits) }).value;
  if (shdr.sh_info < 1 || shdr.sh_info === 0xffffffff)
    throw wrong('sh_info to be a number of program headers', String(shdr.sh_info));
  return shdr.sh_info;
}

// --- notes -------------------------------------------------------------------------------------------------

class NoteReader {
  private parsed: readonly ElfNote[] | undefined;
  private info: { readonly value: Vmcoreinfo | undefined } | undefined;

  private readonly source: Source;
  private readonly headers: Headers;
  private readonly limits: Limits;
  private readonly problems: CarryoverError[];

  constructor(source: Source, headers: Headers, limits: Limits, problems: CarryoverError[]) {
    this.source = source;
    this.headers = headers;
    this.limits = limits;
    this.problems = problems;
  }

  notes(): readonly ElfNote[] {
    if (this.parsed !== undefined) return this.parsed;
    const notes: ElfNote[] = [];
    let left = this.limits.noteBytes;
    for (const { offset, length } of this.headers.noteRanges) {
      const bytes = this.source.read(offset, Math.min(length, left)).slice();
      left -= bytes.length;
      const { notes: found, damagedAt } = parseNotes(bytes, this.headers.endian);
      for (const note of found) notes.push(note);
      if (damagedAt !== undefined)
        this.problems.push(
          memoryError('memory-note', 'a note is longer than its segment', { offset: offset + damagedAt }),
        );
      if (left <= 0) break;
    }
    this.parsed = notes;
    return notes;
  }

  /** Of several VMCOREINFO notes the first. */
  vmcoreinfo(): Vmcoreinfo | undefined {
    if (this.info === undefined) {
      const note = this.notes().find(({ name, type }) => name === 'VMCOREINFO' && type === 0);
      this.info = { value: note === undefined ? undefined : parseVmcoreinfo(note.content) };
    }
    return this.info.value;
  }
}

// --- segments ----------------------------------------------------------------------------------------------

const NO_OFFSET_64 = TOP - 1n;
const NO_OFFSET_32 = 0xffffffffn;
const MAX_PROBLEMS = 20;

function piecesOf(
  source: Source,
  headers: Headers,
  notes: NoteReader,
  tails: ElfTails,
  problems: CarryoverError[],
): RunPiece[] {
  const { loads, bits } = headers;
  const none = bits === 64 ? NO_OFFSET_64 : NO_OFFSET_32;
  if (loads.length > 1 && loads.every((load) => load.p_paddr === 0n) && notes.vmcoreinfo() === undefined) {
    problems.push(
      memoryError(
        'memory-no-addresses',
        `all ${loads.length} segments have the physical address 0, and no VMCOREINFO says that this is a kernel`,
      ),
    );
    return [];
  }
  const pieces: RunPiece[] = [];
  let cut = 0;
  let damaged = 0;
  const damage = (problem: CarryoverError) => {
    // One message per kind of damage is for people; a million of them is for nobody.
    if (damaged++ < MAX_PROBLEMS) problems.push(problem);
  };
  let tailState: 'zero' | 'excluded' | undefined;
  loads.forEach((load, index) => {
    const label = `segment ${index}`;
    const start = load.p_paddr;
    // All ones stand for memory without a physical address, as /proc/kcore has it.
    if (start === none) return;
    let size = load.p_memsz;
    let stored = load.p_filesz;
    if (stored > size) {
      damage(
        memoryError('memory-damaged', `${label} has more bytes in the file than in memory`, {
          path: ['phdr', index, 'p_filesz'],
          expected: `at most 0x${size.toString(16)}`,
          found: `0x${stored.toString(16)}`,
        }),
      );
      stored = size;
    }
    if (start + size > TOP) {
      damage(
        memoryError('memory-damaged', `${label} goes beyond the last address of 64 bits`, {
          path: ['phdr', index, 'p_memsz'],
          found: `0x${start.toString(16)} + 0x${size.toString(16)}`,
        }),
      );
      size = TOP - start;
      if (stored > size) stored = size;
    }
    if (stored > 0n) {
      const parts = storedPieces(source, {
        label,
        start,
        size: stored,
        offset: load.p_offset,
        rank: index,
        missingRank: 2 * loads.length + index,
      });
      if (parts.some((part) => part.state === 'absent')) cut++;
      for (const part of parts) pieces.push(part);
    }
    if (stored >= size) return;
    const tail = { label, start: start + stored, end: start + size };
    if (stored === 0n && load.p_offset === none)
      pieces.push({
        ...tail,
        state: 'absent',
        rank: 2 * loads.length + index,
        reason: 'excluded',
        detail: `the dump’s filter left out ${label}`,
      });
    else {
      tailState ??= tails === 'auto' ? tailsOf(notes, headers) : tails;
      if (tailState === 'zero') pieces.push({ ...tail, state: 'zero', rank: loads.length + index });
      else
        pieces.push({
          ...tail,
          state: 'absent',
          rank: 2 * loads.length + index,
          reason: 'excluded',
          detail: `${label} has it in memory but not in the file, which is how dump filters leave pages out`,
        });
    }
  });
  if (cut > 0)
    problems.push(
      memoryError('memory-cut-short', `${cut} of ${loads.length} segments end beyond the file`, {
        offset: source.size,
      }),
    );
  return pieces;
}

/** Dump filters leave pages out in this way; our own writer says so where it means zeros all the same. */
function tailsOf(notes: NoteReader, { loads, endian }: Headers): 'zero' | 'excluded' {
  const all = notes.notes();
  if (!all.some(isFiltering)) return 'zero';
  const said = zeroTailBytes(all, endian);
  if (said === undefined) return 'excluded';
  const bytes = loads.reduce((sum, { p_memsz, p_filesz }) => {
    return p_memsz > p_filesz ? sum + p_memsz - p_filesz : sum;
  }, 0n);
  return bytes === said ? 'zero' : 'excluded';
}

/** Bytes that are compared of segments that overlap, and how many pairs of them. */
const COMPARE_BYTES = 1 << 20;
const COMPARE_PAIR = 1 << 16;
const COMPARE_PAIRS = 4096;

/** Looks at segments that hide others in memory but not in the file: they must hold the same bytes. */
function findConflict(
  source: Source,
  pieces: readonly RunPiece[],
  runs: readonly Visible<bigint, RunPiece>[],
  problems: CarryoverError[],
): void {
  let left = COMPARE_BYTES;
  let pairs = COMPARE_PAIRS;
  for (const piece of pieces) {
    if (piece.state !== 'data') continue;
    for (let i = Math.max(0, findRun(runs, piece.start)); i < runs.length; i++) {
      const run = runs[i];
      if (run === undefined || run.start >= piece.end) break;
      const seen = run.piece;
      if (seen === piece || seen.state !== 'data' || run.end <= piece.start) continue;
      if (left <= 0 || --pairs < 0) return;
      const from = run.start > piece.start ? run.start : piece.start;
      const to = run.end < piece.end ? run.end : piece.end;
      const a = seen.offset + Number(from - seen.start);
      const b = piece.offset + Number(from - piece.start);
      if (a === b) continue;
      const length = Math.min(Number(to - from), COMPARE_PAIR, left);
      left -= length;
      const first = source.read(a, length);
      const second = source.read(b, length);
      const differs = first.findIndex((byte, at) => byte !== second[at]);
      if (differs < 0) continue;
      problems.push(
        memoryError(
          'memory-overlap',
          `${piece.label} and ${seen.label} differ at 0x${(from + BigInt(differs)).toString(16)}`,
          {
            offset: b + differs,
            expected: 'the same bytes',
            found: `others at 0x${(a + differs).toString(16)}`,
          },
        ),
      );
      return;
    }
  }
}
