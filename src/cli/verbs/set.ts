/** `carryover set`: change fields by their paths, in a stream or in the memory of a dump. */
import type { Command } from 'commander';
import { editHandover } from '../../build/edit/index.js';
import { isCarryoverError } from '../../codec/index.js';
import { parseEdit, setFields } from '../../state/index.js';
import { type Context, EXIT, examples, openInput, UsageError } from '../context.js';
import { type DumpOptions, dumpOptions, isHandover } from '../dump-input.js';
import { checkTarget, editDump, type WriteOptions } from '../edit-dump.js';
import { writeStream } from '../edit-stream.js';

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

interface SetOptions extends DumpOptions, WriteOptions {
  readonly keepDerived?: boolean;
}

/** Options of the verbs that write a changed input. */
export function writeOptions(command: Command): Command {
  return command
    .option('-o, --output <file>', 'where to write the copy; - is stdout')
    .option('--in-place', 'change the input itself')
    .option('-n, --dry-run', 'write nothing; show the old and new values and bytes, and where they stand');
}

export function addSet(program: Command, context: Context): void {
  const command = writeOptions(
    dumpOptions(
      program
        .command('set')
        .argument('<file>', 'the input: a stream, or a dump; - for stdin')
        .argument('<path=value...>', 'fields and what they shall hold'),
    ),
  )
    .summary('change fields by their paths')
    .description(
      'Writes a copy with fields changed. Values are written as decode shows them: decimal or 0x… integers, names of enum members and flags (A|B), addresses, hex digits, text; JSON for lists and objects. Counts, lengths and checksums follow, except those that are themselves set. The input is only changed with --in-place, and then as a whole or not at all.\n\nIn a dump, paths lead through pointers, and each value is changed where it lies; nothing moves. A session can be named by its place or its name. Of the folios of a memfd, folios[0].pfn moves a run, folios[0][5].pfn one folio of it. preserved+=ADDRESS/ORDER and preserved-=ADDRESS/ORDER change the map of preserved memory. A changed page of a kdump is stored once more at its end; a dump in gzip comes out unpacked, unless the name of the copy ends in .gz.',
    )
    .option('--keep-derived', 'leave counts, lengths and checksums as they are');
  examples(
    command,
    "set stream.bin 'flows[0].side[0].oport=443' -o changed.bin",
    "set stream.bin 'flows[0].events=ESTABLISHED|TAP_FIN_RCVD' 'flows[0].side[1].eaddr=192.0.2.7' --in-place",
    "set stream.bin 'flows[0].receive_queue=48656c6c6f' -o longer.bin",
    "set vmcore 'entries.LUO.sessions[0].name=vm-beta' -o changed.core",
    "set vmcore 'entries.LUO.sessions[vm-alpha].files[1].token=0x2002' --dry-run",
    "set vmcore 'entries.LUO.sessions[0].files[0].memfd.folios[0].pfn=0x4bd' 'preserved+=0x4bd000/0' -o changed.core",
  ).action(async (file: string, edits: string[], options: SetOptions) => {
    await checkTarget(context, file, options);
    const wanted = edits.map(parseEdit);
    const keepDerived = options.keepDerived ?? false;
    if (await isHandover(context, file, options))
      await editDump(context, command, file, options, (state) =>
        editHandover(state, wanted, { keepDerived }),
      );
    else {
      const state = await openInput(context, file, options);
      const bytes = given(() => setFields(state, wanted, { keepDerived }));
      await writeStream(context, command, file, options, state, bytes);
    }
    context.done(EXIT.fine);
  });
}
