/** `carryover reduce`: a dump with only what the handover reaches. */
import type { Command } from 'commander';
import { CONTENT_POLICIES, type ContentPolicy, reduce } from '../../build/index.js';
import { type Context, EXIT, examples, UsageError } from '../context.js';
import { type DumpOptions, dumpOptions, openMemory } from '../dump-input.js';
import { containerOf, writeDump } from '../output.js';

interface ReduceVerbOptions extends DumpOptions {
  readonly output: string;
  readonly container?: string;
  readonly contents: string;
}

export function addReduce(program: Command, context: Context): void {
  const command = dumpOptions(
    program
      .command('reduce')
      .argument('<file...>', 'the dump, or - for stdin; or all parts of a split kdump'),
  )
    .summary('keep only the memory that a handover reaches')
    .description(
      'Writes a dump that has only what the handover reaches: the root, the map, every list and struct, and what was preserved. Such dumps are small, and can be shared where the contents are zeroed, replaced or dropped.',
    )
    .requiredOption('-o, --output <file>', 'where to write it; - is stdout')
    .option(
      '--container <kind>',
      'elf, kdump, lime or raw; by the ending of the file, else elf; .gz compresses',
    )
    .option(
      '--contents <what>',
      'of files and regions: keep them; zero; pattern, where each 8 bytes say their address; or drop',
      'keep',
    );
  examples(
    command,
    'reduce vmcore -o small.elf.gz',
    'reduce vmcore --contents zero -o small.kdump',
    'reduce vmcore --contents drop --container lime -o meta.lime',
  ).action(async (files: string[], options: ReduceVerbOptions) => {
    const container = containerOf(options.output, options.container);
    const contents = policyOf(options.contents);
    const { memory } = await openMemory(context, files, options);
    await writeDump(context, options.output, container, reduce(memory.handover, { contents }));
    context.done(EXIT.fine);
  });
}

function policyOf(text: string): ContentPolicy {
  const found = CONTENT_POLICIES.find((policy) => policy === text);
  if (found === undefined)
    throw new UsageError(`--contents is one of ${CONTENT_POLICIES.join(', ')}, not ${JSON.stringify(text)}`);
  return found;
}
