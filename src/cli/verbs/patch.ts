/** `carryover patch`: write bytes as they are, at an address or over a field. */
import type { Command } from 'commander';
import { patchHandover } from '../../build/edit/index.js';
import { fromHex } from '../../codec/index.js';
import { patchBytes } from '../../state/index.js';
import {
  type Context,
  EXIT,
  examples,
  FileError,
  openInput,
  readBytes,
  reasonOf,
  UsageError,
} from '../context.js';
import { type DumpOptions, dumpOptions, isHandover } from '../dump-input.js';
import { checkTarget, editDump, given, type WriteOptions } from '../edit-dump.js';
import { writeStream } from '../edit-stream.js';
import { writeLines } from '../io.js';
import { writeOptions } from './set.js';

interface PatchOptions extends DumpOptions, WriteOptions {
  readonly at?: string;
  readonly hex?: string;
  readonly file?: string;
  readonly undo?: boolean;
}

export function addPatch(program: Command, context: Context): void {
  const command = writeOptions(
    dumpOptions(program.command('patch').argument('<file>', 'the input: a stream, or a dump; - for stdin')),
  )
    .summary('write bytes at an address or over a field')
    .description(
      'Writes a copy with some bytes replaced as they are given; nothing follows from them. In a dump --at is a physical address or a path, in a stream an offset or a path. Over a path no more bytes are written than it has; fewer leave the rest as it is. The input is only changed with --in-place: small files are replaced by a copy, of large ones only the changed bytes are written, after a journal was kept beside them.',
    )
    .option('--at <place>', 'where: an address or offset such as 0x4bd000, or a path')
    .option('--hex <digits>', 'the bytes, as hex digits')
    .option('--file <bytes>', 'a file with the bytes; - is stdin')
    .option('--undo', 'bring back what a change with --in-place replaced that was interrupted');
  examples(
    command,
    'patch vmcore --at 0x4bd000 --hex d00dfeed -o changed.core',
    "patch vmcore --at 'entries.LUO.sessions[0]' --file session.bin --dry-run",
    "patch stream.bin --at 0x3a --hex '00 00 00 02' -o changed.bin",
  ).action(async (file: string, options: PatchOptions) => {
    if (options.undo === true) {
      await undo(context, file);
      return;
    }
    await checkTarget(context, file, options);
    const { at } = options;
    if (at === undefined) throw new UsageError('where? Give --at with an address, an offset or a path');
    const bytes = await bytesGiven(context, options);
    const place = /^(0x[0-9a-f]{1,16}|\d{1,19})$/i.test(at) ? BigInt(at) : at;
    if (await isHandover(context, file, options))
      await editDump(context, command, file, options, (state) => patchHandover(state, place, bytes));
    else {
      const state = await openInput(context, file, options);
      const offset = typeof place === 'bigint' ? Number(place) : place;
      await writeStream(
        context,
        command,
        file,
        options,
        state,
        given(() => patchBytes(state, offset, bytes)),
      );
    }
    context.done(EXIT.fine);
  });
}

async function bytesGiven(context: Context, { hex, file }: PatchOptions): Promise<Uint8Array> {
  if ((hex === undefined) === (file === undefined))
    throw new UsageError('which bytes? Give either --hex or --file');
  if (hex === undefined) return readBytes(context, file ?? '-');
  const bytes = fromHex(hex.replace(/[\s:]/g, ''));
  if (bytes === undefined) throw new UsageError('--hex takes pairs of hex digits, such as d00dfeed');
  return bytes;
}

async function undo(context: Context, file: string): Promise<void> {
  try {
    const found = await context.io.undoPatch(file);
    await writeLines(context.io, [
      found ? `${file}: as it was before` : `${file}: no change of it was interrupted`,
    ]);
  } catch (error) {
    throw new FileError(`${file}: ${reasonOf(error)}`, { cause: error });
  }
  context.done(EXIT.fine);
}
