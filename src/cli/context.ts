/** What every verb works with: the system, the style, the options that all verbs share. */
import type { Command } from 'commander';
import { type ABI, CarryoverError } from '../codec/index.js';
import { open, parseABI, type State } from '../state/index.js';
import type { IO } from './io.js';
import { type ColorMode, makeStyle, type Style, wantsColor } from './style.js';

/** Exit codes, as scripts see them. */
export const EXIT = { fine: 0, findings: 1, usage: 2, bug: 3 } as const;
export type Exit = (typeof EXIT)[keyof typeof EXIT];

/** The command was given in a way that makes no sense. */
export class UsageError extends Error {}

/** A file could not be read or written. */
export class FileError extends Error {}

export interface Context {
  readonly io: IO;
  /** Characters in a line. */
  readonly columns: number;
  /** The input that is being worked on, for errors. */
  input: string | undefined;
  /** Files that were read: they are not written over. */
  readonly inputs: string[];
  /** What a verb's action ends with. */
  done(code: Exit): void;
  style(command: Command): Style;
  /** Tells an error to people, and says with what to exit for it. */
  report(error: unknown): Exit;
}

/** Options of verbs that read an input. */
export interface InputOptions {
  readonly as?: string;
  readonly abi?: string;
}

/** Adds `--as` and `--abi`. */
export function inputOptions(command: Command): Command {
  return command
    .option('--as <format>', 'read it as FORMAT or FORMAT@GENERATION, whatever it looks like')
    .option('--abi <abi>', 'the machine that wrote it: x86_64, i386, …, or i386,timeSize=8');
}

/** Reads and opens an input; `-` is stdin, gzip is unpacked. */
export async function openInput(context: Context, file: string, options: InputOptions): Promise<State> {
  const { io } = context;
  const bytes = await readBytes(context, file);
  return open(bytes, {
    as: options.as,
    abi: abiOption(options.abi),
    gunzip: (packed) => io.gunzip(packed),
  });
}

/** The bytes of a file, or of stdin for `-`. */
export async function readBytes(context: Context, file: string): Promise<Uint8Array> {
  const { io } = context;
  context.input = file === '-' ? 'stdin' : file;
  try {
    if (file === '-') return await io.readStdin();
    context.inputs.push(file);
    return await io.readFile(file);
  } catch (error) {
    if (error instanceof CarryoverError) throw error;
    throw new FileError(`${file}: ${reasonOf(error)}`, { cause: error });
  }
}

/** What is written never takes the place of what it was made from, unless that is asked for. */
export async function refuseInput({ io, inputs }: Context, file: string): Promise<void> {
  for (const input of inputs)
    if (await io.isSameFile(input, file))
      throw new UsageError(`${file} is the input itself: give another name with -o`);
}

/** Writes the bytes to a file, or to stdout for `-`. An input is only replaced if that was asked for. */
export async function writeBytes(
  context: Context,
  file: string,
  bytes: Uint8Array,
  replace = false,
): Promise<void> {
  const { io } = context;
  if (file === '-') {
    if (io.stdoutIsTTY)
      throw new UsageError('these are bytes, and stdout is a terminal: give a file with -o, or a pipe');
    await io.write(bytes);
    return;
  }
  if (!replace) await refuseInput(context, file);
  try {
    await io.writeFile(file, bytes);
  } catch (error) {
    throw new FileError(`${file}: ${isMissing(error) ? 'there is no such directory' : reasonOf(error)}`, {
      cause: error,
    });
  }
}

/** A file that is written need not be there; the directory that it is to be in has to. */
function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
/** What the system says, in its words, without its code and path. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EACCES: 'permission denied',
    EISDIR: 'this is a directory',
    ENOSPC: 'no space left on the device',
    EROFS: 'the file system is read-only',
  };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return reasons[code] ?? error.message;
}

export function abiOption(text: string | undefined): ABI | undefined {
  return text === undefined ? undefined : parseABI(text);
}

/** The style for a verb's output. */
export function styleFor(io: IO, command: Command): Style {
  const { color } = command.optsWithGlobals<{ color: ColorMode }>();
  return makeStyle(wantsColor(io, color));
}

/** A whole number from 0 on. */
export function parseCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`${JSON.stringify(text)} is not a whole number`);
  return Number(text);
}

/** Adds examples to the end of a verb's help. */
export function examples(command: Command, ...lines: readonly string[]): Command {
  return command.addHelpText(
    'after',
    `\nExamples:\n${lines.map((line) => `  $ carryover ${line}`).join('\n')}`,
  );
}
