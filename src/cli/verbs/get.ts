/** `carryover get`: one part of the value. */
import type { Command } from 'commander';
import { isInline, nodeAt, valueToJSON } from '../../state/index.js';
import { type Context, EXIT, examples, UsageError, writeBytes } from '../context.js';
import { type DumpOptions, dumpOptions, openAny } from '../dump-input.js';
import { getHandover } from '../handover-verbs.js';
import { writeAll, writeLines } from '../io.js';
import { jsonText } from '../json-text.js';
import { offsetDigits, treeText } from '../tree-text.js';
import { partOf } from './decode.js';

interface GetOptions extends Omit<DumpOptions, 'raw'> {
  readonly rawMemory?: string;
  readonly json?: boolean;
  readonly names?: boolean;
  readonly raw?: boolean;
}

export function addGet(program: Command, context: Context): void {
  const command = dumpOptions(
    program
      .command('get')
      .argument('<file>', 'the input, or - for stdin')
      .argument('<path>', 'such as flows[0].ext.mss'),
    '--raw-memory <base>',
  )
    .summary('print one field, or its bytes')
    .description('Prints one part of the value: as text, as JSON, or its bytes as they lie in the input.')
    .option('--json', 'as JSON, as decode --json has it')
    .option('--names', 'in JSON, names of enum members and flags instead of integers')
    .option('--raw', 'its bytes');
  examples(
    command,
    'get stream.bin flow_count',
    "get --json stream.bin 'flows[0].side[1]'",
    "get --raw stream.bin 'flows[0].receive_queue' | hexdump -C",
  ).action(async (file: string, path: string, options: GetOptions) => {
    const { raw, rawMemory, ...others } = options;
    const input = await openAny(context, [file], {
      ...others,
      ...(rawMemory === undefined ? {} : { raw: rawMemory }),
    });
    if (input.kind === 'handover') {
      const wanted = { json: options.json ?? false, rawBytes: raw ?? false, names: options.names ?? false };
      context.done(await getHandover(context, command, input.state, path, wanted));
      return;
    }
    const { state } = input;
    const node = nodeAt(state.root, path);
    if (raw === true) {
      if (node.offset === undefined || node.size === undefined)
        throw new UsageError(`${path} does not lie in one place; name one of its parts`);
      if (node.bits !== undefined)
        throw new UsageError(`${path} does not take whole bytes; get it without --raw`);
      await writeBytes(context, '-', state.bytes.subarray(node.offset, node.offset + node.size));
    } else if (options.json === true)
      await writeAll(context.io, jsonText(partOf(valueToJSON(state, { names: options.names }), node)));
    else if (node.count === 0 || isInline(node))
      await writeLines(context.io, [scalarOf(node.value, node.text)]);
    else
      await writeLines(
        context.io,
        treeText(node, {
          style: context.style(command),
          depth: Number.POSITIVE_INFINITY,
          all: true,
          full: false,
          findings: [],
          digits: offsetDigits(state.bytes.length),
        }),
      );
    context.done(EXIT.fine);
  });
}

/** Text is given as it is: whoever asks for one field wants to go on with it. */
function scalarOf(value: unknown, text: string): string {
  return typeof value === 'string' ? value : text;
}
