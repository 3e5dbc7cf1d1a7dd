/** `carryover convert`: the same value as another machine or generation writes it. */
import type { Command } from 'commander';
import { convert, type Edit, parseEdit } from '../../state/index.js';
import { abiOption, type Context, EXIT, examples, UsageError, writeBytes } from '../context.js';
import { convertDump, type DumpTarget } from '../convert-dump.js';
import { openAny } from '../dump-input.js';

interface ConvertOptions extends DumpTarget {
  readonly as?: string;
  readonly from?: string;
  readonly raw?: string;
  readonly set: readonly string[];
}

export function addConvert(program: Command, context: Context): void {
  const command = program
    .command('convert')
    .argument('<file>', 'the input, or - for stdin')
    .summary('write the same state as another ABI, generation or kernel has it')
    .description(
      'Writes the value of an input as another machine or another generation of its format would. Magic numbers, counts and the hints for the ABI are those of the target. Of a memory dump, the state is laid out anew; what has no place in the target is listed.',
    )
    .option('--as <format>', 'read it as FORMAT or FORMAT@GENERATION, whatever it looks like')
    .option('--from <abi>', 'the machine that wrote the input, whatever it looks like')
    .option('--abi <abi>', 'the machine to write it for: x86_64, s390x, …, or i386,timeSize=8')
    .option(
      '--to <format@generation>',
      'the generation to write; of memory dumps one for each part: kho, luo, memfd, iommu, pci, …',
      (value: string, before: readonly string[]) => [...before, value],
      [],
    )
    .option(
      '--set <path=value>',
      'a field that the target has and the input has not; [*] is every element',
      (value: string, before: readonly string[]) => [...before, value],
      [],
    )
    .option('-o, --output <file>', 'where to write it; - is stdout', '-')
    .optionsGroup('Options for memory dumps:')
    .option('--raw <base>', 'it is raw memory, from this physical address on')
    .option('--kernel <release>', 'the release of Linux to write it for: 6.16 to 7.3')
    .option('--page-size <bytes>', 'of the machine to write it for: 4096, 16384 or 65536')
    .option('--container <kind>', 'elf, kdump, lime or raw; by the ending of the file, else elf')
    .optionsGroup('Options:');
  examples(
    command,
    'convert --abi powerpc draft.bin -o draft-powerpc.bin',
    'convert --from s390x --abi x86_64 stream.bin -o stream-le.bin',
    "convert --to passt@v2 --set 'flows[*].ext.timestamp=0' --set header.version=2 --set header.compat_version=2 v1.bin -o v2.bin",
    'convert --kernel 7.2 vmcore-7.1 -o vmcore-7.2.elf',
    'convert --to iommu@E --to vfio-pci@v1-reset vmcore -o other.elf',
    'convert --to kho@v1b --abi aarch64 --page-size 65536 vmcore -o other.elf',
  ).action(async (file: string, options: ConvertOptions) => {
    const input = await openAny(context, [file], {
      ...(options.as === undefined ? {} : { as: options.as }),
      ...(options.from === undefined ? {} : { abi: options.from }),
      ...(options.raw === undefined ? {} : { raw: options.raw }),
    });
    if (input.kind === 'handover') {
      if (options.set.length > 0) throw new UsageError('--set is for streams; set changes fields of dumps');
      await convertDump(context, input.state, options);
      return context.done(EXIT.fine);
    }
    for (const name of ['kernel', 'pageSize', 'container'] as const)
      if (options[name] !== undefined)
        throw new UsageError(`--${name === 'pageSize' ? 'page-size' : name} is for memory dumps`);
    if (options.abi === undefined && options.to.length === 0)
      throw new UsageError('convert to what? Give --abi, or --to, or both');
    const [to, ...others] = options.to;
    if (others.length > 0) throw new UsageError('a stream is of one format: give --to once');
    const edits: Edit[] = options.set.map(parseEdit);
    const { state } = input;
    const { bytes, notes } = convert(state, { abi: abiOption(options.abi), to, edits });
    for (const note of notes) context.io.writeError(`carryover: note: ${note}\n`);
    await writeBytes(context, options.output, bytes);
    context.done(EXIT.fine);
  });
}
