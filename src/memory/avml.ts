/**
 * AVML's compressed dumps (version 2): blocks of memory, each behind a header as LiME's, each a stream of
 * snappy frames, followed by the number of bytes that the stream took. Blocks that are zero are not written
 * at all, so a missing one may mean zeros.
 */
import { type CarryoverError, decodeAt, le32, le64, magic, reserved, struct } from '../codec/index.js';
import { memoryError } from './codes.js';
import { crc32c } from './crc32c.js';
import { type Decompressor, readVarint } from './decompress.js';
import { type Absence, absence, absentPlace, BaseImage, type Place, type Region } from './image.js';
import { machineByOrder } from './lime.js';
import type { Limits } from './limits.js';
import { findRun, overlay, type Visible } from './overlay.js';
import type { Source } from './source.js';

export const AVML_MAGIC = 0x4c4d5641;

export const AvmlHeader = struct(
  'avml_header',
  {
    magic: magic(le32, AVML_MAGIC),
    version: magic(le32, 2),
    start: le64,
    /** The last address, not the one behind it. */
    end: le64,
    reserved: reserved(le64),
  },
  { packed: true },
);
const HEADER_SIZE = 32;
const TRAILER_SIZE = 8;
/** The most that a frame holds, by the framing format. */
const FRAME_LIMIT = 65536;

interface Block {
  readonly start: bigint;
  readonly end: bigint;
  readonly rank: number;
  /** Where its first frame is. */
  readonly at: number;
  /** Where its frames end. */
  readonly stop: number;
}

interface Frame {
  /** Where its data begins in the block, and how much that is. */
  readonly start: number;
  readonly size: number;
  /** Where its stored bytes are, behind the checksum. */
  readonly at: number;
  readonly stored: number;
  readonly checksum: number;
  readonly compressed: boolean;
}

/**
 * Opens a compressed AVML dump. Walks over the headers of all frames once, because nothing says where the
 * next block begins; frames are decompressed when they are read.
 */
export function openAvml(source: Source, limits: Limits, snappy: Decompressor): AvmlImage {
  const problems: CarryoverError[] = [];
  const blocks: Block[] = [];
  for (let at = 0; at < source.size; ) {
    const bytes = source.read(at, HEADER_SIZE);
    const damaged = (reason: string, cause?: unknown) => {
      const details = { path: ['block', blocks.length], offset: at, cause };
      if (blocks.length === 0) throw memoryError('memory-header', reason, details);
      problems.push(memoryError('memory-damaged', `${reason}; what follows is lost`, details));
    };
    if (bytes.length < HEADER_SIZE) {
      damaged('the file ends within the header of a block');
      break;
    }
    let header: { start: bigint; end: bigint };
    try {
      header = decodeAt(AvmlHeader, bytes, 0).value;
    } catch (cause) {
      damaged('where the header of a block should be there is none', cause);
      break;
    }
    if (header.start > header.end) {
      damaged('a block ends before it begins');
      break;
    }
    const size = header.end - header.start + 1n;
    const walked = walkFrames(source, at + HEADER_SIZE, size);
    blocks.push({
      start: header.start,
      end: header.start + walked.size,
      rank: blocks.length,
      at: at + HEADER_SIZE,
      stop: walked.stop,
    });
    if (walked.problem !== undefined) {
      problems.push(
        memoryError('memory-damaged', `${walked.problem}; what follows is lost`, {
          path: ['block', blocks.length - 1],
          offset: walked.stop,
        }),
      );
      break;
    }
    at = walked.stop + TRAILER_SIZE;
    if (blocks.length > limits.segments)
      throw memoryError('memory-limit', 'the AVML dump has too many blocks', {
        offset: at,
        expected: `at most ${limits.segments}`,
      });
  }
  return new AvmlImage(source, blocks, snappy, problems);
}

/** Walks over frames until they hold `size` bytes. Early versions stored whole pages only, hence less. */
function walkFrames(
  source: Source,
  from: number,
  size: bigint,
): { size: bigint; stop: number; problem: string | undefined } {
  let done = 0n;
  let at = from;
  while (done < size) {
    const frame = readFrame(source, at);
    if (frame === 'end') {
      // What comes now is the number of bytes that the frames took, if the block was rounded down.
      if (trailer(source, at) === BigInt(at - from)) return { size: done, stop: at, problem: undefined };
      return { size: done, stop: at, problem: 'a block has no further frame where one should be' };
    }
    at = frame.next;
    if (frame.size > 0) done += BigInt(frame.size);
  }
  if (done > size) return { size, stop: at, problem: 'the frames of a block hold more than the block' };
  if (trailer(source, at) !== BigInt(at - from))
    return { size: done, stop: at, problem: 'a block does not end with the number of its bytes' };
  return { size: done, stop: at, problem: undefined };
}

function trailer(source: Source, at: number): bigint | undefined {
  const bytes = source.read(at, TRAILER_SIZE);
  return bytes.length < TRAILER_SIZE ? undefined : decodeAt(le64, bytes, 0).value;
}

const FRAME_COMPRESSED = 0x00;
const FRAME_PLAIN = 0x01;
const FRAME_SKIPPABLE = 0x80;
const CHECKSUM_SIZE = 4;

