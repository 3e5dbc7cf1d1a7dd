/** Where bytes go that are made piece by piece: a file, which is put in its place when it is whole, or a pipe. */
import { Gzip } from 'fflate';
import {
  type MemoryContents,
  WRITABLE_CONTAINERS,
  type WritableContainer,
  writeMemory,
} from '../memory/index.js';
import { type Context, FileError, reasonOf, refuseInput, UsageError } from './context.js';
import type { OutputFile } from './io.js';

/** Zeros are written in pieces of this size. */
const ZEROS = 1 << 20;

/** Opens a file to be written, or stdout for `-`. */
export async function openOutput(context: Context, file: string): Promise<OutputFile> {
  const { io } = context;
  if (file !== '-') {
    await refuseInput(context, file);
    try {
      return await io.createFile(file);
    } catch (error) {
      throw new FileError(`${file}: ${reasonOf(error)}`, { cause: error });
    }
  }
  if (io.stdoutIsTTY)
    throw new UsageError('these are bytes, and stdout is a terminal: give a file with -o, or a pipe');
  let open = true;
  return {
    write: async (bytes) => {
      // What is written may be kept until it is taken, and the bytes are used again.
      if (open) open = await io.write(bytes.slice());
    },
    skip: async (length) => {
      for (let left = length; left > 0 && open; left -= ZEROS)
        open = await io.write(new Uint8Array(Math.min(ZEROS, left)));
    },
    done: async () => undefined,
    abandon: async () => undefined,
  };
}

/** Writes all pieces, or leaves nothing behind. A name that ends in `.gz` gets them compressed. */
export async function writePieces(
  context: Context,
  file: string,
  pieces: Iterable<Uint8Array>,
): Promise<void> {
  const out = await openOutput(context, file);
  try {
    for (const piece of file.endsWith('.gz') ? gzipped(pieces) : pieces) await out.write(piece);
    await out.done();
  } catch (error) {
    await out.abandon();
    if (error instanceof Error && 'code' in error && 'syscall' in error)
      throw new FileError(`${file}: ${reasonOf(error)}`, { cause: error });
    throw error;
  }
}

function* gzipped(pieces: Iterable<Uint8Array>): Iterable<Uint8Array> {
  let ready: Uint8Array[] = [];
  // The same bytes give the same file whenever they are written.
  const gzip = new Gzip({ mtime: 0 }, (chunk) => ready.push(chunk));
  for (const piece of pieces) {
    gzip.push(piece);
    yield* ready;
    ready = [];
  }
  gzip.push(new Uint8Array(), true);
  yield* ready;
}

const ENDINGS: Readonly<Record<string, WritableContainer>> = {
  elf: 'elf',
  core: 'elf',
  vmcore: 'elf',
  kdump: 'kdump',
  lime: 'lime',
  raw: 'raw',
  mem: 'raw',
  bin: 'raw',
};

/** What memory is written as: what was asked for, what the name of the file says, or ELF. */
export function containerOf(file: string, asked: string | undefined): WritableContainer {
  const ending = file.replace(/\.gz$/, '').split('.').pop() ?? '';
  const wanted = asked ?? ENDINGS[ending] ?? 'elf';
  const found = WRITABLE_CONTAINERS.find((container) => container === wanted);
  if (found === undefined)
    throw new UsageError(
      `--container is one of ${WRITABLE_CONTAINERS.join(', ')}, not ${JSON.stringify(wanted)}`,
    );
  return found;
}

/** Writes memory in a container. */
export async function writeDump(
  context: Context,
  file: string,
  container: WritableContainer,
  memory: MemoryContents,
): Promise<void> {
  await writePieces(context, file, writeMemory(container, memory));
  const [first] = memory.segments;
  if (container === 'raw' && first !== undefined)
    context.io.writeError(
      `carryover: note: raw memory does not say where it lies: open it with --raw 0x${first.address.toString(16)}\n`,
    );
}
