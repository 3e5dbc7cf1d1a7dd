/** `carryover diff`: two states compared by what they mean. */
import type { Command } from 'commander';
import { type Diff, diff, diffDocument } from '../../state/index.js';
import { type Context, EXIT, examples } from '../context.js';
import { diffText } from '../diff-text.js';
import { type DumpOptions, dumpOptions, type Input, openAny } from '../dump-input.js';
import { writeAll, writeLines } from '../io.js';
import { jsonText } from '../json-text.js';

interface DiffVerbOptions extends DumpOptions {
  readonly asB?: string;
  readonly partB?: readonly string[];
  readonly addresses?: boolean;
  readonly bytes?: boolean;
  readonly json?: boolean;
  readonly all?: boolean;
  readonly quiet?: boolean;
}

export function addDiff(program: Command, context: Context): void {
  const command = dumpOptions(
    program
      .command('diff')
      .argument('<a>', 'the one input, or - for stdin')
      .argument('<b>', 'the other input'),
  )
    .summary('say in what two states differ')
    .description(
      'Compares two inputs by what they mean: sessions by name, files by token and content, flows by their endpoints, device trees by names. Where things lie in memory, how they are stored and in which order is not compared, and generations may differ. Exits with 0 if there is no difference, 1 if there is one, 2 if they cannot be compared.',
    )
    .option('--as-b <format>', 'read B as this, where --as is only right for A')
    .option(
      '--part-b <file>',
      'a further file of B, where B is a split kdump; --part is for A',
      (value: string, before: readonly string[] | undefined) => [...(before ?? []), value],
    )
    .option('--addresses', 'compare also where things lie and how they are stored')
    .option('--bytes', 'compare the bytes as well: of streams all, of dumps the pages that were handed over')
    .option('--json', 'the differences as JSON')
    .option('--all', 'all differences, also where many are alike')
    .option('-q, --quiet', 'nothing but the exit code');
  examples(
    command,
    'diff before.elf after.elf',
    'diff --bytes v1.bin v2.bin',
    'diff --json vmcore /sys/kernel/debug/kho | jq .differences[].path',
  ).action(async (fileA: string, fileB: string, options: DiffVerbOptions) => {
    try {
      const { asB, partB, ...forA } = options;
      const { part: _partA, ...both } = forA;
      const forB = {
        ...both,
        ...(asB === undefined ? {} : { as: asB }),
        ...(partB === undefined ? {} : { part: partB }),
      };
      const a = await openAny(context, [fileA], forA);
      const b = await openAny(context, [fileB], forB);
      context.input = undefined;
      const found = diff(a, b, options);
      const names = [nameOf(fileA), nameOf(fileB)] as const;
      if (options.quiet !== true) await show(found, [a, b], names, options, command, context);
      context.done(found.equal ? EXIT.fine : EXIT.findings);
    } catch (error) {
      // 1 says that there is a difference, so what cannot be read must not.
      const exit = context.report(error);
      context.done(exit === EXIT.findings ? EXIT.usage : exit);
    }
  });
}

async function show(
  found: Diff,
  inputs: readonly [Input, Input],
  names: readonly [string, string],
  options: DiffVerbOptions,
  command: Command,
  context: Context,
): Promise<void> {
  if (options.json === true) await writeAll(context.io, jsonText(diffDocument(found, ...inputs, names)));
  else
    await writeLines(
      context.io,
      diffText(found, inputs, names, {
        style: context.style(command),
        columns: context.columns,
        all: options.all ?? false,
      }),
    );
}

function nameOf(file: string): string {
  return file === '-' ? 'stdin' : file;
}
