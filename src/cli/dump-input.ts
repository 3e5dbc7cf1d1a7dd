/** Inputs that are the memory of a machine, or parts of what it handed over: recognised and opened. */
import type { Command } from 'commander';
import { Gunzip } from 'fflate';
import { CarryoverError, isCarryoverError } from '../codec/index.js';
import { type HandoverPart, handoverParts } from '../formats/handover.js';
import type { HandoverOptions } from '../formats/kho/index.js';
import { bytesSource, openImage, recogniseContainer, type Source } from '../memory/index.js';
import {
  blobOfHandover,
  type HandoverState,
  openBlob,
  openCopy,
  openDump,
  type State,
  type StateCode,
} from '../state/index.js';
import {
  abiOption,
  type Context,
  FileError,
  type InputOptions,
  inputOptions,
  openInput,
  readBytes,
  reasonOf,
  UsageError,
} from './context.js';
import { progressOf } from './progress.js';

/** Options of verbs that read memory as well. */
export interface DumpOptions extends InputOptions {
  readonly raw?: string;
  readonly khoFdt?: string;
  readonly pageSize?: string;
  readonly setupData?: string;
  readonly part?: readonly string[];
}

/** Adds what tells how a memory dump is to be read, beside `--as` and `--abi`. */
export function dumpOptions(command: Command, raw = '--raw <base>'): Command {
  return inputOptions(command)
    .optionsGroup('Options for memory dumps:')
    .option(raw, 'it is raw memory, from this physical address on')
    .option('--kho-fdt <address>', 'physical address of the root of the handover')
    .option('--page-size <bytes>', '4096, 16384 or 65536; found in the data if not given')
    .option('--setup-data <file>', "x86's struct kho_data, from /sys/kernel/boot_params/setup_data/N/data")
    .option(
      '--part <file>',
      'a further file of a split kdump; may be given several times',
      (value: string, before: readonly string[] | undefined) => [...(before ?? []), value],
    )
    .optionsGroup('Options:');
}

/** What a file turned out to be. */
export type Input =
  | { readonly kind: 'bytes'; readonly state: State }
  | { readonly kind: 'handover'; readonly state: HandoverState };

/** What `--as` says of a handover: one of its parts, and what may stand behind the `@`; undefined for others. */
function handoverAs(as: string): { readonly part: HandoverPart; readonly generation?: string } | undefined {
  const [name = '', ...rest] = as.split('@');
  const part = handoverParts.find((candidate) => candidate.name === name);
  if (part === undefined) return undefined;
  return rest.length === 0 ? { part } : { part, generation: rest.join('@') };
}

/**
 * Opens an input of any kind. Several files are the parts of one split kdump.
 *
 * @throws what `open`, `openImage` and `openDump` throw; FileError where a file cannot be read.
 */
export async function openAny(
  context: Context,
  files: readonly string[],
  options: DumpOptions,
): Promise<Input> {
  const [file = '-', ...rest] = files;
  const parts = [...rest, ...(options.part ?? [])];
  const isKho = options.as === undefined || handoverAs(options.as) !== undefined;
  if (!isKho) {
    refuseParts(parts);
    return { kind: 'bytes', state: await openInput(context, file, options) };
  }
  const { progress, close, sources, isStream, directory } = await openFiles(context, [file, ...parts]);
  let isRead = false;
  try {
    const abi = abiOption(options.abi);
    if (directory !== undefined) return { kind: 'handover', state: openCopy(directory, abi) };
    const [source] = sources;
    if (source === undefined) throw new UsageError('no file was given');
    const head = headOf(source);
    const raw = options.raw === undefined ? undefined : { base: addressOption('--raw', options.raw) };
    if (raw !== undefined || isDump(head)) {
      if (abi !== undefined)
        throw new UsageError('the ABI of a dump is what the dump says; --page-size can be given');
      // An image reads on while it is looked at: its files stay open until the process ends.
      isRead = true;
      const image = openImage(sources, raw === undefined ? {} : { raw });
      return { kind: 'handover', state: openDump(image, await handoverOptions(context, options)) };
    }
    refuseParts(parts);
    const name = blobOfHandover(head);
    if (name !== undefined) {
      return { kind: 'handover', state: openBlob(unpacked(context, source), name, abi) };
    }
    const memoryOnly = (
      [
        ['--kho-fdt', options.khoFdt],
        ['--page-size', options.pageSize],
        ['--setup-data', options.setupData],
      ] as const
    ).find(([, value]) => value !== undefined);
    if (options.as !== undefined || memoryOnly !== undefined)
      throw new CarryoverError(
        'format-unknown' satisfies StateCode,
        'this is no memory dump and no part of a handover; for raw memory give its physical address with --raw',
      );
    return {
      kind: 'bytes',
      state: await openInput(isStream ? again(context, source) : context, file, options),
    };
  } finally {
    progress.end();
    if (!isRead) close();
  }
}