/** One frame; those that hold no data have size 0. `end` where there is none. */
function readFrame(
  source: Source,
  at: number,
): { next: number; size: number; stored: number; checksum: number; compressed: boolean } | 'end' {
  const bytes = source.read(at, 16);
  if (bytes.length < 4) return 'end';
  const type = bytes[0] ?? 0;
  const length = (bytes[1] ?? 0) | ((bytes[2] ?? 0) << 8) | ((bytes[3] ?? 0) << 16);
  const next = at + 4 + length;
  if (next > source.size) return 'end';
  if (type >= FRAME_SKIPPABLE) {
    // The identifier of the stream is a frame as any other, with fixed content.
    if (type === 0xff && !isStreamIdentifier(bytes)) return 'end';
    return { next, size: 0, stored: 0, checksum: 0, compressed: false };
  }
  if ((type !== FRAME_COMPRESSED && type !== FRAME_PLAIN) || length <= CHECKSUM_SIZE || bytes.length < 9)
    return 'end';
  const checksum = decodeAt(le32, bytes, 4).value;
  const compressed = type === FRAME_COMPRESSED;
  const size = compressed ? readVarint(bytes, 8)?.value : length - CHECKSUM_SIZE;
  if (size === undefined || size === 0 || size > FRAME_LIMIT) return 'end';
  return { next, size, stored: length - CHECKSUM_SIZE, checksum, compressed };
}

const STREAM_IDENTIFIER = Uint8Array.of(0xff, 0x06, 0, 0, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59);
function isStreamIdentifier(bytes: Uint8Array): boolean {
  return STREAM_IDENTIFIER.every((byte, i) => byte === bytes[i]);
}

const KEPT_FRAMES = 64;

export class AvmlImage extends BaseImage {
  readonly kind = 'avml';
  readonly machine = machineByOrder('little');
  readonly pageSize = undefined;
  readonly end: bigint;
  readonly problems: CarryoverError[];
  private readonly source: Source;
  private readonly snappy: Decompressor;
  private readonly runs: readonly Visible<bigint, Block>[];
  private readonly kept = new Map<number, Uint8Array>();
  /** The frames of the block that was looked at last. */
  private frames: { readonly block: Block; readonly list: readonly Frame[] } | undefined;

  constructor(source: Source, blocks: readonly Block[], snappy: Decompressor, problems: CarryoverError[]) {
    super();
    this.source = source;
    this.snappy = snappy;
    this.problems = problems;
    this.runs = overlay<bigint, Block>(blocks);
    this.end = this.runs[this.runs.length - 1]?.end ?? 0n;
  }

  *regions(): Iterable<Region> {
    let current: { address: bigint; size: bigint; state: 'data' } | undefined;
    for (const { start, end } of this.runs) {
      if (current !== undefined && current.address + current.size === start) current.size += end - start;
      else {
        if (current !== undefined) yield current;
        current = { address: start, size: end - start, state: 'data' };
      }
    }
    if (current !== undefined) yield current;
  }

  protected place(address: bigint): Place {
    const index = findRun(this.runs, address);
    const run = this.runs[index];
    if (run === undefined || run.end <= address) {
      const next = this.runs[index + 1];
      return absentPlace(
        'not-in-dump',
        address,
        (next?.start ?? this.end) - address,
        'the dump has no block there: no memory, or zeros, which AVML does not write',
      );
    }
    const frame = this.frameAt(run.piece, Number(address - run.piece.start));
    if (frame === undefined)
      return absentPlace('undecodable', address, run.end - address, 'the block has no frame for the address');
    const frameEnd = run.piece.start + BigInt(frame.start + frame.size);
    const end = frameEnd < run.end ? frameEnd : run.end;
    return {
      state: 'data',
      length: end - address,
      fileOffset: frame.at,
      stored: frame.compressed ? 'compressed' : 'plain',
    };
  }

  protected copy(place: Place & { state: 'data' }, address: bigint, out: Uint8Array): Absence | undefined {
    const block = this.runs[findRun(this.runs, address)]?.piece;
    const within = block === undefined ? 0 : Number(address - block.start);
    const frame = block === undefined ? undefined : this.frameAt(block, within);
    const bytes = frame === undefined ? undefined : this.content(frame);
    if (frame === undefined || bytes === undefined)
      return absence(
        'undecodable',
        address,
        place.length,
        `the frame at 0x${place.fileOffset.toString(16)} is damaged: it cannot be decompressed, or its checksum is wrong`,
      );
    out.set(bytes.subarray(within - frame.start, within - frame.start + out.length));
    return undefined;
  }

  private content(frame: Frame): Uint8Array | undefined {
    const known = this.kept.get(frame.at);
    if (known !== undefined) return known;
    const stored = this.source.read(frame.at, frame.stored);
    const bytes = frame.compressed ? this.snappy(stored, frame.size) : stored.slice();
    if (bytes === undefined || bytes.length !== frame.size || maskedChecksum(bytes) !== frame.checksum)
      return undefined;
    if (this.kept.size >= KEPT_FRAMES)
      for (const oldest of this.kept.keys()) if (this.kept.delete(oldest)) break;
    this.kept.set(frame.at, bytes);
    return bytes;
  }

  private frameAt(block: Block, within: number): Frame | undefined {
    if (this.frames?.block !== block) this.frames = { block, list: framesOf(this.source, block) };
    const { list } = this.frames;
    const frame = list[findRun(list, within)];
    return frame === undefined || within >= frame.start + frame.size ? undefined : frame;
  }
}

function framesOf(source: Source, block: Block): Frame[] {
  const list: Frame[] = [];
  let start = 0;
  for (let at = block.at; at < block.stop; ) {
    const frame = readFrame(source, at);
    if (frame === 'end') break;
    if (frame.size > 0) {
      const { size, stored, checksum, compressed } = frame;
      list.push({ start, size, at: at + 4 + CHECKSUM_SIZE, stored, checksum, compressed });
      start += size;
    }
    at = frame.next;
  }
  return list;
}

/** The framing format rotates the CRC and adds a constant, so that data that holds CRCs is not confused. */
function maskedChecksum(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
