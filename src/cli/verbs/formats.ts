/** `carryover formats`: what is known. */
import type { Command } from 'commander';
import type { JSONValue } from '../../codec/index.js';
import { type HandoverPart, handoverParts } from '../../formats/handover.js';
import { formats } from '../../formats/index.js';
import { RECEIVERS, type Receiver } from '../../formats/kho/index.js';
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
      'Lists the formats that are known; of one, its generations with the release or posting each belongs to, and its C types.',
    )
    .option('--json', 'as JSON');
  examples(command, 'formats', 'formats passt', 'formats iommu').action(
    async (name: string | undefined, options: { readonly json?: boolean }) => {
      const shown = partsNamed(name);
      const receivers = shown.some((part) => part.name === 'kho') ? RECEIVERS : [];
      if (options.json === true) await writeAll(context.io, jsonText(shown.map((part) => jsonOf(part))));
      else if (name === undefined) await writeLines(context.io, overview(shown, command, context));
      else await writeLines(context.io, screen(shown, receivers, command, context));
      context.done(EXIT.fine);
    },
  );
}

/** What is read as one value, and what lies in memory. */
function partsNamed(name: string | undefined): readonly HandoverPart[] {
  if (name === undefined) return [...formats, ...handoverParts];
  const part = handoverParts.find((each) => each.name === name.split('@')[0]);
  return [part ?? parseAs(name).format];
}

function jsonOf(format: HandoverPart): JSONValue {
  return {
    name: format.name,
    title: format.title,
    generations: format.generations.map(({ name, title, source }) => ({ name, title, source })),
    types: Object.keys(format.types),
    rules: format.rules.map((rule) => rule.name),
    ...(format.name === 'kho'
      ? {
          receivers: RECEIVERS.map((receiver) => ({
            ...receiver,
            luo: receiver.luo ?? null,
            memfd: receiver.memfd ?? null,
            test: receiver.test ?? null,
          })),
        }
      : {}),
  };
}

/** A line for each, with the names of its generations. */
function* overview(
  shown: readonly HandoverPart[],
  command: Command,
  { style, columns }: Context,
): Generator<string> {
  const { name: strong, dim } = style(command);
  const width = Math.max(...shown.map(({ name }) => name.length)) + 2;
  for (const { name, title, generations } of shown) {
    yield `${strong(name.padEnd(width))}${title}`;
    const names = generations.map((generation) => generation.name).join(', ');
    for (const line of wrap(names, columns - width)) yield `${' '.repeat(width)}${dim(line)}`;
  }
  yield '';
  yield dim('carryover formats FORMAT tells of its generations, types and rules');
}

function* screen(
  shown: readonly HandoverPart[],
  receivers: readonly Receiver[],
  command: Command,
  context: Context,
): Generator<string> {
  const style = context.style(command);
  const { columns } = context;
  for (const [i, format] of shown.entries()) {
    if (i > 0) yield '';
    yield `${style.title(format.name)}  ${format.title}`;
    yield '';
    yield format.forcible === true || isFormat(format) ? '  generations, for --as:' : '  generations:';
    for (const generation of format.generations) {
      yield `    ${style.name(`${format.name}@${generation.name}`)}`;
      for (const line of wrap(generation.title, columns - 8)) yield `        ${line}`;
      for (const line of wrap(generation.source, columns - 8)) yield `        ${style.dim(line)}`;
    }
    yield '';
    yield '  types, for layout:';
    const types = Object.keys(format.types);
    for (const line of wrap(types.length === 0 ? 'none' : types.join(', '), columns - 4)) yield `    ${line}`;
    yield '';
    yield `  ${format.rules.length} rules, for explain; carryover explain lists them`;
  }
  if (receivers.length === 0) return;
  yield '';
  yield `${style.title('receivers')}  of kho, for check --receiver`;
  for (const { release, root, luo, memfd } of receivers)
    yield `    ${style.name(release.padEnd(6))}${[root, luo ?? 'no LUO', ...(memfd === undefined ? [] : [memfd])].join(', ')}`;
}

function isFormat(part: HandoverPart): boolean {
  return formats.some(({ name }) => name === part.name);
}
