/** `carryover decode`: the value as a tree, or as JSON. */
import type { Command } from 'commander';
import { type JSONValue, pathText } from '../../codec/index.js';
import { type Node, nodeAt, type State, toDocument, valueToJSON } from '../../state/index.js';
import { type Context, EXIT, examples, parseCount, UsageError } from '../context.js';
import { type DumpOptions, dumpOptions, openAny } from '../dump-input.js';
import { findingsText, isFailure, summaryText } from '../findings-text.js';
import { decodeHandover } from '../handover-verbs.js';
import { headerText } from '../header-text.js';
import { writeAll, writeLines } from '../io.js';
import { jsonText } from '../json-text.js';
import { offsetDigits, treeText } from '../tree-text.js';
import { writeSpec } from '../write-spec.js';

interface DecodeOptions extends DumpOptions {
  readonly json?: boolean;
  readonly names?: boolean;
  readonly full?: boolean;
  readonly all?: boolean;
  readonly depth?: number;
  readonly path?: string;
  readonly spec?: boolean;
  readonly addresses?: boolean;
  readonly inline?: number;
}

export function addDecode(program: Command, context: Context): void {
  const command = dumpOptions(
    program
      .command('decode', { isDefault: true })
      .argument('<file...>', 'the input, or - for stdin; or all parts of a split kdump'),
  )
    .summary('show what is in it, as a tree or as JSON')
    .description('Shows what is in an input: as a tree for people, or as JSON for programs and for encode.')
    .option('--json', 'one JSON document; encode makes the same bytes from it')
    .option('--names', 'in JSON, names of enum members and flags instead of integers')
    .option('--full', 'sizes and C types as well; in JSON, where every part lies')
    .option('--all', 'long lists and all findings in full, and padding also where it is zero')
    .option('--depth <levels>', 'levels that are shown', parseCount)
    .option('--path <path>', 'only the part at this path, such as flows[0].ext')
    .option('--spec', 'of a memory dump or a stream of passt, the description that build would make it from')
    .option('--addresses', 'in a description, where everything is; without, it is put elsewhere')
    .option(
      '--inline <bytes>',
      'in a description, bytes of the content of each file that are written out; 64 KiB if not given',
      parseCount,
    );
  examples(
    command,
    'decode stream.bin',
    "decode --path 'flows[0].ext' stream.bin",
    'decode --json --names stream.bin | jq .value.flows[].events',
    'decode --spec vmcore > state.yaml',
    'stream.bin                     (the same as decode stream.bin)',
  ).action(async (files: string[], options: DecodeOptions) => {
    const [file = '-'] = files;
    const input = await openAny(context, files, options);
    for (const name of ['addresses', 'inline'] as const)
      if (options[name] !== undefined && options.spec !== true)
        throw new UsageError(`--${name} goes with --spec`);
    if (options.spec === true) {
      await writeSpec(context, input, options);
      return context.done(EXIT.fine);
    }
    if (input.kind === 'handover') {
      const name = file === '-' ? 'stdin' : file;
      context.done(await decodeHandover(context, command, input.state, name, options));
      return;
    }
    const { state } = input;
    const node = options.path === undefined ? state.root : nodeAt(state.root, options.path);
    if (options.json === true) await writeAll(context.io, jsonText(jsonOf(state, node, options)));
    else await writeLines(context.io, screen(state, node, file, options, command, context));
    context.done(isFailure(state.findings) ? EXIT.findings : EXIT.fine);
  });
}

function jsonOf(state: State, node: Node, options: DecodeOptions): JSONValue {
  if (options.path === undefined) return toDocument(state, { names: options.names, full: options.full });
  return partOf(valueToJSON(state, { names: options.names }), node);
}

/** The part of the JSON of a value that a node shows. */
export function partOf(json: JSONValue, node: Node): JSONValue {
  let part: JSONValue | undefined = json;
  for (const key of node.path)
    part =
      typeof part === 'object' && part !== null
        ? (part as { readonly [key: string]: JSONValue })[key]
        : undefined;
  return part ?? null;
}

function* screen(
  state: State,
  node: Node,
  file: string,
  options: DecodeOptions,
  command: Command,
  context: Context,
): Generator<string> {
  const style = context.style(command);
  const { columns } = context;
  const { findings } = state;
  if (options.path === undefined) {
    yield* headerText(state, file === '-' ? 'stdin' : file, style, columns);
    if (options.depth !== 0) yield '';
  }
  yield* treeText(node, {
    style,
    depth: options.depth ?? Number.POSITIVE_INFINITY,
    all: options.all ?? false,
    full: options.full ?? false,
    findings,
    digits: offsetDigits(state.bytes.length),
  });
  const below = pathText(node.path);
  const here = below === '' ? findings : findings.filter((finding) => finding.path.startsWith(below));
  if (options.path !== undefined && here.length === 0) return;
  yield '';
  yield summaryText(here, style);
  yield* findingsText(here, style, columns, options.all ?? false);
}
