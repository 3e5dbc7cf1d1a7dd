/** `carryover convert`: the same value as another machine or generation writes it. */
import type { Command } from 'commander';
import { convert, type Edit, parseEdit } from '../../state/index.js';
import { abiOption, type Context, EXIT, examples, openInput, UsageError, writeBytes } from '../context.js';
import { refuseDump } from '../dump-input.js';

interface ConvertOptions {
  readonly as?: string;
  readonly from?: string;
  readonly abi?: string;
  readonly to?: string;
  readonly set: readonly string[];
  readonly output: string;
}

export function addConvert(program: Command, context: Context): void {
  const command = program
    .command('convert')
    .argument('<file>', 'the input, or - for stdin')
    .summary('write the same value as another ABI or generation has it')
    .description(
      'Writes the value of an input as another machine or another generation of its format would. Magic numbers, counts and the hints for the ABI are those of the target.',
    )
    .option('--as <format>', 'read it as FORMAT or FORMAT@GENERATION, whatever it looks like')
    .option('--from <abi>', 'the machine that wrote the input, whatever it looks like')
    .option('--abi <abi>', 'the machine to write it for: x86_64, s390x, …, or i386,timeSize=8')
    .option('--to <format@generation>', 'the generation to write')
    .option(
      '--set <path=value>',
      'a field that the target has and the input has not; [*] is every element',
      (value: string, before: readonly string[]) => [...before, value],
      [],
    )
    .option('-o, --output <file>', 'where to write it; - is stdout', '-');
  examples(
    command,
    'convert --abi powerpc draft.bin -o draft-powerpc.bin',
    'convert --from s390x --abi x86_64 stream.bin -o stream-le.bin',
    "convert --to passt@v2 --set 'flows[*].ext.timestamp=0' --set header.version=2 --set header.compat_version=2 v1.bin -o v2.bin",
  ).action(async (file: string, options: ConvertOptions) => {
    if (options.abi === undefined && options.to === undefined)
      throw new UsageError('convert to what? Give --abi, or --to, or both');
    const edits: Edit[] = options.set.map(parseEdit);
    await refuseDump(context, file, options.as);
    const state = await openInput(context, file, {
      ...(options.as === undefined ? {} : { as: options.as }),
      ...(options.from === undefined ? {} : { abi: options.from }),
    });
    const { bytes, notes } = convert(state, { abi: abiOption(options.abi), to: options.to, edits });
    for (const note of notes) context.io.writeError(`carryover: note: ${note}\n`);
    await writeBytes(context, options.output, bytes);
    context.done(EXIT.fine);
  });
}