/** What was read from a stream, as if it could be read again. */
function again(context: Context, source: Source): Context {
  const read = async (): Promise<Uint8Array> => source.read(0, source.size);
  return { ...context, io: { ...context.io, readStdin: read, readFile: read } };
}

/** The same for verbs that only make sense of memory. */
export async function openMemory(
  context: Context,
  files: readonly string[],
  options: DumpOptions,
): Promise<HandoverState & { readonly memory: NonNullable<HandoverState['memory']> }> {
  const input = await openAny(context, files, options);
  if (input.kind === 'handover' && input.state.memory !== undefined)
    return { ...input.state, memory: input.state.memory };
  throw new CarryoverError(
    'input-no-memory' satisfies StateCode,
    'this is not an image of the memory of a machine',
  );
}

function refuseParts(parts: readonly string[]): void {
  if (parts.length > 0)
    throw new UsageError('several files are only the parts of one split kdump; give one input');
}

interface Files {
  readonly sources: readonly Source[];
  /** Whether they came out of something that can be read once only, and were read. */
  readonly isStream: boolean;
  readonly directory: ReadonlyMap<string, Uint8Array> | undefined;
  readonly progress: { end(): void };
  close(): void;
}

async function openFiles(context: Context, files: readonly string[]): Promise<Files> {
  const progress = progressOf(context.io);
  const sources: Source[] = [];
  const closers: (() => void)[] = [];
  let directory: ReadonlyMap<string, Uint8Array> | undefined;
  let isStream = false;
  const addStream = async (file: string): Promise<void> => {
    sources.push(bytesSource(await readBytes(context, file)));
    isStream = true;
  };
  for (const file of files) {
    if (file === '-') {
      await addStream(file);
      continue;
    }
    context.input = file;
    context.inputs.push(file);
    try {
      const opened = await context.io.openPath(file);
      if (opened.kind === 'stream') await addStream(file);
      else if (opened.kind === 'directory') {
        if (files.length > 1) throw new UsageError('a directory is an input of its own');
        directory = opened.files;
      } else {
        sources.push(progress.watched(opened.source));
        closers.push(() => opened.source.close());
      }
    } catch (error) {
      if (isCarryoverError(error) || error instanceof UsageError || error instanceof FileError) throw error;
      throw new FileError(`${file}: ${reasonOf(error)}`, { cause: error });
    }
  }
  context.input = files[0] === '-' ? 'stdin' : files[0];
  return {
    sources,
    isStream,
    directory,
    progress,
    close: () => {
      for (const close of closers) close();
    },
  };
}

const HEAD = 1 << 16;

/** The first bytes, out of gzip if need be. */
function headOf(source: Source): Uint8Array {
  const head = source.read(0, HEAD);
  if (!isGzip(head)) return head;
  let out: Uint8Array = new Uint8Array();
  try {
    // The decompressor keeps what it is given.
    new Gunzip((chunk) => {
      if (out.length === 0) out = chunk;
    }).push(head.slice(0, 16384), false);
  } catch {
    // What is no gzip after all is told by whoever unpacks all of it.
  }
  return out;
}
function isGzip(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}
/** A stream of zlib is only one if nothing else knows it. */
function isDump(head: Uint8Array): boolean {
  const container = recogniseContainer(head);
  return container !== undefined && container !== 'gzip' && container !== 'zlib';
}

