/** What the command needs of the system around it, so that it runs in tests as it does in a shell. */
import type { FileWrite } from '../build/edit/index.js';
import type { FileSource } from '../memory/index.js';

/** What is at a path: a file to be read in windows, or a directory, read as a whole. */
export type Opened =
  | { readonly kind: 'file'; readonly source: FileSource }
  /** Files by their paths inside of it, with `/` between the names. */
  | { readonly kind: 'directory'; readonly files: ReadonlyMap<string, Uint8Array> }
  /** A pipe or a device, which can be read from its start to its end, once. */
  | { readonly kind: 'stream' };

/** A file that is being written from its start to its end. */
export interface OutputFile {
  /** The bytes may be used again once it resolves. */
  write(bytes: Uint8Array): Promise<void>;
  /** Goes on that many bytes further; what is left out reads as zeros and takes no room. */
  skip(length: number): Promise<void>;
  /** Puts the file in its place. */
  done(): Promise<void>;
  /** Leaves nothing behind. */
  abandon(): Promise<void>;
}

export interface IO {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdoutIsTTY: boolean;
  readonly stderrIsTTY: boolean;
  /** Width of the terminal; undefined where stdout is none. */
  readonly columns: number | undefined;
  readStdin(): Promise<Uint8Array>;
  readFile(path: string): Promise<Uint8Array>;
  /** Opens a file to be read in windows; reads a directory. */
  openPath(path: string): Promise<Opened>;
  createFile(path: string): Promise<OutputFile>;
  /** Whether both paths lead to one file; false where there is none. */
  isSameFile(a: string, b: string): Promise<boolean>;
  /** Makes a directory and those around it, where there is none. */
  makeDirectory(path: string): Promise<void>;
  /** Writes a whole file or nothing of it. */
  writeFile(path: string, bytes: Uint8Array): Promise<void>;
  /** Writes a copy of a file with some bytes changed, whole or not at all. Holes stay holes. */
  copyPatched(from: string, to: string, writes: readonly FileWrite[]): Promise<void>;
  /** Changes bytes of a file itself, all of them or none. */
  changePatched(path: string, writes: readonly FileWrite[]): Promise<void>;
  /** Brings back what an interrupted change replaced; false if there was none. */
  undoPatch(path: string): Promise<boolean>;
  /** Resolves when more can be taken; false when nobody reads any more. */
  write(chunk: string | Uint8Array): Promise<boolean>;
  writeError(text: string): void;
  gunzip(bytes: Uint8Array): Uint8Array;
  gzip(bytes: Uint8Array): Uint8Array;
}

/** Pieces of text are gathered to chunks of so many characters: a write for each line costs more than the line. */
const CHUNK = 1 << 16;

/** Writes text piece by piece, and stops making it when nobody reads any more. */
export async function writeAll(io: IO, pieces: Iterable<string>): Promise<void> {
  let chunk = '';
  for (const piece of pieces) {
    chunk += piece;
    if (chunk.length < CHUNK) continue;
    if (!(await io.write(chunk))) return;
    chunk = '';
  }
  if (chunk !== '') await io.write(chunk);
}

/** The same for whole lines. */
export function writeLines(io: IO, lines: Iterable<string>): Promise<void> {
  return writeAll(io, withNewlines(lines));
}
function* withNewlines(lines: Iterable<string>): Generator<string> {
  for (const line of lines) yield `${line}\n`;
}
