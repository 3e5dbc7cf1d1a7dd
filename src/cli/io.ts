/** What the command needs of the system around it, so that it runs in tests as it does in a shell. */
export interface IO {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdoutIsTTY: boolean;
  readonly stderrIsTTY: boolean;
  /** Width of the terminal; undefined where stdout is none. */
  readonly columns: number | undefined;
  readStdin(): Promise<Uint8Array>;
  readFile(path: string): Promise<Uint8Array>;
  /** Writes a whole file or nothing of it. */
  writeFile(path: string, bytes: Uint8Array): Promise<void>;
  /** Resolves when more can be taken; false when nobody reads any more. */
  write(chunk: string | Uint8Array): Promise<boolean>;
  writeError(text: string): void;
  gunzip(bytes: Uint8Array): Uint8Array;
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
