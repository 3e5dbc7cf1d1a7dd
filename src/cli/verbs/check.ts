/** `carryover check`: what is wrong with it, and what that does to the receiver. */
import type { Command } from 'commander';
import type { JSONValue } from '../../codec/index.js';
import { findingToJSON, type State } from '../../state/index.js';
import { type Context, EXIT, type Exit, examples, UsageError } from '../context.js';
import { type DumpOptions, dumpOptions, openAny } from '../dump-input.js';
import { findingsText, isFailure, summaryText, wrap } from '../findings-text.js';
import { checkHandoverJSON, checkHandoverScreen, failsCheck } from '../handover-verbs.js';
import { writeAll, writeLines } from '../io.js';
import { jsonText } from '../json-text.js';

interface CheckOptions extends DumpOptions {
  readonly receiver?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly all?: boolean;
}

export function addCheck(program: Command, context: Context): void {
  const command = dumpOptions(program.command('check').argument('<file...>', 'inputs, or - for stdin'))
    .summary('say what is wrong with it, and what that does to the receiver')
    .description(
      'Lists what is wrong or odd with inputs: decode errors, broken declarations, and the rules of the format, with what each does to the receiver. Exits with 1 if there is an error or a warning.',
    )
    .option('--receiver <release>', 'what a kernel of this release does with a handover: 6.16 to 7.3')
    .option('--json', 'the findings as JSON')
    .option('--all', 'all findings of rules that are broken many times')
    .option('-q, --quiet', 'nothing but the exit code');
  examples(
    command,
    'check stream.bin',
    'check --json stream.bin | jq .findings',
    'explain passt/pif-none',
  ).action(async (files: string[], options: CheckOptions) => {
    let worst: Exit = EXIT.fine;
    const documents: JSONValue[] = [];
    for (const file of files)
      try {
        const input = await openAny(context, [file], options);
        if (input.kind === 'handover') {
          const { state } = input;
          const { receiver, all = false } = options;
          if (failsCheck(state, receiver)) worst = worse(worst, EXIT.findings);
          if (options.quiet === true) continue;
          const name = file === '-' ? 'stdin' : file;
          if (options.json === true) documents.push(checkHandoverJSON(state, name, receiver));
          else
            await writeLines(context.io, checkHandoverScreen(context, command, state, name, receiver, all));
          continue;
        }
        const { state } = input;
        if (options.receiver !== undefined)
          throw new UsageError(
            '--receiver is for memory dumps; the verdict on other inputs names their targets',
          );
        if (isFailure(state.findings)) worst = worse(worst, EXIT.findings);
        if (options.quiet === true) continue;
        if (options.json === true) documents.push(jsonOf(state, file));
        else await writeLines(context.io, screen(state, file, options.all ?? false, command, context));
      } catch (error) {
        // What one input is must not keep the others from being looked at.
        worst = worse(worst, context.report(error));
      }
    const [first] = documents;
    if (first !== undefined) await writeAll(context.io, jsonText(files.length === 1 ? first : documents));
    context.done(worst);
  });
}

/** The exit code that says more. */
function worse(one: Exit, other: Exit): Exit {
  return other > one ? other : one;
}

function jsonOf(state: State, file: string): JSONValue {
  return {
    file,
    format: state.reading.format,
    generation: state.reading.generation,
    verdict: [...state.verdict],
    findings: state.findings.map(findingToJSON),
  };
}

function* screen(
  state: State,
  file: string,
  all: boolean,
  command: Command,
  context: Context,
): Generator<string> {
  const style = context.style(command);
  const { reading, findings } = state;
  yield `${style.title(file === '-' ? 'stdin' : file)}: ${reading.format}@${reading.generation}: ${summaryText(findings, style)}`;
  for (const text of state.verdict)
    for (const [i, line] of wrap(text, context.columns - 4).entries())
      yield `${i === 0 ? '  ' : '    '}${line}`;
  yield* findingsText(findings, style, context.columns, all);
}
