/** `carryover hexdump`: every byte with what it is. */
import type { Command } from 'commander';
import { byteRanges, nodeAt, type State } from '../../state/index.js';
import { type Context, EXIT, examples, parseCount, UsageError } from '../context.js';
import { type DumpOptions, dumpOptions, openAny } from '../dump-input.js';
import { hexdumpHandover } from '../handover-verbs.js';
import { hexdumpText } from '../hexdump-text.js';
import { writeLines } from '../io.js';
import { offsetDigits } from '../tree-text.js';

interface HexdumpOptions extends DumpOptions {
  readonly at?: string;
  readonly length?: number;
  readonly width?: number;
  readonly all?: boolean;
}

export function addHexdump(program: Command, context: Context): void {
  const command = dumpOptions(
    program
      .command('hexdump')
      .argument('<file...>', 'the input, or - for stdin; or all parts of a split kdump'),
  )
    .summary('show every byte with its place in the value')
    .description(
      'Shows every byte with the field that it belongs to. Each field begins a row; padding, reserved bits and what was not understood are named as such; equal rows are folded.',
    )
    .option('--at <place>', 'only a part: a PATH, an OFFSET (in a dump: ADDRESS), or OFFSET+LENGTH')
    .option('--length <bytes>', 'so many bytes from there on', parseCount)
    .option('--width <bytes>', 'bytes in a row (16; 8 where the terminal is narrow)', parseCount)
    .option('--all', 'equal rows in full');
  examples(
    command,
    'hexdump stream.bin',
    "hexdump --at 'flows[0].ext' stream.bin",
    'hexdump --at 0x3e+112 --width 8 stream.bin | less -R',
  ).action(async (files: string[], options: HexdumpOptions) => {
    const input = await openAny(context, files, options);
    if (input.kind === 'handover') {
      context.done(await hexdumpHandover(context, command, input.state, options));
      return;
    }
    const { state } = input;
    const width = options.width ?? ((context.io.columns ?? 120) < 110 ? 8 : 16);
    if (width < 1 || width > 256) throw new UsageError('--width is 1 to 256');
    const { from, to: end } = place(state, options.at);
    const to = options.length === undefined ? end : Math.min(state.bytes.length, from + options.length);
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
