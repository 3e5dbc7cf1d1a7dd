/** `carryover set`: change fields by their paths. */
import type { Command } from 'commander';
import { isCarryoverError } from '../../codec/index.js';
import { parseEdit, setFields } from '../../state/index.js';
import {
  type Context,
  EXIT,
  examples,
  type InputOptions,
  inputOptions,
  openInput,
  UsageError,
  writeBytes,
} from '../context.js';
import { refuseDump } from '../dump-input.js';

/** What does not fit its field was given on the command line, and is no fault of the input. */
function given<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (isCarryoverError(error) && /^(value|count|slack)-/.test(error.code))
      throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

interface SetOptions extends InputOptions {
  readonly output?: string;
  readonly inPlace?: boolean;
}

export function addSet(program: Command, context: Context): void {
  const command = inputOptions(
    program
      .command('set')
      .argument('<file>', 'the input, or - for stdin')
      .argument('<path=value...>', 'fields and what they shall hold'),
  )
    .summary('change fields by their paths')
    .description(
      'Writes a copy with fields changed. Values are written as decode shows them: decimal or 0x… integers, names of enum members and flags (A|B), addresses, hex digits, text; JSON for lists and objects. Counts, lengths and checksums follow, except those that are themselves set. The input is only changed with --in-place, and then as a whole or not at all.',
    )
    .option('-o, --output <file>', 'where to write the copy; - is stdout')
    .option('--in-place', 'change the input itself');
  examples(
    command,
    "set stream.bin 'flows[0].side[0].oport=443' -o changed.bin",
    "set stream.bin 'flows[0].events=ESTABLISHED|TAP_FIN_RCVD' 'flows[0].side[1].eaddr=192.0.2.7' --in-place",
    "set stream.bin 'flows[0].receive_queue=48656c6c6f' -o longer.bin",
  ).action(async (file: string, edits: string[], options: SetOptions) => {
    const inPlace = options.inPlace ?? false;
    if (inPlace === (options.output !== undefined))
      throw new UsageError('where to? Give either -o FILE or --in-place');
    if (inPlace && file === '-') throw new UsageError('stdin cannot be changed in place');
    const wanted = edits.map(parseEdit);
    await refuseDump(context, file, options.as);
    const state = await openInput(context, file, options);
    if (inPlace && state.gzip)
      throw new UsageError('a gzip file cannot be changed in place; write a copy with -o');
    const bytes = given(() => setFields(state, wanted));
    await writeBytes(context, inPlace ? file : (options.output ?? '-'), bytes);
    context.done(EXIT.fine);
  });
}
