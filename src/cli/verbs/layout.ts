/** `carryover layout`: types as a compiler lays them out. */
import type { Command } from 'commander';
import { typeText } from '../../codec/describe.js';
import {
  ABI,
  ABI_NAMES,
  type ABI as ABIType,
  CarryoverError,
  isCarryoverError,
  type JSONValue,
  planOf,
  type Schema,
} from '../../codec/index.js';
import { formatLayout, layoutOf, sideBySide } from '../../codec/layout.js';
import { suggest } from '../../codec/suggest.js';
import { handoverParts } from '../../formats/handover.js';
import { formats } from '../../formats/index.js';
import { parseABI, type StateCode } from '../../state/index.js';
import { type Context, EXIT, examples, UsageError } from '../context.js';
import { writeAll, writeLines } from '../io.js';
import { jsonText } from '../json-text.js';

interface LayoutOptions {
  readonly abi: readonly string[];
  readonly allAbis?: boolean;
  readonly as?: string;
  readonly json?: boolean;
}

export function addLayout(program: Command, context: Context): void {
  const command = program
    .command('layout')
    .argument('[type]', 'a C type, such as flowside or "struct flowside"; without one, all types are listed')
    .summary('print a type as a compiler lays it out')
    .description(
      'Prints a type of any format as pahole would: offsets, sizes, holes and padding, also in bits. Given --abi twice, two machines side by side.',
    )
    .option(
      '--abi <abi>',
      'the machine (x86_64): x86_64, i386, …, or i386,timeSize=8; twice to compare',
      (value: string, before: readonly string[]) => [...before, value],
      [],
    )
    .option('--all-abis', 'a table: size and alignment on every ABI')
    .option('--as <format>', 'only types of this format')
    .option('--json', 'as JSON');
  examples(
    command,
    'layout',
    'layout tcp_tap_conn',
    'layout udp_flow --abi i386 --abi arm,timeSize=8',
    'layout icmp_ping_flow --all-abis',
  ).action(async (name: string | undefined, options: LayoutOptions) => {
    const types = allTypes(options.as);
    if (name === undefined) {
      if (options.json === true)
        await writeAll(context.io, jsonText(types.map(({ format, name: type }) => `${format}:${type}`)));
      else await writeLines(context.io, list(types, command, context));
    } else {
      const { schema, name: type } = find(types, name);
      await show(type, schema, options, command, context);
    }
    context.done(EXIT.fine);
  });
}

async function show(
  type: string,
  schema: Schema,
  options: LayoutOptions,
  command: Command,
  context: Context,
): Promise<void> {
  if (options.allAbis === true) {
    if (options.abi.length > 0) throw new UsageError('--all-abis and --abi exclude each other');
    const sizes = ABI_NAMES.map((abi) => ({ abi, ...sizeOf(schema, ABI[abi]) }));
    if (options.json === true)
      await writeAll(context.io, jsonText(sizes.map((row): JSONValue => ({ ...row }))));
    else await writeLines(context.io, table(type, schema, sizes, command, context));
    return;
  }
  if (options.abi.length > 2) throw new UsageError('two ABIs can stand side by side, not more');
  const [first = ABI.x86_64, second] = options.abi.map(parseABI);
  const a = layoutOf(schema, first);
  if (options.json === true) {
    // A layout is plain data: numbers, strings and lists, with absent members left out.
    const plain = (layout: unknown): JSONValue => JSON.parse(JSON.stringify(layout)) as JSONValue;
    await writeAll(
      context.io,
      jsonText(second === undefined ? plain(a) : [plain(a), plain(layoutOf(schema, second))]),
    );
    return;
  }
  if (second === undefined) await writeLines(context.io, formatLayout(a).trimEnd().split('\n'));
  else {
    const text = sideBySide(a, layoutOf(schema, second), { a: first.name, b: second.name });
    const style = context.style(command);
    await writeLines(
      context.io,
      text
        .trimEnd()
        .split('\n')
        .map((line, i) =>
          i === 0 ? style.title(line) : line.startsWith('*') ? style.severity.warning(line) : line,
        ),
    );
  }
}

interface Type {
  readonly format: string;
  readonly name: string;
  readonly schema: Schema;
}

function allTypes(as: string | undefined): readonly Type[] {
  const wanted = as?.split('@')[0];
  return [...formats, ...handoverParts]
    .filter((format) => wanted === undefined || format.name === wanted)
    .flatMap((format) =>
      Object.entries(format.types).map(([name, schema]) => ({ format: format.name, name, schema })),
    );
}

/** By the format's name for it, or as C calls it. */
function find(types: readonly Type[], name: string): Type {
  const wanted = name.trim().replace(/\s+/g, ' ');
  const found =
    types.find((type) => type.name === wanted || `${type.format}:${type.name}` === wanted) ??
    types.find((type) => typeText(type.schema) === wanted) ??
    types.find((type) => type.name === wanted.replace(/^(struct|union|enum) /, ''));
  if (found !== undefined) return found;
  const near = suggest(
    wanted.replace(/^(struct|union|enum) /, ''),
    types.map((type) => type.name),
  );
  throw new CarryoverError(
    'type-unknown' satisfies StateCode,
    `there is no type ${JSON.stringify(name)}${near === undefined ? '' : `; did you mean ${near}?`}`,
  );
}

interface Size {
  readonly size: number | null;
  readonly align: number;
}

function sizeOf(schema: Schema, abi: ABIType): Size {
  const { size, align } = planOf(schema, abi);
  return { size: size ?? null, align };
}

function* list(types: readonly Type[], command: Command, context: Context): Generator<string> {
  const style = context.style(command);
  const width = Math.max(0, ...types.map((type) => type.name.length));
  let format = '';
  for (const type of types) {
    if (type.format !== format) yield style.title(type.format);
    format = type.format;
    yield `  ${style.name(type.name.padEnd(width))}  ${typeText(type.schema).padEnd(30)}  ${style.dim(sizesText(type.schema))}`.trimEnd();
  }
}

/** One size if it is the same everywhere, else those that there are. */
function sizesText(schema: Schema): string {
  try {
    const sizes = new Set(ABI_NAMES.map((abi) => sizeOf(schema, ABI[abi]).size ?? 'variable'));
    const texts = [...sizes].map(String);
    return `${texts.join(' or ')}${texts.includes('variable') ? '' : ' bytes'}`;
  } catch (error) {
    // A part that only has a layout inside of another struct.
    if (isCarryoverError(error)) return '';
    throw error;
  }
}

function* table(
  type: string,
  schema: Schema,
  sizes: readonly ({ readonly abi: string } & Size)[],
  command: Command,
  context: Context,
): Generator<string> {
  const style = context.style(command);
  yield style.title(`${type}  ${typeText(schema)}`);
  yield style.dim(`${'abi'.padEnd(12)}${'size'.padStart(8)}${'align'.padStart(8)}`);
  for (const { abi, size, align } of sizes)
    yield `${abi.padEnd(12)}${String(size ?? 'variable').padStart(8)}${String(align).padStart(8)}`;
}
