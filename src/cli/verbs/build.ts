/** `carryover build`: from a description of a state to its bytes. */
import { dirname, isAbsolute, join } from 'node:path/posix';
import type { Command } from 'commander';
import {
  type BuiltDocument,
  type BuiltHandover,
  buildDocument,
  contentsOfBuilt,
  DOCUMENT_KINDS,
  debugfsOf,
  documentSchema,
  filesIn,
  readDocument,
  specTextOf,
  tablesOf,
} from '../../build/index.js';
import { isCarryoverError } from '../../codec/index.js';
import type { LazyContent } from '../../memory/index.js';
import { type Context, EXIT, examples, FileError, readBytes, reasonOf, UsageError } from '../context.js';
import { writeAll, writeLines } from '../io.js';
import { jsonText } from '../json-text.js';
import { containerOf, writeDump, writePieces } from '../output.js';

interface BuildVerbOptions {
  readonly output: string;
  readonly container?: string;
  readonly schema?: boolean;
  readonly keys?: boolean;
}

export function addBuild(program: Command, context: Context): void {
  const command = program
    .command('build')
    .argument('[spec]', 'YAML or JSON, or - for stdin')
    .summary('make an image, or a stream, from a description of its state')
    .description(
      'Makes the memory that a kernel would leave, or the stream that passt would send: every page, pointer, list, bitmap and count follows from a short description. An empty spec is a handover of the newest kernel that preserves nothing; one with the key passt is a stream.',
    )
    .option('-o, --output <file>', 'where to write it; - is stdout', '-')
    .option(
      '--container <kind>',
      'elf, kdump, lime, raw, or debugfs for a directory; by the ending of the file, else elf; .gz compresses',
    )
    .option('--schema', 'print the JSON Schema of specs, for editors')
    .option('--keys', 'print what a spec may say');
  examples(
    command,
    'build vm.yaml -o vm.elf',
    'build vm.yaml -o vm.kdump',
    'build vm.yaml --container debugfs -o kho/',
    'build connections.yaml -o stream.bin',
    "build --schema > carryover.schema.json  # in a spec: '# yaml-language-server: $schema=carryover.schema.json'",
    'build --keys',
  ).action(async (file: string | undefined, options: BuildVerbOptions) => {
    const { io } = context;
    if (options.schema === true) {
      await writeAll(io, jsonText(documentSchema()));
      return context.done(EXIT.fine);
    }
    if (options.keys === true) {
      await writeLines(io, keyLines());
      return context.done(EXIT.fine);
    }
    if (file === undefined) throw new UsageError('build takes a spec; --keys prints what it may say');
    const isDirectory = options.container === 'debugfs';
    if (isDirectory && options.output === '-')
      throw new UsageError('a directory needs a name: give it with -o');
    const container = isDirectory ? 'elf' : containerOf(options.output, options.container);
    const document = await buildFile(context, file);
    if (document.kind === 'passt') {
      if (options.container !== undefined)
        throw new UsageError('--container is for memory; a stream of passt is written as it is');
      await writePieces(context, options.output, [document.bytes]);
    } else if (isDirectory) await writeDirectory(context, options.output, document.built);
    else await writeDump(context, options.output, container, contentsOfBuilt(document.built));
    context.done(EXIT.fine);
  });
}

async function buildFile(context: Context, file: string): Promise<BuiltDocument> {
  const document = readDocument(specTextOf(await readBytes(context, file)));
  const contents = new Map<string, LazyContent>();
  for (const { name, path } of filesIn(document)) {
    try {
      contents.set(name, await contentOf(context, besides(file, name)));
    } catch (error) {
      const place = document.places.get(path);
      if (!(error instanceof FileError) || place === undefined) throw error;
      throw new FileError(
        `${file}: ${path}: ${error.message}, in line ${place.line}, column ${place.column}`,
        { cause: error },
      );
    }
  }
  return buildDocument(document, {
    readFile: (name) => {
      const content = contents.get(name);
      if (content === undefined) throw new FileError(`${name}: there is no such file`);
      return content;
    },
  });
}

/** Files are named from the directory of the spec. */
function besides(spec: string, name: string): string {
  return isAbsolute(name) || spec === '-' ? name : join(dirname(spec), name);
}

/** The content of a file, read in pieces when it is written. */
async function contentOf({ io, inputs }: Context, path: string): Promise<LazyContent> {
  try {
    inputs.push(path);
    const opened = await io.openPath(path);
    if (opened.kind === 'file') {
      const { source } = opened;
      return {
        size: BigInt(source.size),
        read: (offset, out) => out.set(source.read(Number(offset), out.length)),
      };
    }
    throw new FileError(`${path}: this is no ordinary file`);
  } catch (error) {
    if (error instanceof FileError || isCarryoverError(error)) throw error;
    throw new FileError(`${path}: ${reasonOf(error)}`, { cause: error });
  }
}

async function writeDirectory({ io }: Context, directory: string, built: BuiltHandover): Promise<void> {
  const made = debugfsOf(built);
  // What an earlier state left there would be taken for a part of this one.
  const there = await io.openPath(directory).catch(() => undefined);
  const other =
    there?.kind === 'directory' ? [...there.files.keys()].find((path) => !made.has(path)) : undefined;
  if (other !== undefined)
    throw new FileError(`${directory}: it has ${other} already, which is no part of this state`);
  try {
    for (const [path, bytes] of made) {
      const file = join(directory, path);
      await io.makeDirectory(dirname(file));
      await io.writeFile(file, bytes);
    }
  } catch (error) {
    throw new FileError(`${directory}: ${reasonOf(error)}`, { cause: error });
  }
}

function* keyLines(): Iterable<string> {
  const tables = [DOCUMENT_KINDS.handover, DOCUMENT_KINDS.passt].flatMap(({ shape }) => tablesOf(shape));
  const told = new Set<string>();
  for (const { name, doc, rows } of tables) {
    // What both have, such as contents, is told once.
    if (told.has(name)) continue;
    told.add(name);
    yield `${name}: ${doc}`;
    const width = Math.max(...rows.map(({ key }) => key.length));
    for (const row of rows)
      yield `  ${row.key.padEnd(width)}  ${row.required ? 'needed; ' : ''}${row.value}: ${row.doc}`;
    yield '';
  }
}
