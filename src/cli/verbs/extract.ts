/** `carryover extract`: the content of a preserved file. */
import type { Command } from 'commander';
import type { Content } from '../../formats/kho/index.js';
import { preservedFile, sizeText } from '../../state/index.js';
import { type Context, EXIT, examples, FileError, reasonOf } from '../context.js';
import { type DumpOptions, dumpOptions, openMemory } from '../dump-input.js';
import { openOutput } from '../output.js';
import { progressOf } from '../progress.js';

interface ExtractOptions extends DumpOptions {
  readonly output: string;
}

/** Absent pieces that are listed; more are counted. */
const LISTED = 5;

export function addExtract(program: Command, context: Context): void {
  const command = dumpOptions(
    program
      .command('extract')
      .argument('<file>', 'the dump')
      .argument('<path>', 'entries.LUO.sessions[0].files[1], or SESSION/TOKEN such as vm-alpha/0x1001'),
  )
    .summary('write the content of a preserved file')
    .description(
      'Writes the bytes of a preserved file (a memfd) as they are in the memory of the dump. Holes stay holes in a file, and are zeros in a pipe. Pages that the dump lacks are zeros too; they are told on stderr, and the exit code is 1. Pages that the dump says are zero, without storing them, are counted there as well.',
    )
    .option('-o, --output <file>', 'where to write it; - is stdout', '-');
  examples(
    command,
    'extract vmcore vm-alpha/0x1001',
    "extract vmcore 'entries.LUO.sessions[1].files[0]' -o guest.mem",
  ).action(async (file: string, path: string, options: ExtractOptions) => {
    const state = await openMemory(context, [file], options);
    const { contents } = preservedFile(state, path);
    const out = await openOutput(context, options.output);
    const progress = progressOf(context.io);
    const absent = new Absent();
    let zeros = 0n;
    try {
      for (const piece of contents) {
        progress.tell(() => `wrote ${sizeText(piece.offset)}`);
        if (piece.kind === 'data') await out.write(piece.bytes);
        else await out.skip(Number(piece.length));
        if (piece.kind === 'absent') absent.add(piece);
        if (piece.kind === 'hole' && piece.because === 'zero in the dump') zeros += piece.length;
      }
      await out.done();
    } catch (error) {
      await out.abandon();
      if (error instanceof Error && 'code' in error && 'syscall' in error)
        throw new FileError(`${options.output}: ${reasonOf(error)}`, { cause: error });
      throw error;
    } finally {
      progress.end();
    }
    if (zeros > 0n)
      context.io.writeError(
        `carryover: note: ${zeros} bytes of ${path} are zero because the dump says so without storing them; a dump that was cut down may say it of pages that held something\n`,
      );
    for (const line of absent.lines()) context.io.writeError(`carryover: ${line}\n`);
    if (absent.bytes > 0n)
      context.io.writeError(`carryover: ${absent.bytes} bytes of ${path} are not in the dump\n`);
    context.done(absent.bytes > 0n ? EXIT.findings : EXIT.fine);
  });
}

/** What the dump lacks of a file: pieces that follow each other are told as one. */
class Absent {
  bytes = 0n;
  readonly #pieces: { offset: bigint; length: bigint; address: bigint | undefined; detail: string }[] = [];
  #more = 0;
  #end = -1n;

  add({ offset, length, address, detail }: Content & { kind: 'absent' }): void {
    this.bytes += length;
    const last = this.#pieces[this.#pieces.length - 1];
    if (last !== undefined && this.#end === offset && last.detail === detail) last.length += length;
    else if (this.#pieces.length < LISTED) this.#pieces.push({ offset, length, address, detail });
    else this.#more++;
    this.#end = offset + length;
  }
  *lines(): Iterable<string> {
    for (const { offset, length, address, detail } of this.#pieces)
      yield `${length} bytes at offset ${offset} are absent${address === undefined ? '' : `, the first at 0x${address.toString(16)}`}: ${detail}`;
    if (this.#more > 0) yield `… and ${this.#more} more pieces`;
  }
}
