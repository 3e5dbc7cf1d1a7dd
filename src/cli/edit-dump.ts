/** Writing an edited dump: into a copy, or into the file itself, in the container that it came in. */
import type { Command } from 'commander';
import {
  type Edited,
  type FileWrite,
  fileWrites,
  findingsChanged,
  innerSource,
  rewritten,
  rewrittenAs,
} from '../build/edit/index.js';
import { isCarryoverError } from '../codec/index.js';
import type { Source } from '../memory/index.js';
import type { HandoverState } from '../state/index.js';
import { type Context, FileError, reasonOf, UsageError } from './context.js';
import { type DumpOptions, openMemory } from './dump-input.js';
import { stepsText, writesText } from './edit-text.js';
import { findingsText } from './findings-text.js';
import { type OutputFile, writeLines } from './io.js';
import { patched, writePatched } from './patched-copy.js';

export interface WriteOptions {
  readonly output?: string;
  readonly inPlace?: boolean;
  readonly dryRun?: boolean;
}

/** Checks where the result is to go. A copy never takes the place of what it is a copy of. */
export async function checkTarget(
  { io }: Context,
  file: string,
  { output, inPlace = false, dryRun = false }: WriteOptions,
): Promise<void> {
  if (inPlace && output !== undefined) throw new UsageError('give either -o FILE or --in-place');
  if (!dryRun && !inPlace && output === undefined)
    throw new UsageError(
      'where to? Give either -o FILE or --in-place; --dry-run only shows what would change',
    );
  if (inPlace && file === '-') throw new UsageError('stdin cannot be changed in place');
  if (output !== undefined && output !== '-' && file !== '-' && (await io.isSameFile(file, output)))
    throw new UsageError(`${output} is the input itself, which is only changed with --in-place`);
}

/** Opens a dump, edits it, and shows or writes the result. */
export async function editDump(
  context: Context,
  command: Command,
  file: string,
  options: DumpOptions & WriteOptions,
  edit: (state: HandoverState) => Edited,
): Promise<void> {
  const state = await openMemory(context, [file], options);
  const edited = given(() => edit(state));
  const container = rewrittenAs(state.memory.image);
  if (container !== undefined) {
    if (options.dryRun === true)
      await preview(context, command, state, edited, `the dump is written anew, as ${NAMES[container]}`);
    else await writeAnew(context, options, edited, container);
    return;
  }
  const opened = await context.io.openPath(file);
  if (opened.kind !== 'file') throw new UsageError('a dump is changed in a file; save it to one first');
  try {
    const inner = innerSource(state.memory.image, opened.source);
    const writes = given(() => fileWrites(edited.image, edited.changes, inner));
    if (options.dryRun === true)
      await preview(context, command, state, edited, writesText(writes, inner.size));
    else await writeDump(context, file, options, state, writes, opened.source, inner);
  } finally {
    opened.source.close();
  }
}

const NAMES = { lime: 'LiME', kdump: 'one kdump' } as const;

/** Writes all of the memory, in a container that need not be the one that it came in. */
async function writeAnew(
  context: Context,
  { output, inPlace = false }: WriteOptions,
  { image }: Edited,
  container: 'lime' | 'kdump',
): Promise<void> {
  if (inPlace || output === undefined)
    throw new UsageError(
      `the dump is not changed in place, but written anew, as ${NAMES[container]}; give -o FILE`,
    );
  const { io } = context;
  if (output === '-' && io.stdoutIsTTY) throw toTerminal();
  const target = output === '-' ? streamOf(context) : await createFile(context, output);
  try {
    for (const piece of rewritten(image, container)) await target.write(piece);
    await target.done();
  } catch (error) {
    await target.abandon();
    throw told(output, error);
  }
}

async function createFile({ io }: Context, path: string): Promise<OutputFile> {
  try {
    return await io.createFile(path);
  } catch (error) {
    throw told(path, error);
  }
}

function told(target: string, error: unknown): unknown {
  if (isCarryoverError(error) || error instanceof UsageError) return error;
  return new FileError(`${target}: ${reasonOf(error)}`, { cause: error });
}
function toTerminal(): UsageError {
  return new UsageError('these are bytes, and stdout is a terminal: give a file with -o, or a pipe');
}

async function preview(
  context: Context,
  command: Command,
  state: HandoverState & { readonly memory: NonNullable<HandoverState['memory']> },
  edited: Edited,
  written: string,
): Promise<void> {
  const style = context.style(command);
  const { columns } = context;
  const { added, removed, broken } = findingsChanged(state, edited);
  await writeLines(context.io, [
    ...stepsText(edited, state.memory.image, style, columns),
    '',
    written,
    ...(broken === undefined ? [] : [style.severity.error(`it cannot be decoded afterwards: ${broken}`)]),
    ...(added.length === 0
      ? []
      : ['found afterwards, and not before:', ...findingsText(added, style, columns, false)]),
    ...(removed.length === 0
      ? []
      : [`not found any more: ${[...new Set(removed.map(({ rule }) => rule))].join(', ')}`]),
  ]);
}

async function writeDump(
  context: Context,
  file: string,
  { output, inPlace = false }: WriteOptions,
  state: HandoverState,
  writes: readonly FileWrite[],
  source: Source,
  inner: Source,
): Promise<void> {
  const { io } = context;
  const target = inPlace ? file : (output ?? '-');
  const isWrapped = inner !== source;
  const layers = state.memory?.image.layers ?? [];
  try {
    if (target === '-') {
      if (io.stdoutIsTTY) throw toTerminal();
      await writePatched(streamOf(context), inner, writes);
    } else if (!isWrapped) {
      if (inPlace) await io.changePatched(file, writes);
      else await io.copyPatched(file, target, writes);
    } else if (inPlace && !(layers.length === 2 && layers[0] === 'gzip'))
      throw new UsageError(
        `a ${[...layers].reverse().join(' in ')} is not changed in place: it comes out as a kdump of its own; give -o FILE`,
      );
    else if (inPlace || target.endsWith('.gz')) await io.writeFile(target, io.gzip(wholeOf(inner, writes)));
    else await writePatched(await io.createFile(target), inner, writes);
  } catch (error) {
    throw told(target, error);
  }
}

/** What is compressed again has to fit in memory. */
const MAX_WHOLE = 2 ** 30;
function wholeOf(inner: Source, writes: readonly FileWrite[]): Uint8Array {
  if (inner.size > MAX_WHOLE)
    throw new UsageError(
      'the dump is too large to be compressed again: give a name that does not end in .gz',
    );
  return patched(inner, writes);
}

/** Standard output as a file: holes are zeros. */
function streamOf({ io }: Context): OutputFile {
  return {
    write: async (bytes: Uint8Array) => {
      await io.write(bytes);
    },
    skip: async (length: number) => {
      const zeros = new Uint8Array(Math.min(length, 1 << 20));
      for (let done = 0; done < length; done += zeros.length)
        await io.write(zeros.subarray(0, Math.min(zeros.length, length - done)));
    },
    done: async () => undefined,
    abandon: async () => undefined,
  };
}

/** What does not fit was given on the command line, and is no fault of the input. */
export function given<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (isCarryoverError(error) && /^(value|count|slack|edit)-/.test(error.code))
      throw new UsageError(error.message, { cause: error });
    throw error;
  }
}
