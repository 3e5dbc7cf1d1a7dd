/** `carryover explain`: what an error code or a rule means. */
import type { Command } from 'commander';
import { BUILD_CODES } from '../../build/index.js';
import { CHECK_CODES, CODES } from '../../codec/codes.js';
import { CarryoverError, type JSONValue } from '../../codec/index.js';
import { suggest } from '../../codec/suggest.js';
import { FDT_CODES } from '../../formats/fdt/index.js';
import type { Severity } from '../../formats/format.js';
import { handoverParts } from '../../formats/handover.js';
import { formats } from '../../formats/index.js';
import { KHO_CODES } from '../../formats/kho/index.js';
import { PGTABLE_CODES } from '../../formats/pgtable/index.js';
import { MEMORY_CODES } from '../../memory/index.js';
import { STATE_CODES, type StateCode } from '../../state/index.js';
import { type Context, EXIT, examples } from '../context.js';
import { wrap } from '../findings-text.js';
import { writeAll, writeLines } from '../io.js';
import { jsonText } from '../json-text.js';

interface Entry {
  readonly name: string;
  readonly title: string;
  readonly text: string;
  readonly severity: Severity | undefined;
}

function entries(): readonly Entry[] {
  const codes = {
    ...CODES,
    ...CHECK_CODES,
    ...MEMORY_CODES,
    ...FDT_CODES,
    ...KHO_CODES,
    ...PGTABLE_CODES,
    ...STATE_CODES,
    ...BUILD_CODES,
  };
  return [
    ...Object.entries(codes).map(([name, { title, text }]) => ({ name, title, text, severity: undefined })),
    ...[...formats, ...handoverParts].flatMap((format) =>
      format.rules.map(({ name, title, text, severity }) => ({ name, title, text, severity })),
    ),
  ];
}

export function addExplain(program: Command, context: Context): void {
  const command = program
    .command('explain')
    .argument('[name]', 'an error code, or a rule')
    .summary('say what an error code or a rule means')
    .description(
      'Says what an error code or a rule means, what must hold, and what a receiver does where it does not. Without a name, lists all.',
    )
    .option('--json', 'as JSON');
  examples(command, 'explain', 'explain truncated', 'explain decode/truncated').action(
    async (name: string | undefined, options: { readonly json?: boolean }) => {
      const all = entries();
      const shown = name === undefined ? all : [find(all, name)];
      if (options.json === true)
        await writeAll(
          context.io,
          jsonText(shown.map((entry): JSONValue => ({ ...entry, severity: entry.severity ?? null }))),
        );
      else
        await writeLines(
          context.io,
          name === undefined ? list(shown, command, context) : one(shown, command, context),
        );
      context.done(EXIT.fine);
    },
  );
}

/** Findings of decoding are named `decode/CODE`; either is taken. */
function find(all: readonly Entry[], name: string): Entry {
  const wanted = name.replace(/^decode\//, '');
  const found = all.find((entry) => entry.name === wanted);
  if (found !== undefined) return found;
  const near = suggest(
    wanted,
    all.map((entry) => entry.name),
  );
  throw new CarryoverError(
    'code-unknown' satisfies StateCode,
    `nothing is known by the name ${JSON.stringify(name)}${near === undefined ? '' : `; did you mean ${near}?`}`,
  );
}

function* list(all: readonly Entry[], command: Command, context: Context): Generator<string> {
  const style = context.style(command);
  const width = Math.max(...all.map((entry) => entry.name.length));
  for (const { name, title, severity } of all) {
    const paint = severity === undefined ? style.name : style.severity[severity];
    yield `${paint(name.padEnd(width))}  ${title}`;
  }
}

function* one([entry]: readonly Entry[], command: Command, context: Context): Generator<string> {
  if (entry === undefined) return;
  const style = context.style(command);
  yield `${style.title(entry.name)}${entry.severity === undefined ? '' : `  ${style.severity[entry.severity](entry.severity)}`}`;
  yield entry.title;
  yield '';
  yield* wrap(entry.text, Math.min(context.columns, 100));
}
