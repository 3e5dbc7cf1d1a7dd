/** `carryover check`: what is wrong with it, and what that does to the receiver. */
import type { Command } from 'commander';
import type { JSONValue } from '../../codec/index.js';
import { findingToJSON, type State } from '../../state/index.js';
import {
  type Context,
  EXIT,
  type Exit,
  examples,
  type InputOptions,
  inputOptions,
  openInput,
} from '../context.js';
import { findingsText, isFailure, summaryText, wrap } from '../findings-text.js';
import { writeAll, writeLines } from '../io.js';
import { jsonText } from '../json-text.js';

interface CheckOptions extends InputOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly all?: boolean;
}

export function addCheck(program: Command, context: Context): void {
  const command = inputOptions(program.command('check').argument('<file...>', 'inputs, or - for stdin'))
    .summary('say what is wrong with it, and what that does to the receiver')
    .description(
      'Lists what is wrong or odd with inputs: decode errors, broken declarations, and the rules of the format, with what each does to the receiver. Exits with 1 if there is an error or a warning.',
    )
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
        const state = await openInput(context, file, options);
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
