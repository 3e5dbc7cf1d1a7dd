/** `carryover formats`: what is known. */
import type { Command } from 'commander';
import type { JSONValue } from '../../codec/index.js';
import type { Format } from '../../formats/format.js';
import { formats } from '../../formats/index.js';
import { parseAs } from '../../state/index.js';
import { type Context, EXIT, examples } from '../context.js';
import { wrap } from '../findings-text.js';
import { writeAll, writeLines } from '../io.js';
import { jsonText } from '../json-text.js';

export function addFormats(program: Command, context: Context): void {
  const command = program
    .command('formats')
    .argument('[format]', 'only this one')
    .summary('list formats, their generations and types')
    .description(
      'Lists the formats that are known: their generations with the release or posting each belongs to, and their C types.',
    )
    .option('--json', 'as JSON');
  examples(command, 'formats', 'formats passt').action(
    async (name: string | undefined, options: { readonly json?: boolean }) => {
      const shown = name === undefined ? formats : [parseAs(name).format];
      if (options.json === true) await writeAll(context.io, jsonText(shown.map(jsonOf)));
      else await writeLines(context.io, screen(shown, command, context));
      context.done(EXIT.fine);
    },
  );
}

function jsonOf(format: Format): JSONValue {
  return {
    name: format.name,
    title: format.title,
    generations: format.generations.map(({ name, title, source }) => ({ name, title, source })),
    types: Object.keys(format.types),
    rules: format.rules.map((rule) => rule.name),
  };
}

function* screen(shown: readonly Format[], command: Command, context: Context): Generator<string> {
  const style = context.style(command);
  const { columns } = context;
  for (const [i, format] of shown.entries()) {
    if (i > 0) yield '';
    yield `${style.title(format.name)}  ${format.title}`;
    yield '';
    yield '  generations, for --as:';
    for (const generation of format.generations) {
      yield `    ${style.name(`${format.name}@${generation.name}`)}`;
      for (const line of wrap(generation.title, columns - 8)) yield `        ${line}`;
      for (const line of wrap(generation.source, columns - 8)) yield `        ${style.dim(line)}`;
    }
    yield '';
    yield '  types, for layout:';
    for (const line of wrap(Object.keys(format.types).join(', '), columns - 4)) yield `    ${line}`;
    yield '';
    yield `  ${format.rules.length} rules, for explain; carryover explain lists them`;
  }
}
