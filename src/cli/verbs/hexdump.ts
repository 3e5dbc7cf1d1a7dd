/** `carryover hexdump`: every byte with what it is. */
import type { Command } from 'commander';
import { byteRanges, nodeAt, type State } from '../../state/index.js';
import {
  type Context,
  EXIT,
  examples,
  type InputOptions,
  inputOptions,
  openInput,
  parseCount,
  UsageError,
} from '../context.js';
import { hexdumpText } from '../hexdump-text.js';
import { writeLines } from '../io.js';
import { offsetDigits } from '../tree-text.js';

interface HexdumpOptions extends InputOptions {
  readonly at?: string;
  readonly width?: number;
  readonly all?: boolean;
}

export function addHexdump(program: Command, context: Context): void {
  const command = inputOptions(program.command('hexdump').argument('<file>', 'the input, or - for stdin'))
    .summary('show every byte with its place in the value')
    .description(
      'Shows every byte with the field that it belongs to. Each field begins a row; padding, reserved bits and what was not understood are named as such; equal rows are folded.',
    )
    .option('--at <place>', 'only a part: a PATH, an OFFSET, or OFFSET+LENGTH')
    .option('--width <bytes>', 'bytes in a row (16; 8 where the terminal is narrow)', parseCount)
    .option('--all', 'equal rows in full');
  examples(
    command,
    'hexdump stream.bin',
    "hexdump --at 'flows[0].ext' stream.bin",
    'hexdump --at 0x3e+112 --width 8 stream.bin | less -R',
  ).action(async (file: string, options: HexdumpOptions) => {
    const state = await openInput(context, file, options);
    const width = options.width ?? ((context.io.columns ?? 120) < 110 ? 8 : 16);
    if (width < 1 || width > 256) throw new UsageError('--width is 1 to 256');
    const { from, to } = place(state, options.at);
    await writeLines(
      context.io,
      hexdumpText(state.bytes, byteRanges(state, from, to), {
        style: context.style(command),
        width,
        digits: Math.max(8, offsetDigits(state.bytes.length)),
        columns: context.io.columns,
        all: options.all ?? false,
      }),
    );
    context.done(state.incomplete === undefined ? EXIT.fine : EXIT.findings);
  });
}

function place(state: State, at: string | undefined): { from: number; to: number } {
  const size = state.bytes.length;
  if (at === undefined) return { from: 0, to: size };
  const [, offset, length] =
    /^(0x[0-9a-f]{1,13}|\d{1,15})(?:\+(0x[0-9a-f]{1,13}|\d{1,15}))?$/i.exec(at) ?? [];
  if (offset !== undefined) {
    const from = Number(offset);
    if (from >= size)
      throw new UsageError(`the input has ${size} bytes, so that there is no offset ${offset}`);
    return { from, to: length === undefined ? size : Math.min(size, from + Number(length)) };
  }
  const node = nodeAt(state.root, at);
  if (node.offset === undefined || node.size === undefined)
    throw new UsageError(`${at} does not lie in one place; name one of its parts`);
  return { from: node.offset, to: node.offset + node.size };
}