/** A blob of a handover has a page or a few. */
function unpacked({ io }: Context, source: Source): Uint8Array {
  const bytes = source.read(0, Math.min(source.size, MAX_BLOB));
  return isGzip(bytes) ? io.gunzip(bytes) : bytes;
}
const MAX_BLOB = 16 << 20;

async function handoverOptions(context: Context, options: DumpOptions): Promise<HandoverOptions> {
  const as = options.as === undefined ? undefined : handoverAs(options.as);
  const { input } = context;
  const khoData = options.setupData === undefined ? undefined : await readBytes(context, options.setupData);
  context.input = input;
  return {
    ...(options.khoFdt === undefined ? {} : { khoFdt: addressOption('--kho-fdt', options.khoFdt) }),
    ...(options.pageSize === undefined ? {} : { pageSize: pageSizeOption(options.pageSize) }),
    ...forcedBy(as),
    ...(khoData === undefined ? {} : { khoData: khoDataOf(khoData) }),
  };
}

/** The generation of the root, or of a part of the handover, that `--as` names. */
function forcedBy(as: ReturnType<typeof handoverAs>): Pick<HandoverOptions, 'generation' | 'forced'> {
  if (as?.generation === undefined) return {};
  const { part, generation } = as;
  if (part.name === 'kho') return { generation };
  if (part.forcible === undefined)
    throw new CarryoverError(
      'generation-unknown' satisfies StateCode,
      `the generation of ${part.name} is always what its data says; carryover decode finds it`,
    );
  const names = part.generations.map(({ name }) => name);
  if (!names.includes(generation))
    throw new CarryoverError(
      'generation-unknown' satisfies StateCode,
      `${part.name} has no generation ${JSON.stringify(generation)}; it has ${names.join(', ')}`,
    );
  return { forced: { [part.name]: generation } };
}

function khoDataOf(bytes: Uint8Array): Uint8Array {
  if (bytes.length !== 32)
    throw new UsageError(`--setup-data takes a struct kho_data of 32 bytes, this has ${bytes.length}`);
  return bytes;
}

/** A physical address, `0x4bd000` or decimal. */
export function addressOption(option: string, text: string): bigint {
  if (!/^(0x[0-9a-f]{1,16}|\d{1,19})$/i.test(text))
    throw new UsageError(`${option} takes an address such as 0x4bd000, not ${JSON.stringify(text)}`);
  return BigInt(text);
}

export function pageSizeOption(text: string): number {
  const [, digits, unit] = /^(\d{1,9})(k?)$/i.exec(text) ?? [];
  if (digits === undefined)
    throw new UsageError(`--page-size takes 4096, 16384 or 65536, not ${JSON.stringify(text)}`);
  return Number(digits) * (unit === '' ? 1 : 1024);
}

/** Whether a file is a dump, or a directory with a copy of debugfs, rather than one value in bytes. */
export async function isHandover(
  context: Context,
  file: string,
  options: Pick<DumpOptions, 'as' | 'raw'>,
): Promise<boolean> {
  if (options.raw !== undefined) return true;
  if (file === '-' || (options.as !== undefined && handoverAs(options.as) === undefined)) return false;
  const opened = await context.io.openPath(file).catch(() => undefined);
  // What cannot be opened is told by whoever reads it next.
  if (opened === undefined) return false;
  const isOne = opened.kind === 'directory' || (opened.kind === 'file' && isDump(headOf(opened.source)));
  if (opened.kind === 'file') opened.source.close();
  return isOne;
}

/** Refuses what a kernel handed over, for verbs that write a value anew. */
export async function refuseDump(context: Context, file: string, as: string | undefined): Promise<void> {
  if (!(await isHandover(context, file, as === undefined ? {} : { as }))) return;
  context.input = file;
  throw new CarryoverError(
    'dump-read-only' satisfies StateCode,
    'this is what a kernel handed over, not one value: it cannot be converted; set and patch change it, and decode, check, get, hexdump, extract and ranges read it',
  );
}
